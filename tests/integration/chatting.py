"""People who chat with the real bot over a Bot API server on loopback: phones, the bot's process, what is kept."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from backend.core.carrier_settings import Budgets
from backend.core.db.engine import fetch
from backend.core.ids import AttemptId, PersonId
from backend.core.settings import Secret, Settings, Telegram
from backend.core.vocabulary import Channel
from backend.delivery.carry import Carrier
from backend.demo.carriers.telegram import BotApiServer, MessageView
from backend.demo.carriers.telegram.account import new_query_id
from backend.demo.carriers.telegram.actor import Person
from backend.demo.carriers.telegram.wire import CallbackQuery
from backend.people import service as people
from bots.telegram.app import run_bot
from bots.telegram.channel import TelegramChannel
from bots.telegram.updates import stopped
from tests.patience import PATIENCE_S

TOKEN = "4200:AAF-very-secret_half"
#: what a passer-by sees of a bug of ours; no test may meet it
FAILURE = "系统繁忙"
FAILURE_EN = "busy"
#: an own JPEG of one grey pixel, and an own voice note
JPEG = b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00\xff\xd9"
#: these tests are of what is said; the limits have tests of their own
NO_LIMITS = Budgets(
    telegram_per_chat_per_second=0,
    telegram_fire_per_chat_per_second=0,
    telegram_per_chat_per_minute=0,
    telegram_per_group_per_minute=0,
    telegram_per_second=0,
)


def settings_for(base: str, *, budgets: Budgets = NO_LIMITS) -> Settings:
    return Settings(telegram=Telegram(token=Secret(TOKEN), api_base=base), budgets=budgets)


@asynccontextmanager
async def bot_process(base: str, *, budgets: Budgets = NO_LIMITS) -> AsyncIterator[None]:
    """`fenghuo bot`, polling."""
    running = asyncio.create_task(run_bot(settings_for(base, budgets=budgets)))
    try:
        yield
    finally:
        await stopped(running)


async def link(carrier: BotApiServer, person: UUID, user: Person) -> "Phone":
    """A person's private chat, linked."""
    chat = carrier.act.open_chat(user)
    code = await people.new_code(PersonId(person), "telegram")
    await people.link_chat(code, Channel.TELEGRAM, str(user.id), str(chat))
    return Phone(carrier, chat)


@asynccontextmanager
async def worker(base: str, timeout_s: float = 2.0) -> AsyncIterator[Carrier]:
    """A worker's hands, with Telegram alone."""
    async with TelegramChannel(settings_for(base).telegram, timeout_s) as channel:
        hands = Carrier("test", {Channel.TELEGRAM: channel}, timeout_s=timeout_s, concurrency=8)
        await hands.start()
        try:
            yield hands
        finally:
            await hands.stop()


async def carry(base: str) -> int:
    """What the workers do: every due attempt by Telegram."""
    rows = await fetch("select id from attempts where channel = 'telegram' and state = 'pending' order by lane, number")
    async with worker(base) as hands:
        return await hands.carry([AttemptId(row["id"]) for row in rows])


async def redraw(base: str) -> None:
    """What the workers do when a card has changed: every one that hangs in a chat is drawn again."""
    rows = await fetch("select id from attempts where channel = 'telegram' and surface is not null")
    async with worker(base) as hands:
        await hands.redraw([AttemptId(row["id"]) for row in rows])


class Phone:
    """Somebody's Telegram: what it shows, and a thumb."""

    def __init__(self, carrier: BotApiServer, chat: int) -> None:
        self.carrier = carrier
        self.chat = chat

    def messages(self) -> list[MessageView]:
        """What the bot wrote, oldest first, as it is now."""
        return [each for each in self.carrier.chat_view(self.chat).messages if each.is_from_bot]

    def texts(self) -> list[str]:
        return [each.text for each in self.messages()]

    def popped(self) -> list[str]:
        """What popped up, oldest first."""
        return [each.text for each in self.carrier.chat_view(self.chat).notifications]

    async def until(self, ask: Callable[[], Any], what: str = "") -> Any:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    seen = self.carrier.version
                    if found := ask():
                        return found
                    await self.carrier.wait_change(seen, seconds=0.5)
        except TimeoutError:
            raise AssertionError(f"never {what!r}; {self.texts()[-4:]} {self.popped()[-2:]}") from None

    async def shows(self, *words: str) -> MessageView:
        """The newest message with all of these words, now or soon."""

        def ask() -> list[MessageView]:
            return [each for each in self.messages() if all(word in each.text for word in words)]

        found: list[MessageView] = await self.until(ask, " ".join(words))
        return found[-1]

    async def says(self, text: str, *, reply_to: int | None = None) -> list[str]:
        """Write; answers what the bot said to it, once it did."""
        before = len(self.messages())
        self.carrier.act.send_text(self.chat, text, reply_to=reply_to)
        await self.until(lambda: self.texts()[before:], f"an answer to {text}")
        return self.texts()[before:]

    async def taps(self, label: str) -> str:
        """The newest key with this label, as soon as it hangs there; answers what popped up."""

        def ask() -> tuple[int, str] | None:
            for message in reversed(self.messages()):
                for key in (key for row in message.buttons for key in row):
                    if label in key.text:
                        return message.message_id, key.text
            return None

        message, text = await self.until(ask, f"a key {label}")
        return await self.popped_by(self.carrier.act.press(self.chat, message, text=text))

    async def popped_by(self, query: str) -> str:
        def ask() -> list[str]:
            shown = self.carrier.chat_view(self.chat).notifications
            return [each.text for each in shown if each.callback_query_id == query]

        async with asyncio.timeout(PATIENCE_S):
            while True:
                seen = self.carrier.version
                if found := [f"!{each}" for each in ask()]:
                    break
                await self.carrier.wait_change(seen, seconds=0.5)
        return found[0].removeprefix("!")

    async def presses(self, data: str) -> str:
        """A key with this callback data, as some card of some time may carry it; answers all that was said to it."""
        account = self.carrier.account
        record = account.book.find(self.chat)
        before = len(self.messages())
        query = CallbackQuery(
            id=new_query_id(),
            sender=account.book.users[self.chat],
            message=next(iter(record.messages.values())).message,
            chat_instance=record.instance,
            data=data,
        )
        account.remember_press(query)
        account.updates.push(callback_query=query)
        popped = await self.popped_by(query.id)
        await self.settled()
        return "\n".join([popped, *self.texts()[before:]])

    async def settled(self) -> None:
        """Until every update is handled."""
        async with asyncio.timeout(PATIENCE_S):
            while await fetch("select 1 from chat_updates where handled_at is null"):
                await asyncio.sleep(0.005)


#: beside what people did: what is written because they were answered, and processes' own marks
_PASSING = frozenset({"chat_updates", "spendings", "process_beats", "piccolo_migration", "migration"})


async def everything() -> dict[str, list[str]]:
    """All rows of all tables, to compare before and after."""
    tables = await fetch(
        """select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
             and not relispartition and has_table_privilege(oid, 'select') order by relname"""
    )
    kept = {}
    for name in (row["relname"] for row in tables):
        if name not in _PASSING:
            kept[name] = sorted(row["it"] for row in await fetch(f'select t::text as it from "{name}" t'))
    return kept


def changes(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, list[str]]:
    """Rows that are not the same, by table."""
    return {name: sorted({*before[name]} ^ {*rows}) for name, rows in after.items() if rows != before[name]}
