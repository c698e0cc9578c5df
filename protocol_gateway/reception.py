"""What becomes of received octets: recorded, translated, posted to the intake, and answered when durable.

The rule: a frame is confirmed only after its COMMIT; one that could not be made durable is not answered, and
the device sends it again (house.md §3.1). Nothing here waits: the intake's future calls back.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from backend.core import clock
from backend.core.ids import LedgerId, new_id
from backend.core.metrics import FRAMES
from backend.intake import Incoming
from backend.ledger.model import Entry
from backend.monitoring.model import LinkSaid, Report, Statement, TextSaid
from protocol_gateway.collaborators import Intake
from protocol_gateway.downlink import Downlink
from protocol_gateway.gb26875.answers import Answer, answer_owed, build_answer
from protocol_gateway.gb26875.buffer import BadOctets, Found, ShortHeartbeat
from protocol_gateway.gb26875.decode import Decoded
from protocol_gateway.gb26875.errors import Fault
from protocol_gateway.gb26875.events import ConfirmOwed, DenyOwed, FrameReceived
from protocol_gateway.gb26875.frame import Frame, answer_to
from protocol_gateway.gb26875.profiles import Profile
from protocol_gateway.gb26875.repeats import ends_conditions
from protocol_gateway.gb26875.tables import Command
from protocol_gateway.gb26875.wall_clock import WallClock
from protocol_gateway.limits import Limit, Newcomers, Refusals
from protocol_gateway.records import RECORD_TYPES, as_records
from protocol_gateway.sessions import Session, Sessions
from protocol_gateway.supervision import Supervision
from protocol_gateway.translate import fingerprint, sent_at, statements, unreadable
from protocol_gateway.ways import Way

log = logging.getLogger(__name__)

#: commands whose contents are reports (13.1); a response brings what we asked for, the same way
_ANSWERS: Final = frozenset({Command.CONFIRM, Command.DENY})
_FAULT_LIMITS: Final = {Fault.INCOMPLETE: Limit.PARTIAL_FRAME, Fault.LENGTH: Limit.FRAME_LENGTH}
_NOT_DURABLE_EVERY_S: Final = 10.0
_UNARMED: Final = float("inf")
#: how far back operations read from a device still count as news, where no gap is known
_RECORDS_COUNT: Final = timedelta(hours=24)


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """When something arrived: its first octet (t0), its last (t1), and that on the steady clock."""

    begun_at: datetime
    received_at: datetime
    now: float


class Reception:
    """The way of every frame, from the splitter to the answer."""

    def __init__(
        self,
        *,
        intake: Intake,
        sessions: Sessions,
        downlink: Downlink,
        supervision: Supervision,
        refusals: Refusals,
        gateway: str,
        centre: bytes,
        default_profile: Profile,
    ) -> None:
        self._intake = intake
        self._sessions = sessions
        self._downlink = downlink
        self._supervision = supervision
        self._refusals = refusals
        self._gateway = gateway
        self._centre = centre
        self._default_profile = default_profile
        self._newcomers = Newcomers()
        self._unsaid: dict[str, tuple[Session, LinkSaid]] = {}
        self._outcomes: Counter[str] = Counter()
        self._not_durable_logged_at = -_NOT_DURABLE_EVERY_S
        self._idle = asyncio.Event()
        self._idle.set()
        self.in_hand = 0

    def take(self, found: Sequence[Found], way: Way, arrival: Arrival) -> None:
        """Take what a splitter found, in order. A bug with one frame is logged and spoils no other."""
        for one in found:
            try:
                if isinstance(one, Frame):
                    self._take_frame(one, way, arrival)
                elif isinstance(one, BadOctets):
                    self._take_bad(one, way, arrival)
                else:
                    self._take_heartbeat(one, way, arrival)
            except Exception:  # the connection's loop must not die: what follows on it may be a fire
                log.exception("a frame failed", extra={"peer": way.peer, "octets": one.octets.hex()})
                self._count("failed")

    def record_sent(self, session: Session, octets: bytes, way: Way) -> None:
        """Record a request or order of ours. Nothing waits for it."""
        entry = self._entry("frame_out", octets, address=session.address, peer=way.peer, at=clock.now(), facts={})
        self._post(Incoming(entry=entry, report=None), None)

    def say(self, session: Session, said: LinkSaid | TextSaid, sent_at: datetime | None = None) -> None:
        """Tell the intake our own word on a device: its link lost or back, its clock off (`sent_at`: as it shows)."""
        now = clock.now()
        peer = session.way.peer if session.way else ""
        facts: dict[str, Any] = {}
        if isinstance(said, LinkSaid):
            facts = {"lost": said.is_lost, "silent_since": said.silent_since}
        else:
            facts = {said.kind: said.text}
        entry = self._entry("link", b"", address=session.address, peer=peer, at=now, facts=facts)
        report = Report(
            address=session.address,
            ledger_id=entry.id,
            received_at=now,
            first_octet_at=now,
            statements=(said,),
            sent_at=sent_at,
            peer=peer,
            transport=session.way.transport_name if session.way else "",
            is_heard=False,
        )
        posted = self._post(Incoming(entry=entry, report=report), None)
        if isinstance(said, LinkSaid):
            posted.add_done_callback(partial(self._note_unsaid, session, said))

    def _note_unsaid(self, session: Session, said: LinkSaid, posted: "asyncio.Future[None]") -> None:
        if posted.cancelled() or posted.exception() is not None:
            self._unsaid[session.address] = (session, said)

    def say_again(self) -> None:
        """Links of which could not be told while the database was away, as far as it still holds."""
        unsaid, self._unsaid = self._unsaid, {}
        for session, said in unsaid.values():
            if said.is_lost is session.is_lost:
                self.say(session, said)

    async def finish(self) -> None:
        """Wait until nothing is in hand."""
        await self._idle.wait()

    def flush_counts(self) -> None:
        """Move the counts since the last call into the metric; a label look-up a frame would cost more."""
        for outcome, count in self._outcomes.items():
            FRAMES.labels(outcome).inc(count)
        self._outcomes.clear()

    def _take_frame(self, frame: Frame, way: Way, arrival: Arrival) -> None:
        address = self._sessions.identify(frame.address, way)
        if not self._may_come(address, way, arrival):
            self._take_stranger(frame.octets, address, way, arrival, partial(self._reply_stranger, frame, way))
            return
        session = self._sessions.of(address, arrival.now)
        self._note_move(session, way, arrival)
        is_new_way = self._sessions.bind(session, way)
        way.good_at = arrival.now
        events = session.link.receive(frame, arrival.now)
        answer = Answer.NONE
        decoded: Decoded | None = None
        is_repeat = False
        for event in events:
            if isinstance(event, FrameReceived):
                decoded, is_repeat = event.decoded, event.is_repeat
            elif isinstance(event, ConfirmOwed):
                answer = event.answer
            elif isinstance(event, DenyOwed):
                answer = Answer.DENY
        report = self._post_frame(
            frame, decoded, answer, session=session, way=way, arrival=arrival, is_repeat=is_repeat
        )
        self._supervision.heard(session, arrival.now, arrival.received_at, report.sent_at, is_new_way=is_new_way)
        if frame.command != Command.SEND:
            self._downlink.heed(session, events)
        if session.armed_at == _UNARMED:  # else one stands that comes first: hearing only moves deadlines away
            self._supervision.arm(session)

    def _post_frame(
        self,
        frame: Frame,
        decoded: Decoded | None,
        answer: Answer,
        *,
        session: Session,
        way: Way,
        arrival: Arrival,
        is_repeat: bool,
    ) -> Report:
        facts = {"deviations": sorted(decoded.deviations)} if decoded and decoded.deviations else {}
        entry = self._entry(
            "frame_in", frame.octets, address=session.address, peer=way.peer, at=arrival.received_at, facts=facts
        )
        said = self._said(frame, decoded, answer, session)
        mark = fingerprint(frame, session.address) if said else None
        since = fingerprint(frame, session.address, session.epoch) if said and session.epoch else None
        if said and decoded is not None and not is_repeat and ends_conditions(decoded):
            session.epoch = entry.id.bytes
        report = Report(
            address=session.address,
            ledger_id=entry.id,
            received_at=arrival.received_at,
            first_octet_at=arrival.begun_at,
            statements=said,
            fingerprint=mark,
            since_fingerprint=since,
            sent_at=sent_at(frame, session.reading),
            deviations=tuple(facts.get("deviations", ())),
            peer=way.peer,
            transport=way.transport_name,
        )
        reply = partial(self._reply, frame, session, way, answer) if answer is not Answer.NONE else None
        self._post(Incoming(entry=entry, report=report), reply, way)
        return report

    def _said(self, frame: Frame, decoded: Decoded | None, answer: Answer, session: Session) -> tuple[Statement, ...]:
        if answer is Answer.DENY or answer is Answer.CLOCK or frame.command in _ANSWERS or decoded is None:
            return ()
        try:
            said = statements(frame, decoded, session.reading)
            if frame.command != Command.RESPONSE or decoded.type_flag not in RECORD_TYPES:
                return said
            since = session.agenda.records_from if session.agenda else None
            return as_records(said, since or clock.now() - _RECORDS_COUNT)
        except Exception:  # the connection's loop must not die, and a report we stumble over is never silent
            log.exception("a report failed to translate", extra={"octets": frame.octets.hex()})
            return (unreadable(decoded.type_flag, frame.adu),)

    def _take_heartbeat(self, heartbeat: ShortHeartbeat, way: Way, arrival: Arrival) -> None:
        address = self._sessions.identify(heartbeat.source.hex(), way)
        if not self._may_come(address, way, arrival):
            owed = self._default_profile.short_heartbeat_answer
            reply = None if owed is None else partial(way.send, owed)
            self._take_stranger(heartbeat.octets, address, way, arrival, reply)
            return
        session = self._sessions.of(address, arrival.now)
        answer = session.reading.profile.short_heartbeat_answer
        if answer is None:
            self._take_bad(BadOctets(Fault.SHORT_HEARTBEAT, heartbeat.octets, None, 0), way, arrival)
            return
        is_new_way = self._sessions.bind(session, way)
        way.good_at = arrival.now
        session.link.receive(heartbeat, arrival.now)
        entry = self._entry(
            "frame_in", heartbeat.octets, address=session.address, peer=way.peer, at=arrival.received_at, facts={}
        )
        report = Report(
            address=session.address,
            ledger_id=entry.id,
            received_at=arrival.received_at,
            first_octet_at=arrival.begun_at,
            peer=way.peer,
            transport=way.transport_name,
        )
        self._post(Incoming(entry=entry, report=report), partial(way.send, answer), way)
        self._supervision.heard(session, arrival.now, arrival.received_at, None, is_new_way=is_new_way)
        self._supervision.arm(session)

    def _take_bad(self, bad: BadOctets, way: Way, arrival: Arrival) -> None:
        facts = {"fault": str(bad.fault)}
        address = way.bound_address or ""
        entry = self._entry(
            "bad_octets", bad.octets, address=address, peer=way.peer, at=arrival.received_at, facts=facts
        )
        self._count(f"bad_{bad.fault}")
        self._post(Incoming(entry=entry, report=None), None, way)
        limit = _FAULT_LIMITS.get(bad.fault)
        if limit is not None:
            self._refusals.note(limit, way.host, arrival.now, bad.octets)
        header = bad.header
        if bad.answer is not Command.DENY or header is None:
            return
        if way.transport_name == "udp" and not way.is_known:
            # An answer to a stranger's datagram could be aimed at a third party (reflection).
            self._refusals.note(Limit.UNREGISTERED_DATAGRAM, way.host, arrival.now)
        elif self._may_deny(way, arrival.now):
            session = self._sessions.get(way.bound_address or "")
            zone = session.reading.zone if session else self._sessions.default_zone
            shown = WallClock.of(arrival.received_at, zone)
            deny = answer_to(header, Command.DENY, clock=shown, centre=self._centre)
            way.send(self._default_profile.to_wire(deny))

    def _may_come(self, address: str, way: Way, arrival: Arrival) -> bool:
        return self._sessions.knows(address) or self._newcomers.admit(way.host, arrival.now)

    def _take_stranger(
        self, octets: bytes, address: str, way: Way, arrival: Arrival, reply: Callable[[], None] | None
    ) -> None:
        """One address too many from this host: recorded and confirmed, but no device is made of it."""
        way.good_at = arrival.now
        self._count("stranger")
        self._refusals.note(Limit.STRANGERS, way.host, arrival.now, octets)
        facts = {"limit": str(Limit.STRANGERS)}
        entry = self._entry("stranger", octets, address=address, peer=way.peer, at=arrival.received_at, facts=facts)
        self._post(Incoming(entry=entry, report=None), reply, way)

    def _reply_stranger(self, frame: Frame, way: Way) -> None:
        answer = answer_owed(frame, self._default_profile)
        if not way.is_open or answer is Answer.NONE:
            return
        if answer is not Answer.DENY:
            self._count("confirmed")
        elif (way.transport_name == "udp" and not way.is_known) or not self._may_deny(way, clock.monotonic()):
            return
        shown = WallClock.of(clock.now(), self._sessions.default_zone)
        octets = build_answer(frame, answer, clock=shown, centre=self._centre, profile=self._default_profile)
        way.send(self._default_profile.to_wire(octets))

    def _may_deny(self, way: Way, now: float) -> bool:
        if way.denies.allows(now):
            self._count("denied")
            return True
        self._refusals.note(Limit.DENIES, way.host, now)
        return False

    def _note_move(self, session: Session, way: Way, arrival: Arrival) -> None:
        """An address that speaks from two networks at once is a security event (extract, 14)."""
        before = session.way
        if before is None or before is way or not before.is_open or before.host == way.host:
            return
        if before.opened_at > way.opened_at:
            return
        log.warning("a device speaks from two networks", extra={"address": session.address, "peer": way.peer})
        facts = {"moved_from": before.peer}
        entry = self._entry("link", b"", address=session.address, peer=way.peer, at=arrival.received_at, facts=facts)
        self._post(Incoming(entry=entry, report=None), None)

    def _reply(self, frame: Frame, session: Session, way: Way, answer: Answer) -> None:
        if not way.is_open:
            return
        now = clock.monotonic()
        if answer is not Answer.DENY:
            self._count("confirmed")
            session.link.confirm(frame, now)
        elif way.transport_name == "udp" and not way.is_known:
            return
        elif self._may_deny(way, now):
            session.link.deny(frame, now)
        way.send(session.link.octets_to_send())

    def _post(
        self, incoming: Incoming, reply: Callable[[], None] | None, way: Way | None = None
    ) -> "asyncio.Future[None]":
        self.in_hand += 1
        self._idle.clear()
        if way is not None:
            way.in_hand += 1
        posted = self._intake.post(incoming)
        posted.add_done_callback(partial(self._ended, reply, way))
        return posted

    def _ended(self, reply: Callable[[], None] | None, way: Way | None, future: "asyncio.Future[None]") -> None:
        self.in_hand -= 1
        if not self.in_hand:
            self._idle.set()
        if way is not None:
            way.in_hand -= 1
        if future.cancelled() or future.exception() is not None:
            self._not_durable(future)
        elif reply is not None:
            reply()

    def _not_durable(self, future: "asyncio.Future[None]") -> None:
        self._count("not_durable")
        now = clock.monotonic()
        if now - self._not_durable_logged_at < _NOT_DURABLE_EVERY_S:
            return
        self._not_durable_logged_at = now
        reason = "cancelled" if future.cancelled() else repr(future.exception())
        log.error("frames are not confirmed: they could not be made durable", extra={"reason": reason})

    def _entry(
        self, kind: str, octets: bytes, *, address: str, peer: str, at: datetime, facts: dict[str, Any]
    ) -> Entry:
        return Entry(
            id=LedgerId(new_id()),
            kind=kind,
            address=address,
            peer=peer,
            gateway=self._gateway,
            octets=octets,
            received_at=at,
            facts=facts,
        )

    def _count(self, outcome: str) -> None:
        self._outcomes[outcome] += 1
