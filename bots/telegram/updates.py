"""Hearing: updates are stored, then handled; by long polling here, by webhook in `webhook`.

The rule: nothing an update holds, and nothing the network does, ends the hearing. An update is confirmed to
Telegram only after it is stored; each is handled in a task of its own, so one that fails harms no other.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import msgspec
from aiogram import Bot, Dispatcher
from aiogram.exceptions import (
    TelegramConflictError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods import TelegramMethod
from aiogram.types import Update

from backend.core import clock
from backend.core.db.engine import SERVER_AWAY
from bots.telegram.albums import ALBUM_S, Album, album_of, beside
from bots.telegram.doing import IN_HAND, Doing
from bots.telegram.inbox import Inbox
from bots.telegram.later import Later
from bots.telegram.routers.errors import tell_kept
from bots.telegram.turns import Place, Turns, place_of

LOGGER = logging.getLogger(__name__)
KINDS: Final = ("message", "callback_query", "my_chat_member")
HOOK_PATH: Final = "/hooks/telegram"
POLL_S: Final = 25  #: how long one getUpdates waits at Telegram
_GRACE_S: Final = 10  #: how much longer the HTTP request may take
_AT_ONCE: Final = 32  #: updates handled at the same time; as many taps beside them
_MOST_WAITING: Final = 1000  #: updates taken and not yet handled; beyond, the rest waits at Telegram
_HANDLING_S: Final = 10.0  #: longest time for one go at an update
_PIECE_S: Final = 3.0  #: and for each further photo of an album
_MOST_PIECES: Final = 10  #: of an album, at Telegram
_ANSWERING_S: Final = 20.0  #: longest time for the answers to it, when it is done
_AWAY_PATIENCE_S: Final = 30.0  #: how long an update waits in hand for a PostgreSQL that is away
_AWAY_PAUSES_S: Final = (0.1, 0.2, 0.4, 0.8, 1.0)  #: between two goes; the last again and again
_SAY_KEPT_AFTER_S: Final = 2.0  #: then the person is told that it will be done
_DRAIN_S: Final = 5.0  #: how long a stop waits for updates in hand
_SWEEP_S: Final = 10.0  #: between looks for stored updates that nobody finished
_ABANDONED: Final = timedelta(
    seconds=_AWAY_PATIENCE_S + _HANDLING_S + _PIECE_S * _MOST_PIECES + _ANSWERING_S
)  #: older than anybody holds one in hand
Sleep = Callable[[float], Awaitable[object]]


class GetRawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates with each update left plain: one that can't be read must not spoil its batch for ever."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None = None
    timeout: int = POLL_S
    allowed_updates: tuple[str, ...] = KINDS


class Hearing:
    """Stores updates and has them handled by the dispatcher, each once."""

    def __init__(
        self,
        bot: Bot,
        dispatcher: Dispatcher,
        inbox: Inbox,
        sleep: Sleep = asyncio.sleep,
        later: Later | None = None,
    ) -> None:
        self._bot = bot
        self._dispatcher = dispatcher
        self._later = later
        self._inbox = inbox
        self._sleep = sleep
        self._in_hand: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_AT_ONCE)
        #: what waits for nobody has room of its own: a tap may be about a fire, and photos that hang are many at a time
        self._room_for_taps = asyncio.Semaphore(_AT_ONCE)
        self._waiting = asyncio.Semaphore(_MOST_WAITING)
        self._turns = Turns()

    async def take(self, raw: dict[str, Any]) -> bool:
        """Store an update; whether it is new and should be handled. Raises what the database raises."""
        update_id = raw.get("update_id")
        if not isinstance(update_id, int):
            LOGGER.warning("an update without update_id was dropped")
            return False
        return await self._inbox.store(update_id, raw)

    async def begin(self, raw: dict[str, Any]) -> None:
        """Handle a stored update in a task; waits while too many are in hand."""
        await self._waiting.acquire()
        task = asyncio.create_task(self.handle(raw), name=f"telegram update {raw['update_id']}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._waiting.release()

    async def handle(self, raw: dict[str, Any]) -> None:
        """Handle a stored update and mark it; raises nothing."""
        update_id: int = raw["update_id"]
        if update_id in self._in_hand:
            return
        self._in_hand.add(update_id)
        try:
            place = place_of(raw)
            async with self._turns.turn(place), self._room_for(place):
                await self._finish(raw)
        except Exception:  # a job: one update's failure never ends the hearing; it stays unhandled in the inbox
            LOGGER.exception("an update stays unhandled", extra={"update_id": update_id})
        finally:
            self._in_hand.discard(update_id)

    def _room_for(self, place: Place | None) -> asyncio.Semaphore:
        return self._room_for_taps if place is not None and not place.waits else self._room

    async def _finish(self, raw: dict[str, Any]) -> None:
        """Handle and mark; what PostgreSQL interrupts begins anew when it is back, for every use case is idempotent."""
        began, pauses, is_done, is_told = clock.monotonic(), iter(_AWAY_PAUSES_S), False, False
        album: Album | None = None
        while True:
            try:
                album = album or await self._album(raw)
                if not is_done and album.pieces:
                    await self._feed(album)
                is_done = True
                await self._inbox.mark_handled(*(piece["update_id"] for piece in album.pieces))
            except SERVER_AWAY as away:
                waited = clock.monotonic() - began
                if waited > _AWAY_PATIENCE_S:
                    raise
                LOGGER.warning(
                    "an update waits for PostgreSQL",
                    extra={"update_id": raw["update_id"], "why": type(away).__name__, "waited_s": round(waited, 1)},
                )
            else:
                return
            if waited > _SAY_KEPT_AFTER_S and not is_told and not is_done:
                is_told = True
                await tell_kept(self._bot, raw)
            await self._sleep(next(pauses, _AWAY_PAUSES_S[-1]))

    async def _album(self, raw: dict[str, Any]) -> Album:
        """An update by itself; or, of photos that were sent at once, all that came within a moment."""
        named = album_of(raw)
        if named is None:
            return Album(pieces=(raw,))
        first = await self._inbox.take_album(raw["update_id"], *named)
        if not first.pieces:
            return first
        self._room.release()  # it only waits: taps need the room
        try:
            await self._sleep(ALBUM_S)
        finally:
            await self._room.acquire()
        return await self._inbox.take_album(raw["update_id"], *named)

    async def _feed(self, album: Album) -> None:
        raw = album.pieces[0]
        if not any(kind in raw for kind in KINDS):
            LOGGER.info("an update of no kind we asked for", extra={"update_id": raw["update_id"]})
            return
        try:
            update = Update.model_validate(raw, context={"bot": self._bot})
        except ValueError:  # no trace: it would show what people wrote
            LOGGER.error("an update could not be read", extra={"update_id": raw["update_id"]})  # noqa: TRY400
            return
        within = asyncio.timeout(_HANDLING_S + _PIECE_S * (len(album.pieces) - 1))
        doing = Doing(within, _ANSWERING_S)
        before = IN_HAND.set(doing)
        try:
            async with within:
                if album_of(raw) is None:
                    await self._dispatcher.feed_update(self._bot, update)
                else:
                    others = beside(album.pieces, self._bot)
                    await self._dispatcher.feed_update(self._bot, update, beside=others, is_late=album.is_late)
        except SERVER_AWAY as away:  # time that ran out is one of them
            if not doing.is_done:
                raise
            facts = {"update_id": raw["update_id"], "why": type(away).__name__}
            LOGGER.warning("an answer was given up; what was asked for is done", extra=facts)
        finally:
            IN_HAND.reset(before)

    async def pick_up(self, older_than: timedelta = timedelta()) -> int:
        """Handle stored updates that nobody finished; how many there were."""
        waiting = await self._inbox.waiting(older_than)
        for raw in waiting:
            await self.begin(raw)
        return len(waiting)

    async def sweep(self, sleep: Sleep = asyncio.sleep) -> None:
        """Now and then pick up what was abandoned and forget what is old. Ends only by being cancelled."""
        while True:
            await sleep(_SWEEP_S)
            try:
                await self.pick_up(_ABANDONED)
                await self._inbox.forget()
            except Exception:  # a sweeper pass: the next one comes in a minute
                LOGGER.exception("a sweep over stored updates failed")

    async def drain(self) -> None:
        """Wait a little for updates in hand; what is not finished stays in the inbox for the next start."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=_DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._later is not None:
            await self._later.close()


class Rest(msgspec.Struct, frozen=True):
    """How long to wait after a kind of failure, and what to say of it."""

    failure: type[Exception]
    first_s: float
    longest_s: float
    sentence: str


RESTS: Final = (
    Rest(TelegramConflictError, 5, 60, "another process takes this bot's updates; run one `fenghuo bot` a token"),
    Rest(TelegramUnauthorizedError, 30, 300, "Telegram refuses the bot's token"),
    Rest(TelegramNotFound, 30, 300, "Telegram refuses the bot's token"),
    *(Rest(each, 0.1, 1, "PostgreSQL is away: updates wait at Telegram") for each in SERVER_AWAY),
    Rest(Exception, 0.5, 30, "updates could not be fetched"),
)


class Polling:
    """Long polling. The offset lives here only: after a restart Telegram repeats, and the inbox knows."""

    def __init__(self, bot: Bot, hearing: Hearing, sleep: Sleep = asyncio.sleep) -> None:
        self._bot = bot
        self._hearing = hearing
        self._sleep = sleep
        self._offset: int | None = None
        self._failures = 0
        self._has_webhook = True  #: until Telegram says we may poll

    async def run(self) -> None:
        """Poll until cancelled; then updates in hand are finished."""
        try:
            while True:
                await self.turn()
        finally:
            await self._hearing.drain()

    async def turn(self) -> None:
        """One getUpdates and what follows from it; raises nothing but cancellation."""
        try:
            await self._free_the_way()
            request = GetRawUpdates(offset=self._offset)
            batch = await self._bot(request, request_timeout=POLL_S + _GRACE_S)
            for raw in batch:
                await self._take(raw)
        except Exception as failure:  # noqa: BLE001 - a connection loop: it outlives every failure
            await self._rest(failure)
        else:
            self._failures = 0

    async def _free_the_way(self) -> None:
        """A webhook of earlier days forbids polling; its updates are kept."""
        if self._has_webhook:
            await self._bot.delete_webhook(drop_pending_updates=False)
            self._has_webhook = False

    async def _take(self, raw: dict[str, Any]) -> None:
        is_new = await self._hearing.take(raw)
        update_id = raw.get("update_id")
        if isinstance(update_id, int):
            self._offset = max(self._offset or 0, update_id + 1)
        if is_new:
            await self._hearing.begin(raw)

    async def _rest(self, failure: Exception) -> None:
        """Say what is wrong and wait, longer each time."""
        row = next(each for each in RESTS if isinstance(failure, each.failure))
        seconds = min(row.longest_s, row.first_s * 2 ** min(self._failures, 10))
        if isinstance(failure, TelegramRetryAfter):
            seconds = float(failure.retry_after)
        self._failures += 1
        self._has_webhook = self._has_webhook or isinstance(failure, TelegramConflictError)
        facts = {"why": f"{type(failure).__name__}: {failure}", "wait_s": seconds, "failures": self._failures}
        LOGGER.error(row.sentence, extra=facts)
        await self._sleep(seconds)


async def until_done(what: str, work: Callable[[], Awaitable[object]], sleep: Sleep = asyncio.sleep) -> None:
    """Do something at the carrier that must succeed in the end, such as the menu; waits longer each time."""
    seconds = 1.0
    while True:
        try:
            await work()
        except Exception as failure:  # noqa: BLE001 - a connection loop: the carrier may be away for hours
            LOGGER.warning("%s: trying again", what, extra={"why": f"{type(failure).__name__}: {failure}"})
            await sleep(seconds)
            seconds = min(60.0, seconds * 2)
        else:
            return


async def stopped(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
