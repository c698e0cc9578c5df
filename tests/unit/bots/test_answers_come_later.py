"""Answers that the limits hold back come when there is room: who is quick is not left with silence."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiogram.exceptions import TelegramForbiddenError, TelegramRetryAfter
from aiogram.methods import AnswerCallbackQuery, EditMessageReplyMarkup, EditMessageText, SendMessage

from backend.core import clock
from backend.core.clock import StillClock
from bots.telegram.later import MOST_WAITING
from bots.telegram.pace import Paced
from bots.telegram.refusals import HeldBack

NOON = datetime(2026, 11, 26, 4, tzinfo=UTC)


class Minutes:
    """A pace that lets so many go in each minute, as a chat's limit does."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.gone: list[datetime] = []

    async def free_at(self, chat: str, until: datetime, *, is_keys: bool = False) -> datetime | None:
        assert chat
        assert until > clock.now()
        if is_keys:
            return None
        recent = [each for each in self.gone if clock.now() - each < timedelta(minutes=1)]
        if len(recent) >= self.most:
            return recent[0] + timedelta(minutes=1)
        self.gone.append(clock.now())
        return None


class Phone:
    """What arrives in one chat, and when."""

    def __init__(self, paced: Paced) -> None:
        self.paced = paced
        self.shown: list[tuple[str, float]] = []
        self.refusals: list[Exception] = []

    async def send(self, _: Any, method: Any) -> bool:
        if self.refusals:
            raise self.refusals.pop(0)
        self.shown.append((getattr(method, "text", ""), (clock.now() - NOON).total_seconds()))
        return True

    async def says(self, *texts: str) -> None:
        for text in texts:
            await self.paced(self.send, None, SendMessage(chat_id=7, text=text))  # type: ignore[arg-type]

    def texts(self) -> list[str]:
        return [text for text, _ in self.shown]


@pytest.fixture
def still() -> Iterator[StillClock]:
    one = StillClock(NOON)
    with clock.use(one):
        yield one


@pytest.fixture
async def phone(still: StillClock) -> AsyncIterator[Phone]:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)
        still.advance(timedelta(seconds=seconds))

    one = Phone(Paced(Minutes(2), sleep))
    yield one
    await one.paced.later.close()


async def rest(phone: Phone) -> None:
    for _ in range(200):
        await asyncio.sleep(0)
    assert not phone.paced.later.has("7")


async def test_what_the_minutes_limit_holds_back_comes_in_the_next_minutes_in_its_order(phone: Phone) -> None:
    await phone.says("one", "two")
    for text in ("three", "four", "five"):
        with pytest.raises(HeldBack):
            await phone.says(text)
    assert phone.texts() == ["one", "two"]
    await rest(phone)
    assert phone.shown == [("one", 0), ("two", 0), ("three", 60), ("four", 60), ("five", 120)]


async def test_a_new_answer_goes_behind_those_that_wait_though_there_is_room_by_now(
    phone: Phone, still: StillClock
) -> None:
    await phone.says("one", "two")
    with pytest.raises(HeldBack):
        await phone.says("three")
    still.advance(timedelta(minutes=2))
    with pytest.raises(HeldBack):
        await phone.says("four")
    await rest(phone)
    assert phone.texts() == ["one", "two", "three", "four"]


async def test_of_many_the_newest_are_kept(phone: Phone) -> None:
    await phone.says("one", "two")
    many = [str(number) for number in range(MOST_WAITING + 3)]
    for text in many:
        with pytest.raises(HeldBack):
            await phone.says(text)
    await rest(phone)
    assert phone.texts() == ["one", "two", *many[3:]]


async def test_an_edit_is_not_kept_for_it_would_cover_what_was_drawn_meanwhile_and_a_tap_is_answered(
    phone: Phone,
) -> None:
    await phone.says("one", "two")
    with pytest.raises(HeldBack):
        await phone.paced(phone.send, None, EditMessageText(chat_id=7, message_id=1, text="late"))  # type: ignore[arg-type]
    assert not phone.paced.later.has("7")
    await phone.paced(phone.send, None, AnswerCallbackQuery(callback_query_id="1", text="popped up"))  # type: ignore[arg-type]
    assert phone.texts() == ["one", "two", "popped up"]


async def test_the_second_tap_of_a_real_fire_is_offered_at_once_however_much_was_said_before(phone: Phone) -> None:
    """Without it, who taps again as they are asked to is only asked again."""
    await phone.says("one", "two")
    with pytest.raises(HeldBack):
        await phone.says("three")
    await phone.paced(phone.send, None, EditMessageReplyMarkup(chat_id=7, message_id=1))  # type: ignore[arg-type]
    assert phone.shown[-1] == ("", 0)
    await rest(phone)
    assert phone.texts() == ["one", "two", "", "three"]


async def test_what_telegram_itself_holds_back_for_long_comes_when_it_said(phone: Phone) -> None:
    said = SendMessage(chat_id=7, text="one")
    phone.refusals.append(TelegramRetryAfter(method=said, message="Too Many Requests", retry_after=33))
    with pytest.raises(HeldBack):
        await phone.says("one")
    await rest(phone)
    assert phone.shown == [("one", 33)]


async def test_a_late_answer_that_nobody_can_get_holds_up_none_behind_it(phone: Phone) -> None:
    await phone.says("one", "two")
    for text in ("lost", "four"):
        with pytest.raises(HeldBack):
            await phone.says(text)
    phone.refusals.append(TelegramForbiddenError(method=SendMessage(chat_id=7, text=""), message="blocked"))
    await rest(phone)
    assert phone.texts() == ["one", "two", "four"]


async def test_a_late_answer_that_telegram_holds_back_too_comes_when_it_said(phone: Phone) -> None:
    await phone.says("one", "two")
    for text in ("three", "four"):
        with pytest.raises(HeldBack):
            await phone.says(text)
    said = SendMessage(chat_id=7, text="three")
    phone.refusals.append(TelegramRetryAfter(method=said, message="Too Many Requests", retry_after=17))
    await rest(phone)
    assert phone.shown == [("one", 0), ("two", 0), ("three", 77), ("four", 77)]


async def test_a_bot_that_stops_lets_go_of_what_waits(phone: Phone, caplog: pytest.LogCaptureFixture) -> None:
    await phone.says("one", "two")
    with pytest.raises(HeldBack):
        await phone.says("three")
    await phone.paced.later.close()
    assert phone.texts() == ["one", "two"]
    assert "the bot stops" in caplog.text
