"""Hearing: once each, whatever an update holds and whatever the network does."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiogram.exceptions import (
    TelegramConflictError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods import GetMe

from backend.core import clock
from backend.core.ids import AlarmId
from backend.delivery.model import Verb
from bots.telegram.presses import Press
from bots.telegram.updates import Hearing, Polling, until_done

ALARM = AlarmId(UUID("019a0000-0000-7000-8000-000000000001"))
ME = GetMe()


class MemoryInbox:
    """An Inbox without a database; it can be told to fail."""

    def __init__(self) -> None:
        self.stored: dict[int, dict[str, Any]] = {}
        self.handled: list[int] = []
        self.failures = 0
        self.forgot = 0

    async def store(self, update_id: int, body: dict[str, Any]) -> bool:
        if self.failures:
            self.failures -= 1
            raise ConnectionRefusedError("postgres is away")
        return self.stored.setdefault(update_id, body) is body

    async def mark_handled(self, *update_ids: int) -> None:
        self.handled += update_ids

    async def waiting(self, older_than: timedelta) -> Sequence[dict[str, Any]]:
        assert older_than >= timedelta()
        return [body for number, body in sorted(self.stored.items()) if number not in self.handled]

    async def forget(self) -> None:
        self.forgot += 1


class Stop(BaseException):
    """Ends a loop that nothing else ends."""


class Sleeps:
    """Remembers how long was waited, and ends the loop after so many."""

    def __init__(self, most: int = 100) -> None:
        self.seconds: list[float] = []
        self.most = most

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) >= self.most:
            raise Stop


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox()


@pytest.fixture
def hearing(phone: Any, inbox: MemoryInbox) -> Hearing:
    return Hearing(phone.bot, phone.dispatcher, inbox)


def tap(update_id: int, phone: Any, account: int | None = None) -> dict[str, Any]:
    account = account or phone.WANG
    query = {
        "id": str(update_id),
        "from": phone.user(account),
        "chat_instance": "1",
        "data": Press(verb=Verb.ACKNOWLEDGE, alarm=ALARM).pack(),
    }
    return {"update_id": update_id, "callback_query": query}


def answers(phone: Any) -> list[str | None]:
    return [each.text for each in phone.session.named("answerCallbackQuery")]


class Batches:
    """What getUpdates answers, one after the other; exceptions are raised."""

    def __init__(self, session: Any, *batches: Any) -> None:
        self.offsets: list[int | None] = []
        self._left = list(batches)
        self._make_request = session.make_request
        session.make_request = self

    async def __call__(self, bot: Any, method: Any, timeout: int | None = None) -> Any:
        if method.__api_method__ != "getUpdates":
            return await self._make_request(bot, method, timeout)
        self.offsets.append(method.offset)
        if not self._left:
            raise Stop
        batch = self._left.pop(0)
        if isinstance(batch, Exception):
            raise batch
        return batch


async def poll(phone: Any, hearing: Hearing, *batches: Any, sleeps: Sleeps | None = None) -> Batches:
    taken = Batches(phone.session, *batches)
    with pytest.raises(Stop):
        await Polling(phone.bot, hearing, sleeps or Sleeps()).run()
    return taken


async def test_updates_are_handled_marked_and_confirmed(phone: Any, hearing: Hearing, inbox: MemoryInbox) -> None:
    taken = await poll(phone, hearing, [tap(5, phone), tap(6, phone, phone.STRANGER)], [])
    assert taken.offsets == [None, 7, 7]
    assert sorted(inbox.handled) == [5, 6]
    assert "已确认" in answers(phone)
    assert phone.session.requests[0].__api_method__ == "deleteWebhook"


async def test_a_repeated_update_is_handled_once_in_any_order(phone: Any, hearing: Hearing, inbox: MemoryInbox) -> None:
    taken = await poll(phone, hearing, [tap(9, phone), tap(8, phone)], [tap(8, phone), tap(9, phone)])
    assert taken.offsets == [None, 10, 10]
    assert sorted(inbox.handled) == [8, 9]
    assert len(answers(phone)) == 2


async def test_an_update_is_not_confirmed_before_it_is_stored(phone: Any, hearing: Hearing, inbox: MemoryInbox) -> None:
    inbox.failures = 1
    sleeps = Sleeps()
    taken = await poll(phone, hearing, [tap(5, phone)], [tap(5, phone)], sleeps=sleeps)
    assert taken.offsets == [None, None, 6]
    assert inbox.handled == [5]
    assert sleeps.seconds == [0.1]


@pytest.mark.parametrize(
    "bad",
    [
        {"update_id": 4},
        {"update_id": 4, "message": {"nonsense": True}},
        {"update_id": 4, "callback_query": None},
        {"update_id": 4, "poll": {"id": "1"}},
        {"no": "id"},
        {"update_id": "four"},
    ],
)
async def test_an_update_nobody_can_read_does_not_stop_the_next(
    phone: Any, hearing: Hearing, inbox: MemoryInbox, bad: dict[str, Any]
) -> None:
    await poll(phone, hearing, [bad, tap(5, phone)])
    assert 5 in inbox.handled
    assert answers(phone) == ["已确认"]


async def test_what_people_wrote_is_not_in_the_log_when_it_cannot_be_read(
    phone: Any, hearing: Hearing, caplog: pytest.LogCaptureFixture
) -> None:
    await poll(phone, hearing, [{"update_id": 4, "message": {"text": "private words"}}])
    assert "could not be read" in caplog.text
    assert "private words" not in caplog.text


async def test_a_handler_that_crashes_beyond_the_error_router_harms_no_other_and_stays_unhandled(
    phone: Any, hearing: Hearing, inbox: MemoryInbox
) -> None:
    real = phone.dispatcher.feed_update

    async def feed(bot: Any, update: Any) -> Any:
        if update.update_id == 5:
            raise RuntimeError("a bug")
        return await real(bot, update)

    phone.dispatcher.feed_update = feed
    await poll(phone, hearing, [tap(5, phone), tap(6, phone)])
    assert inbox.handled == [6]


@pytest.mark.parametrize(
    ("failure", "waits"),
    [
        (TelegramNetworkError(ME, "gone"), [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30]),
        (TelegramConflictError(ME, "Conflict: terminated by other getUpdates request"), [5, 10, 20, 40, 60]),
        (TelegramUnauthorizedError(ME, "Unauthorized"), [30, 60, 120, 240, 300]),
        (TelegramRetryAfter(ME, "Too Many Requests", 17), [17.0, 17.0]),
        (RuntimeError("a bug"), [0.5, 1.0]),
        (ConnectionRefusedError("postgres is away"), [0.1, 0.2, 0.4, 0.8, 1, 1]),
    ],
)
async def test_each_failure_is_waited_out_longer_each_time(
    phone: Any, hearing: Hearing, failure: Exception, waits: list[float]
) -> None:
    sleeps = Sleeps(len(waits))
    await poll(phone, hearing, *[failure] * len(waits), sleeps=sleeps)
    assert sleeps.seconds == waits


async def test_a_second_poller_is_named_in_the_log(
    phone: Any, hearing: Hearing, caplog: pytest.LogCaptureFixture
) -> None:
    await poll(phone, hearing, TelegramConflictError(ME, "Conflict"), sleeps=Sleeps())
    assert "another process takes this bot's updates" in caplog.text


async def test_after_a_good_answer_the_waits_start_over(phone: Any, hearing: Hearing) -> None:
    sleeps = Sleeps()
    gone = TelegramNetworkError(ME, "gone")
    await poll(phone, hearing, gone, gone, [], gone, sleeps=sleeps)
    assert sleeps.seconds == [0.5, 1.0, 0.5]


async def test_what_an_earlier_process_left_is_picked_up(phone: Any, hearing: Hearing, inbox: MemoryInbox) -> None:
    inbox.stored = {3: tap(3, phone), 4: tap(4, phone)}
    inbox.handled = [3]
    assert await hearing.pick_up() == 1
    await hearing.drain()
    assert inbox.handled == [3, 4]
    assert answers(phone) == ["已确认"]


class Restarting:
    """A PostgreSQL that is away for some seconds of a clock that only sleeping moves."""

    def __init__(self, phone: Any, away_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.away_s = away_s
        self.house = phone.house
        self.house.breaks_with = ConnectionRefusedError("postgres is away")
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)

    async def __call__(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.away_s:
            self.house.breaks_with = None


async def test_a_tap_while_postgresql_restarts_is_done_when_it_is_back(
    phone: Any, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    hearing = Hearing(phone.bot, phone.dispatcher, inbox, Restarting(phone, 0.5, monkeypatch))
    await hearing.handle(tap(5, phone))
    assert inbox.handled == [5]
    assert answers(phone) == ["已确认"]


async def test_a_person_is_told_once_that_a_tap_is_kept_when_postgresql_is_away_for_long(
    phone: Any, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    hearing = Hearing(phone.bot, phone.dispatcher, inbox, Restarting(phone, 20, monkeypatch))
    await hearing.handle(tap(5, phone))
    assert inbox.handled == [5]
    assert answers(phone) == ["系统正在恢复，您的操作已保存，恢复后自动完成。", "已确认"]


async def test_a_tap_that_waited_too_long_is_left_to_the_sweep(
    phone: Any, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    hearing = Hearing(phone.bot, phone.dispatcher, inbox, Restarting(phone, 31.5, monkeypatch))
    inbox.stored = {5: tap(5, phone)}
    await hearing.handle(inbox.stored[5])
    assert inbox.handled == []
    phone.house.breaks_with = None
    await hearing.pick_up()
    await hearing.drain()
    assert inbox.handled == [5]
    assert answers(phone)[-1] == "已确认"


async def test_what_is_done_and_only_not_marked_yet_is_not_done_twice(
    phone: Any, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = inbox.mark_handled

    async def away(_: int) -> None:
        monkeypatch.setattr(inbox, "mark_handled", marked)
        raise ConnectionRefusedError("postgres is away")

    monkeypatch.setattr(inbox, "mark_handled", away)
    await Hearing(phone.bot, phone.dispatcher, inbox, Sleeps()).handle(tap(5, phone))
    assert inbox.handled == [5]
    assert answers(phone) == ["已确认"]


async def test_an_update_in_hand_is_not_begun_again_by_the_sweep(
    phone: Any, hearing: Hearing, inbox: MemoryInbox
) -> None:
    entered, gate = asyncio.Event(), asyncio.Event()

    async def slow(*_: object) -> None:
        entered.set()
        await gate.wait()

    phone.dispatcher.feed_update = slow
    inbox.stored = {4: tap(4, phone)}
    await hearing.pick_up()
    await entered.wait()
    await hearing.handle(inbox.stored[4])
    gate.set()
    await hearing.drain()
    assert inbox.handled == [4]


async def test_the_sweep_outlives_a_database_that_is_away(
    phone: Any, hearing: Hearing, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: timedelta) -> Sequence[dict[str, Any]]:
        monkeypatch.undo()
        raise ConnectionRefusedError("postgres is away")

    inbox.stored = {4: tap(4, phone)}
    monkeypatch.setattr(inbox, "waiting", away)
    with pytest.raises(Stop):
        await hearing.sweep(Sleeps(3))
    await hearing.drain()
    assert (inbox.handled, inbox.forgot) == ([4], 1)


async def test_a_chore_is_tried_until_it_is_done(caplog: pytest.LogCaptureFixture) -> None:
    sleeps = Sleeps()

    async def work() -> None:
        if len(sleeps.seconds) < 8:
            raise TelegramNetworkError(ME, "gone")

    with caplog.at_level(logging.WARNING):
        await until_done("the menu", work, sleeps)
    assert sleeps.seconds == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert "the menu: trying again" in caplog.text
