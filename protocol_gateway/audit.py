"""The audit of devices: versions, configurations and clocks weekly, operation records after a gap (extract, 13.4).

The rule: an audit never competes with a report. Whatever is due waits in one line of devices; one timer asks the
first of them, at most 20 requests a second of the whole fleet, only a device of which nothing else is asked, and
nobody at all while many frames wait for their commit. First contact counts minutes later, spread by address, so
that a fleet that connects at once is not asked at once.

What was asked stands in memory: after a restart of ours the fleet is audited anew, at that same rate.
"""

import asyncio
import logging
import zlib
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from backend.core import clock
from protocol_gateway.collaborators import DeviceStore, Point, StoreAway
from protocol_gateway.downlink import Ask, Downlink, Outcome
from protocol_gateway.gb26875.wall_clock import TimeTag, WallClock
from protocol_gateway.rounds import Topic, audit_to_ask
from protocol_gateway.sessions import Session
from protocol_gateway.timers import Timers

log = logging.getLogger(__name__)

TURN_S: Final = 1.0
#: requests of all audits together in one turn, and devices looked at for them
ASKS_A_TURN: Final = 20
_LOOKED_AT_A_TURN: Final = 1000
WEEK_S: Final = 7 * 86_400.0
#: first contact is audited this long after it, and up to the spread later
FIRST_AFTER_S: Final = 300.0
FIRST_SPREAD_S: Final = 900
#: how many devices' points are read from the registry at once, and the rest after it could not be read
_READERS: Final = 2
_REST_S: Final = 60.0
_WEEKLY: Final = frozenset({Topic.INVENTORY, Topic.CLOCKS})


class Agenda:
    """What the audit has to do with one device. `asked_at` is when its weekly round was last begun."""

    __slots__ = ("asked_at", "asks", "current", "due", "is_planning", "records_from")

    def __init__(self) -> None:
        self.due: set[Topic] = set()
        self.records_from: datetime | None = None  #: the last known time before the latest gap
        self.asks: deque[Ask] = deque()
        self.current: Ask | None = None
        self.is_planning = False
        self.asked_at: float | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to ask or to wait for."""
        return not (self.due or self.asks or self.current or self.is_planning)

    def settle(self) -> None:
        """See what became of the request under way; one that its connection took along is asked again."""
        ask = self.current
        if ask is None or ask.done is None or not ask.done.done():
            return
        self.current = None
        if ask.done.result() is Outcome.NO_LINK:
            self.asks.appendleft(Ask(ask.type_flag, ask.objects))


class Audit:
    """The audits of all devices. `is_busy` says that frames wait, so that nothing more should be asked for now."""

    def __init__(self, *, timers: Timers, downlink: Downlink, store: DeviceStore, is_busy: Callable[[], bool]) -> None:
        self._timers = timers
        self._downlink = downlink
        self._store = store
        self._is_busy = is_busy
        self._line: OrderedDict[str, Session] = OrderedDict()
        self._is_turning = False
        self._is_stopped = False
        self._rests_until = float("-inf")
        self._readers = asyncio.Semaphore(_READERS)
        self._tasks: set[asyncio.Task[None]] = set()

    def came(self, session: Session, now: float, gap_from: datetime | None) -> None:
        """A mains device speaks again, or on another way. `gap_from`: last heard before it was lost; else None."""
        agenda = session.agenda
        if agenda is None:
            agenda = session.agenda = Agenda()
            after = FIRST_AFTER_S + zlib.crc32(session.address.encode()) % FIRST_SPREAD_S
            self._timers.at(now + after, partial(self._weekly, session, agenda))
        if gap_from is not None:
            is_open = Topic.RECORDS in agenda.due and agenda.records_from is not None
            agenda.records_from = min(gap_from, agenda.records_from or gap_from) if is_open else gap_from
            agenda.due.add(Topic.RECORDS)
        if not agenda.is_done:
            self._queue(session, now)

    async def stop(self) -> None:
        """Draining: nothing is asked any more."""
        self._is_stopped = True
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _weekly(self, session: Session, agenda: Agenda, now: float) -> None:
        if self._is_stopped or session.agenda is not agenda:  # registered anew: another agenda has its own week
            return
        asked_at = agenda.asked_at
        if asked_at is not None and now - asked_at < WEEK_S:
            self._timers.at(asked_at + WEEK_S, partial(self._weekly, session, agenda))
            return
        agenda.due |= _WEEKLY
        self._timers.at(now + WEEK_S, partial(self._weekly, session, agenda))
        self._queue(session, now)

    def _queue(self, session: Session, now: float) -> None:
        self._line.setdefault(session.address, session)
        if not self._is_turning:
            self._is_turning = True
            self._timers.at(now + TURN_S, self._turn)

    def _turn(self, now: float) -> None:
        if self._is_stopped:
            return
        if now >= self._rests_until and not self._is_busy():
            asked = 0
            for _ in range(min(len(self._line), _LOOKED_AT_A_TURN)):
                asked += self._step(self._line.popitem(last=False)[1], now)
                if asked >= ASKS_A_TURN:
                    break
        self._is_turning = bool(self._line)
        if self._is_turning:
            self._timers.at(now + TURN_S, self._turn)

    def _step(self, session: Session, now: float) -> bool:
        """One device's turn: whether a request went out, or its points are being read for one."""
        agenda = session.agenda
        if agenda is None or not session.is_mains:
            return False
        agenda.settle()
        if agenda.is_done or session.way is None or session.is_lost:  # back in the line when it comes back
            return False
        self._line[session.address] = session
        if agenda.is_planning or agenda.current or session.asks or session.link.pending is not None:
            return False
        while agenda.asks and agenda.asks[0].type_flag in session.unsupported:
            agenda.asks.popleft()
        if agenda.asks:
            ask = agenda.current = agenda.asks.popleft()
            ask.done = asyncio.get_running_loop().create_future()
            self._downlink.ask(session, [ask])
            return True
        if agenda.due:
            self._spawn_plan(session, agenda, now)
            return True
        return False

    def _spawn_plan(self, session: Session, agenda: Agenda, now: float) -> None:
        agenda.is_planning = True
        topics = frozenset(agenda.due)
        agenda.due.clear()
        if topics & _WEEKLY:
            agenda.asked_at = now
        task = asyncio.get_running_loop().create_task(self._plan(session, agenda, topics))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _plan(self, session: Session, agenda: Agenda, topics: frozenset[Topic]) -> None:
        points: Sequence[Point] = ()
        try:
            async with self._readers:
                points = await self._store.points(session.address)
        except StoreAway as error:
            log.warning("points not read for an audit", extra={"reason": str(error)})
            agenda.due |= topics
            self._rests_until = clock.monotonic() + _REST_S
            return
        finally:
            agenda.is_planning = False
        since = None
        if agenda.records_from is not None:
            since = TimeTag.of(WallClock.of(agenda.records_from, session.reading.zone))
        agenda.asks.extend(audit_to_ask(topics, points, since))
