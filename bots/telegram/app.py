"""The bot as a whole: dispatcher, the house's use cases, and the process `fenghuo bot`.

The rule: this is the only module of the bot that names the house's services. The caller has opened the database
and the process's announcer before, and closes them after.
"""

import asyncio
from typing import Final

from aiogram import Bot, Dispatcher
from aiogram.types import BotCommand

from backend.alarms import queries as alarm_queries
from backend.alarms import service as alarms
from backend.alarms.card import alarm_card
from backend.alarms.model import HistoryLine
from backend.core import clock
from backend.core.db.engine import transaction
from backend.core.i18n import DEFAULT_LANGUAGE, LANGUAGES, _
from backend.core.ids import AlarmId
from backend.core.settings import Secret, Settings, Telegram
from backend.core.vocabulary import Channel
from backend.delivery.model import Card
from backend.delivery.trying import contact_works
from backend.ledger.service import record_action
from backend.people import service as people
from backend.people.model import Person
from bots.telegram.callers import Callers
from bots.telegram.inbox import Inbox, PostgresInbox
from bots.telegram.routers import alarms as alarm_router
from bots.telegram.routers import errors, help, linking  # noqa: A004 - named by what it does for people
from bots.telegram.routers.help import COMMANDS
from bots.telegram.session import make_bot
from bots.telegram.updates import HOOK_PATH, KINDS, Hearing, Polling, stopped, until_done
from bots.telegram.use_cases import UseCases

_REQUEST_S: Final = 10.0  #: longest time for one answer of the bot


def build_dispatcher(use_cases: UseCases) -> Dispatcher:
    """All routers around these use cases. Order matters: `help` takes what the others left."""
    dispatcher = Dispatcher(disable_fsm=True, use_cases=use_cases)
    dispatcher.update.outer_middleware(Callers(use_cases))
    dispatcher.include_routers(errors.build(), alarm_router.build(), linking.build(), help.build())
    return dispatcher


def build_hearing(
    telegram: Telegram, use_cases: UseCases | None = None, inbox: Inbox | None = None
) -> tuple[Bot, Hearing]:
    """A bot and its ears. Raises BadSettings without a well-formed token."""
    bot = make_bot(telegram, timeout_s=_REQUEST_S)
    return bot, Hearing(bot, build_dispatcher(use_cases or the_house()), inbox or PostgresInbox())


async def run_bot(settings: Settings, use_cases: UseCases | None = None, inbox: Inbox | None = None) -> None:
    """What `fenghuo bot` runs until it is cancelled: long polling.

    With a webhook secret it registers the webhook instead, and only looks after updates the web process left
    unfinished. Raises BadSettings without a token.
    """
    telegram = settings.telegram
    bot, hearing = build_hearing(telegram, use_cases, inbox)
    chores = asyncio.create_task(_chores(bot, hearing), name="telegram chores")
    try:
        if telegram.webhook_secret:
            await _listen_by_webhook(bot, settings.public_url, telegram.webhook_secret)
        await (_forever() if telegram.webhook_secret else Polling(bot, hearing).run())
    finally:
        await stopped(chores)
        await hearing.drain()
        await bot.session.close()


async def _forever() -> None:
    await asyncio.Event().wait()


async def _chores(bot: Bot, hearing: Hearing) -> None:
    """What an earlier process left, the menu, then a look at stored updates now and then."""
    await until_done("stored updates", hearing.pick_up)
    await until_done("the bot's menu", lambda: set_menu(bot))
    await hearing.sweep()


async def _listen_by_webhook(bot: Bot, public_url: str, secret: Secret) -> None:
    await until_done("the webhook", lambda: register_webhook(bot, public_url, secret))


async def register_webhook(bot: Bot, public_url: str, secret: Secret) -> None:
    """Tell Telegram where to push and with which secret. Raises aiogram's exceptions."""
    await bot.set_webhook(
        url=f"{public_url}{HOOK_PATH}",
        secret_token=secret.value,
        allowed_updates=list(KINDS),
        drop_pending_updates=False,
    )


async def set_menu(bot: Bot) -> None:
    """The commands a chat offers: Chinese for everybody, and each other language for its own people."""
    for language in LANGUAGES:
        menu = [BotCommand(command=command, description=_(words, language)) for command, words in COMMANDS]
        await bot.set_my_commands(menu, language_code=None if language == DEFAULT_LANGUAGE else language)


def the_house() -> UseCases:
    """The real use cases. What they ask to be drawn again is announced by themselves (core.announce)."""
    return UseCases(
        person_of_chat=people.person_of_chat,
        link_chat=_link_chat,
        unlink_chat=_unlink_chat,
        mark_contact_failing=people.mark_contact_failing,
        mark_contact_well=people.mark_contact_well,
        acknowledge=alarms.acknowledge,
        judge=alarms.judge,
        contact_works=contact_works,
        card=alarm_queries.card_for,
        active_cards=_active_cards,
        history=_history,
    )


async def _link_chat(code: str, channel: Channel, account: str, chat: str) -> Person:
    async with transaction():
        person = await people.link_chat(code, channel, account, chat)
        await record_action(person.code, "chat.linked", {"channel": str(channel), "account": account, "chat": chat})
    return person


async def _unlink_chat(channel: Channel, account: str) -> None:
    async with transaction():
        person = await people.person_of_chat(channel, account)
        await people.unlink_chat(channel, account)
        if person is not None:
            await record_action(person.code, "chat.unlinked", {"channel": str(channel), "account": account})


async def _active_cards(person: Person, language: str, most: int) -> list[Card]:
    return [alarm_card(each, language) for each in await alarm_queries.alarms_for(person, "active", most)]


async def _history(person: Person, alarm_id: AlarmId, language: str) -> list[str]:
    alarm = await alarm_queries.alarm_for(person, alarm_id)
    lines = await alarm_queries.history_for(person, alarm_id, language)
    return [_story_line(line, alarm.place.timezone) for line in lines]


def _story_line(line: HistoryLine, timezone: str) -> str:
    """As "11-22 14:03:40 王经理 确认 · Telegram", on the unit's wall clock."""
    at = f"{clock.in_zone(line.at, timezone):%m-%d %H:%M:%S}"
    words = " ".join(part for part in (at, line.person, line.text) if part)
    return f"{words} · {line.via}" if line.via else words
