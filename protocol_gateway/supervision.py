"""Watching links (通信巡检): their loss and return, clocks, and states read again.

    silent 30 s, 50 s, 70 s    inquiry 81
    silent 90 s                lost: `LinkSaid(is_lost=True)`; with 10 s to tell it, 100 s hold (CQC/SC 11002, 4.4.2)
    hung up, not back in 6 s   lost, without waiting for its silence
    asleep for a whole slot    lost: a battery device is not asked, but must have reported within 24 h
    a word                     back: `LinkSaid(is_lost=False)`, clock set, states read again, then the audit (`audit`)

`Link` knows these times; here stand the deadlines, in the gateway's one heap, and what follows. Our own absence is
nobody's loss: after a start every patrol begins anew, a slot that ended while we were away is waited for once more,
and a pause of this process is no silence of theirs.
"""

import asyncio
import logging
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from backend.core import clock
from backend.core.vocabulary import Power
from backend.monitoring.model import Level, LinkSaid, Subject, TextSaid
from backend.registry.model import DeviceFacts
from protocol_gateway.audit import Audit
from protocol_gateway.collaborators import DeviceStore, Directory, Point, StoreAway
from protocol_gateway.downlink import Ask, Downlink
from protocol_gateway.gb26875.events import LinkEvent, SilenceExpired
from protocol_gateway.gb26875.tables import TypeFlag
from protocol_gateway.rounds import states_to_ask
from protocol_gateway.sessions import Session, Sessions
from protocol_gateway.timers import Timers

log = logging.getLogger(__name__)

#: a clock is set at most hourly, and when the frame's time is further off than this
CLOCK_EVERY_S: Final = 3600.0
CLOCK_OFF: Final = timedelta(seconds=60)
#: a clock that is off is listed as an event at most this often
CLOCK_NOTE_EVERY_S: Final = 86_400.0
#: states are read again at most this often while a device only changes its way
RESYNCHRONISE_EVERY_S: Final = 60.0
#: the quiet hour of the day at which clocks are set, spread over the half hour after it
QUIET_HOUR: Final = 3
_QUIET_SPREAD_S: Final = 1800
#: how many devices' points are read from the registry at once
_READERS: Final = 4


class Say(Protocol):
    """Tells the intake the gateway's own word on a device."""

    def __call__(self, session: Session, said: LinkSaid | TextSaid, sent_at: datetime | None = None) -> None:
        """`sent_at`: the time in the header of the frame that gave rise to it."""
        ...


class Supervision:
    """What the gateway does of itself for each device. `say` tells the intake; `audit` asks what is less urgent."""

    def __init__(
        self,
        *,
        timers: Timers,
        sessions: Sessions,
        downlink: Downlink,
        directory: Directory,
        store: DeviceStore,
        flush: Callable[[Session], None],
        say: Say,
        audit: Audit,
        closed_s: float,
        slot_s: float,
    ) -> None:
        self._timers = timers
        self._sessions = sessions
        self._downlink = downlink
        self._directory = directory
        self._store = store
        self._flush = flush
        self._say = say
        self._audit = audit
        self._closed_s = closed_s
        self._slot = timedelta(seconds=slot_s)
        self._started_at = clock.now()
        self._is_stopped = False
        self._readers = asyncio.Semaphore(_READERS)
        self._tasks: set[asyncio.Task[None]] = set()

    def watch_registered(
        self, now: float, contacts: Mapping[str, datetime] | None = None, away_since: datetime | None = None
    ) -> None:
        """Watch every registered device of a unit from now on, also those that never call (again).

        Called at our start and whenever the registry has changed: a device adopted since, or fed by the mains now,
        may have spoken its last word before. `contacts`: when each was last heard before our start;
        `away_since`: when we were last alive before it.
        """
        contacts = contacts or {}
        for facts in self._directory.devices().values():
            known = self._sessions.get(facts.address)
            if known is not None:
                if self._sessions.is_renewed(known, now) and known.is_adopted:
                    self.arm(known)
                continue
            last = contacts.get(facts.address)
            session = self._sessions.of(facts.address, self._watched_from(facts, now, last, away_since))
            session.heard_moment = last
            if session.is_adopted:
                self.arm(session)

    def _watched_from(
        self, facts: DeviceFacts, now: float, last: datetime | None, away_since: datetime | None
    ) -> float:
        """From when on a device's silence counts; a sleeper's from its last word, unless we slept too."""
        if facts.power == Power.MAINS or last is None:
            return now
        ends_at = last + self._slot
        if away_since is not None and away_since <= ends_at <= self._started_at:
            return now
        return now - max(0.0, (self._started_at - last).total_seconds())

    def paused(self, seconds: float) -> None:
        """This process stood still: nothing was read, and nobody was silent."""
        log.warning("the gateway stood still", extra={"seconds": round(seconds, 1)})
        for session in self._sessions:
            session.link.forgive(seconds)

    def heard(
        self, session: Session, now: float, received_at: datetime, sent_at: datetime | None, *, is_new_way: bool
    ) -> None:
        """The device spoke. Cheap for the usual frame of a live link."""
        last_heard, session.heard_moment = session.heard_moment, received_at
        session.check.hear(now, session.heard_at)
        session.heard_at = now
        if not session.is_adopted or self._is_stopped:
            return
        is_off = sent_at is not None and abs(received_at - sent_at) > CLOCK_OFF
        if is_new_way or session.is_lost or not session.is_known_live:
            self._came(session, now, last_heard)
        elif is_off:
            self._set_clock(session, now)
        if is_off and sent_at is not None:
            self._note_clock(session, now, received_at, sent_at)

    def arm(self, session: Session) -> None:
        """See to it that the link's next deadline is met; one that has moved later is found so when it comes."""
        deadline = session.link.next_deadline()
        if deadline is not None and deadline < session.armed_at:
            session.armed_at = deadline
            self._timers.at(deadline, partial(self._expire, session))

    def left(self, session: Session) -> None:
        """The device's last way has closed. Its conditions stay; it is lost unless it is back soon."""
        self._downlink.drop(session)
        self.arm(session)
        if session.is_mains and not session.is_lost and not self._is_stopped:
            left_at = clock.monotonic()
            self._timers.at(left_at + self._closed_s, partial(self._not_back, session, left_at))

    def _not_back(self, session: Session, left_at: float, now: float) -> None:
        is_back = session.way is not None or (session.heard_at is not None and session.heard_at > left_at)
        if not (is_back or self._is_stopped or session.is_lost):
            self._notice(session, session.link.lose(now), "closed")
            self.arm(session)

    async def stop(self) -> None:
        """Draining: nobody is lost, asked or set any more."""
        self._is_stopped = True
        await self._audit.stop()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _expire(self, session: Session, now: float) -> None:
        if self._is_stopped or now < session.armed_at:
            return
        session.armed_at = float("inf")
        pending = session.link.pending
        events = session.link.expire(now)
        asked = session.link.pending
        if asked is not None and asked is not pending and asked.type_flag == TypeFlag.READ_UITD_STATE:
            session.check.ask(now, clock.now())
        self._notice(session, events, "silent" if session.is_mains else "slot")
        self._downlink.heed(session, events)
        self._flush(session)
        self.arm(session)

    def _notice(self, session: Session, events: Iterable[LinkEvent], cause: str) -> None:
        if session.is_adopted and any(isinstance(event, SilenceExpired) for event in events):
            session.is_lost = True
            self._say(session, LinkSaid(is_lost=True, silent_since=session.heard_moment, cause=cause))

    def _came(self, session: Session, now: float, last_heard: datetime | None) -> None:
        # One that is back without having been heard since our start was away at least since then.
        gap_from = (last_heard or self._started_at) if session.is_lost else None
        had_gap = session.is_lost or not session.is_known_live
        if not session.has_quiet_hour:
            session.has_quiet_hour = True
            self._timers.at(now + self._until_quiet(session), partial(self._quiet_hour, session))
        if had_gap:
            # Also at first contact: before our restart it may have been lost.
            session.is_lost = False
            session.is_known_live = True
            self._say(session, LinkSaid(is_lost=False))
        self._set_clock(session, now)
        last = session.resynchronised_at
        if session.is_mains and (had_gap or last is None or now - last > RESYNCHRONISE_EVERY_S):
            session.resynchronised_at = now
            self._spawn_resynchronisation(session)
        if session.is_mains:
            self._audit.came(session, now, gap_from)

    def _note_clock(self, session: Session, now: float, received_at: datetime, sent_at: datetime) -> None:
        """时钟偏差: a clock that is off stands in the list of events, for the times in its reports are wrong too."""
        noted_at = session.clock_noted_at
        if noted_at is not None and now - noted_at < CLOCK_NOTE_EVERY_S:
            return
        session.clock_noted_at = now
        off = f"{(sent_at - received_at).total_seconds():+.0f} s"
        said = TextSaid(subject=Subject(level=Level.UITD), kind="clock_off", text=off, device_time=sent_at)
        self._say(session, said, sent_at)

    def _set_clock(self, session: Session, now: float) -> None:
        if session.way is None:
            return
        if session.clock_sent_at is not None and now - session.clock_sent_at < CLOCK_EVERY_S:
            return
        session.clock_sent_at = now
        self._downlink.ask(session, [Ask(TypeFlag.SYNCHRONISE_CLOCK)])

    def _until_quiet(self, session: Session) -> float:
        local = clock.now().astimezone(session.reading.zone)
        quiet = local.replace(hour=QUIET_HOUR, minute=0, second=0, microsecond=0)
        quiet += timedelta(seconds=zlib.crc32(session.address.encode()) % _QUIET_SPREAD_S)
        if quiet <= local:
            quiet += timedelta(days=1)
        return (quiet - local).total_seconds()

    def _quiet_hour(self, session: Session, now: float) -> None:
        if self._is_stopped:
            return
        if session.is_adopted:
            self._set_clock(session, now)
        self._timers.at(now + self._until_quiet(session), partial(self._quiet_hour, session))

    def _spawn_resynchronisation(self, session: Session) -> None:
        task = asyncio.get_running_loop().create_task(self._resynchronise(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resynchronise(self, session: Session) -> None:
        points: Sequence[Point] = ()
        try:
            async with self._readers:
                points = await self._store.points(session.address)
        except StoreAway as error:
            log.warning("points not read for a resynchronisation", extra={"reason": str(error)})
        self._downlink.ask(session, states_to_ask(points))
