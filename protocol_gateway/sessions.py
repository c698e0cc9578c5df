"""Which device is on which way. Identity belongs to the frame, not to the socket (extract, 14).

A device's newest way wins: downlinks go there. An older one stays until it closes or has been idle for ten
minutes. A device whose source address names nobody is known by the one device that spoke on its way before,
else by its peer's host: then `peer:HOST` is its address, which the registry may know or not.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from backend.core import clock
from backend.core.vocabulary import Power
from backend.registry.addresses import NOBODY
from backend.registry.model import DeviceFacts
from protocol_gateway.collaborators import Directory
from protocol_gateway.gb26875.frame import ADDRESS_SIZE
from protocol_gateway.gb26875.link import Link
from protocol_gateway.gb26875.profiles import PROFILES, Profile
from protocol_gateway.gb26875.silence import Patrol
from protocol_gateway.gb26875.wall_clock import WallClock
from protocol_gateway.translate import Reading
from protocol_gateway.ways import Way

if TYPE_CHECKING:
    from protocol_gateway.audit import Agenda
    from protocol_gateway.downlink import Ask

PEER_ADDRESS: Final = "peer:"
MISSES: Final = 3
_NEVER: Final = float("inf")
#: devices nobody registered that are remembered, and devices on one way
MOST_STRANGERS: Final = 10_000
MOST_ON_A_WAY: Final = 10_000


class Check:
    """通信巡检: how a device's patrol went since it was last written down."""

    __slots__ = ("asked", "asked_at", "asked_moment", "by", "heard", "longest_s")

    def __init__(self) -> None:
        self.asked_at: float | None = None
        self.asked_moment: datetime | None = None
        self.start_anew()

    def start_anew(self) -> None:
        """What was counted is written down."""
        self.asked = self.heard = 0
        self.longest_s = 0.0
        self.by = ""

    def hear(self, now: float, heard_at: float | None) -> None:
        """A word came; the one before it at `heard_at`."""
        self.heard += 1
        if heard_at is None:
            return
        gap = now - heard_at
        self.longest_s = max(self.longest_s, gap)
        self.by = "patrol" if self.asked_at is not None and self.asked_at >= heard_at else "report"

    def ask(self, now: float, moment: datetime) -> None:
        """The device is asked whether it is there."""
        self.asked += 1
        self.asked_at, self.asked_moment = now, moment


class Session:
    """One device's conversation with us, over all its ways. Times are `clock.monotonic()` seconds.

    `way` is None while the device is away. `facts` is None for a device nobody registered. `link` keeps the
    protocol's own state: exchanges, silence.
    """

    __slots__ = (
        "address",
        "agenda",
        "armed_at",
        "asked",
        "asks",
        "check",
        "clock_noted_at",
        "clock_sent_at",
        "epoch",
        "facts",
        "has_quiet_hour",
        "heard_at",
        "heard_moment",
        "is_known_live",
        "is_lost",
        "link",
        "reading",
        "resynchronised_at",
        "serial_mark",
        "timezone",
        "unsupported",
        "watched_from",
        "way",
    )

    def __init__(self, address: str, link: Link, reading: Reading, facts: DeviceFacts | None) -> None:
        self.address = address
        self.link = link
        self.reading = reading
        self.facts = facts
        self.check = Check()
        self.watched_from = 0.0  #: since when its silence counts
        self.epoch = b""  #: changes with each reset or restoration, see `translate.fingerprint`
        self.way: Way | None = None
        self.heard_at: float | None = None
        self.heard_moment: datetime | None = None
        self.is_lost = False
        self.has_quiet_hour = False  #: a deadline for its daily clock stands in the timers
        self.is_known_live = False  #: said to the intake since our start
        self.armed_at = float("inf")  #: the deadline that stands in the timers
        self.clock_sent_at: float | None = None
        self.clock_noted_at: float | None = None
        self.agenda: Agenda | None = None  #: what the audit has to ask; None until its first contact
        self.resynchronised_at: float | None = None
        self.asks: deque[Ask] = deque()
        self.asked: dict[int, Ask] = {}
        self.serial_mark = link.serial
        self.unsupported: set[int] = set()

    @property
    def is_adopted(self) -> bool:
        """Whether the device belongs to a unit; nothing is ever asked of others."""
        return self.facts is not None and self.facts.unit is not None

    @property
    def is_mains(self) -> bool:
        """Whether it belongs to a unit and is fed by the mains: then it is patrolled."""
        return self.facts is not None and self.is_adopted and self.facts.power == Power.MAINS


@lru_cache(maxsize=64)
def wall_clock_in(zone: ZoneInfo) -> Callable[[float], WallClock]:
    """What a clock in `zone` shows now; worked out once a second, for every answer carries it."""
    second = 0
    shown: WallClock | None = None

    def show(_: float) -> WallClock:
        nonlocal second, shown
        now = clock.now()
        this_second = int(now.timestamp())
        if shown is None or this_second != second:
            second, shown = this_second, WallClock.of(now, zone)
        return shown

    return show


def address_octets(address: str) -> bytes:
    """A device's six address octets; all zero where it has none of its own."""
    return bytes(ADDRESS_SIZE) if address.startswith(PEER_ADDRESS) else bytes.fromhex(address)


class Sessions:
    """Every device heard or watched since the start, by address."""

    def __init__(
        self,
        directory: Directory,
        *,
        profile: str,
        timezone: str,
        centre: bytes,
        patrol_after_s: float,
        slot_s: float = 86_400.0,
    ) -> None:
        self._directory = directory
        self._default_profile = PROFILES[profile]
        self._default_zone = ZoneInfo(timezone)
        self._centre = centre
        self._patrol = Patrol(
            after=patrol_after_s,
            every=patrol_after_s * (MISSES - 1) / MISSES,
            lost_after=patrol_after_s * MISSES,
            every_when_lost=patrol_after_s,
        )
        #: a battery device sleeps and is never asked; a slot without a word of it is its loss (4.4.2)
        self._slot = Patrol(after=_NEVER, every=_NEVER, lost_after=slot_s, every_when_lost=_NEVER)
        self._serials: Mapping[str, int] = {}
        self._by_address: dict[str, Session] = {}
        self._strangers: dict[str, None] = {}  #: addresses nobody registered, oldest first

    def __len__(self) -> int:
        return len(self._by_address)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_address.values()))

    def start_from(self, serials: Mapping[str, int]) -> None:
        """The downlink serials kept from before our start."""
        self._serials = serials

    def identify(self, source: str, way: Way) -> str:
        """The device a frame comes from: its source address, else its way's one device, else its peer."""
        if source not in NOBODY:
            return source
        return way.bound_address or f"{PEER_ADDRESS}{way.host}"

    def get(self, address: str) -> Session | None:
        """The session of a device that was heard, or is registered and watched."""
        return self._by_address.get(address)

    def knows(self, address: str) -> bool:
        """Whether a device of this address was heard, or stands in the registry."""
        return address in self._by_address or self._directory.device(address) is not None

    def of(self, address: str, now: float) -> Session:
        """The session of a device, made at its first word, with what the registry says of it now."""
        session = self._by_address.get(address)
        if session is None:
            facts = self._directory.device(address)
            reading = self._reading(facts, {})
            link = self._link(address, facts, reading, now, self._serials.get(address, 0))
            session = self._by_address[address] = Session(address, link, reading, facts)
            session.watched_from = now
            if facts is None:
                self._bound_strangers(address)
        else:
            self.is_renewed(session, now)
        return session

    def is_renewed(self, session: Session, now: float) -> bool:
        """Bring a session up to what the registry says of its device now; answers whether its link is a new one."""
        facts, before = self._directory.device(session.address), session.facts
        if facts is before:
            return False
        session.facts = facts
        if facts is not None and before is not None and _conversation(facts) == _conversation(before):
            return False
        self._renew(session, before, now)
        return True

    def bind(self, session: Session, way: Way) -> bool:
        """The device spoke on `way`. True when downlinks go there from now on, and did not before.

        A word on a way older than the present one does not take the device back.
        """
        if len(way.addresses) < MOST_ON_A_WAY:
            way.addresses.add(session.address)
        if session.is_adopted:
            way.is_known = True
        present = session.way
        if present is way:
            return False
        if present is not None and present.is_open and present.opened_at > way.opened_at:
            return False
        session.way = way
        return True

    def is_superseded(self, way: Way) -> bool:
        """Whether every device that spoke on `way` has a newer one."""
        sessions = [self._by_address.get(address) for address in way.addresses]
        return bool(sessions) and all(one is not None and one.way is not way for one in sessions)

    def leave(self, way: Way) -> list[Session]:
        """`way` has closed: answers the devices that have no other now."""
        left = []
        for address in way.addresses:
            session = self._by_address.get(address)
            if session is not None and session.way is way:
                session.way = None
                left.append(session)
        return left

    @property
    def default_zone(self) -> ZoneInfo:
        """The wall clock of devices that belong to no unit."""
        return self._default_zone

    def _bound_strangers(self, address: str) -> None:
        # Anybody can make up addresses; what is forgotten of a stranger costs nothing when it speaks again.
        self._strangers[address] = None
        if len(self._strangers) > MOST_STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            session = self._by_address.get(oldest)
            if session is not None and session.facts is None:
                del self._by_address[oldest]

    def _reading(self, facts: DeviceFacts | None, words: dict[str, int]) -> Reading:
        profile: Profile | None = PROFILES.get(facts.profile) if facts else None
        zone = ZoneInfo(facts.timezone) if facts and facts.timezone else self._default_zone
        return Reading(profile=profile or self._default_profile, zone=zone, words=words)

    def _link(self, address: str, facts: DeviceFacts | None, reading: Reading, now: float, serial: int) -> Link:
        patrol = None
        if facts is not None and facts.unit is not None:
            patrol = self._patrol if facts.power == Power.MAINS else self._slot
        return Link(
            address_octets(address),
            now,
            wall_clock=wall_clock_in(reading.zone),
            centre=self._centre,
            profile=reading.profile,
            patrol=patrol,
            serial=serial,
        )

    def _renew(self, session: Session, before: DeviceFacts | None, now: float) -> None:
        """The registration has changed: adopted, another profile, another zone. All may be asked anew.

        One that is watched as before is given no more time for its silence.
        """
        facts = session.facts
        since = now
        if before is not None and facts is not None and _watch(facts) == _watch(before):
            since = session.link.silent_since
        session.watched_from = since
        session.reading = self._reading(facts, session.reading.words)
        session.link = self._link(session.address, facts, session.reading, since, session.link.serial)
        session.unsupported.clear()
        for ask in session.asked.values():
            ask.drop()  # the new link knows nothing of it
        session.asked.clear()
        session.agenda = None
        session.is_known_live = False


def _watch(facts: DeviceFacts) -> tuple[object, ...]:
    """What decides how a device's silence is watched."""
    return (facts.unit is None, facts.power)


def _conversation(facts: DeviceFacts) -> tuple[object, ...]:
    """What of a registration the conversation depends on; its name and its building are nothing to the wire."""
    return (facts.id, facts.unit, facts.power, facts.profile, facts.timezone)
