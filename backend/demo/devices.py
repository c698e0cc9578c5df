"""The sample unit's devices: they live a normal life on the real protocol and do what the street tells them.

The rule: no edge is imported here; whoever speaks the protocol is handed in by `backend.main` and satisfies `Uitd`.
Commands come over Redis as JSON on `fenghuo:demo`: {"do": "fire", "building": 0}.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, Protocol

import msgspec

from backend.core import clock
from backend.core.db.engine import database, fetch
from backend.core.redis import RedisError, connect
from backend.core.settings import Settings
from backend.monitoring.terms import HEALTHY_MEANINGS
from backend.registry.model import ClosedMeans, ComponentRole
from backend.registry.quantities import quantity

TOPIC: Final = "fenghuo:demo"
_HEARTBEAT_S: Final = 10.0
_VALUES_EVERY: Final = 3  # heartbeats
_AGAIN_S: Final = 1.0
_WANDER: Final = 0.02  # a value moves about its middle by this share of it
_WAVE_S: Final = 180.0
_HEADROOM: Final = Decimal("1.6")  # a pressure that has a lower limit only stands this far above it
#: component state bits of GB/T 26875.3, table 5.2: bit 0 normal operation, bit 1 fire, bit 2 fault
_WELL: Final = 0x0001
_CLOSED: Final = 0x0020
_FIRE: Final = 0x0003
_FAULT: Final = 0x0005
_BURNS: Final = (ComponentRole.DETECTOR, ComponentRole.CALL_POINT)
log = logging.getLogger(__name__)

Deed = Literal["fire", "fault", "restore", "storm", "cut", "mend"]


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the street asks of a building's device."""

    do: Deed
    building: int = 0


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A component as its UITD knows it."""

    system_type: int
    system_address: int
    component_type: int
    component_address: str  #: 8 hex digits in wire order
    description: str
    role: ComponentRole
    quantity: int | None
    low: Decimal | None
    high: Decimal | None
    scale: Decimal | None
    closed_means: ClosedMeans | None

    @property
    def rest(self) -> int:
        """Its state word on a good day: a contact that tells of health is closed."""
        return _WELL | _CLOSED if self.closed_means in HEALTHY_MEANINGS else _WELL

    @property
    def key(self) -> tuple[int, int, int, str]:
        """System type and address, component type and address."""
        return self.system_type, self.system_address, self.component_type, self.component_address

    @property
    def middle(self) -> Decimal | None:
        """The value it shows on a good day, in the table's unit; None: it measures nothing."""
        if self.quantity is None or self.low is None:
            return None
        return (self.low + self.high) / 2 if self.high is not None else self.low * _HEADROOM


class Uitd(Protocol):
    """A 用户信息传输装置 that speaks the real protocol; after the first `connect` it dials again by itself.

    A report waits until it is confirmed or given up. `protocol_gateway.simulator.SimulatedUitd` is one.
    """

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""
        ...

    async def connect(self) -> None:
        """Dial the centre. Raises OSError when nobody listens."""
        ...

    def cut_cable(self) -> None:
        """Cut the connection and stay away until `connect`."""
        ...

    async def close(self) -> None:
        """Hang up for good."""
        ...

    async def beats(self) -> object:
        """A heartbeat."""
        ...

    def rests(
        self,
        system_type: int,
        system_address: int,
        component_type: int,
        component_address: str,
        *,
        state: int,
        text: str = "",
    ) -> None:
        """A component's word when nothing is the matter, for the centre that asks."""
        ...

    async def reports_state(
        self,
        system_type: int,
        system_address: int,
        component_type: int,
        component_address: str,
        *,
        state: int,
        text: str = "",
    ) -> object:
        """A component's whole state word."""
        ...

    async def reports_analog(
        self,
        system_type: int,
        system_address: int,
        component_type: int,
        component_address: str,
        *,
        quantity: int,
        reading: int,
    ) -> object:
        """A component's analog value, as the raw number on the wire."""
        ...


MakeUitd = Callable[[str, str], Uitd]  #: (address, profile) → a device that has not dialled yet


class Building:
    """One building: its device, its points, and whether its cable is cut."""

    def __init__(self, uitd: Uitd, points: Sequence[Point]) -> None:
        self._uitd = uitd
        self._points = points
        for point in points:
            if point.quantity is None:
                uitd.rests(*point.key, state=point.rest, text=point.description)
        self._fires = [point for point in points if point.role in _BURNS and point.quantity is None]
        self._is_cut = False
        self._burning = 0
        self._deeds: set[asyncio.Task[None]] = set()

    async def live(self) -> None:
        """Heartbeats and values until cancelled."""
        try:
            await self._dial()
            beat = 0
            while True:
                if self._uitd.is_connected:
                    await self._uitd.beats()
                if self._uitd.is_connected and beat % _VALUES_EVERY == 0:
                    await self._values()
                beat += 1
                await asyncio.sleep(_HEARTBEAT_S)
        finally:
            for deed in self._deeds:
                deed.cancel()
            await self._uitd.close()

    async def _dial(self) -> None:
        while True:
            try:
                await self._uitd.connect()
            except OSError as error:
                log.info("the demo device has no line", extra={"error": type(error).__name__})
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    async def _values(self) -> None:
        for place, point in enumerate(self._points):
            if point.quantity is None or (middle := point.middle) is None:
                continue
            phase = 2 * math.pi * clock.monotonic() / _WAVE_S + place
            value = middle * Decimal(1 + _WANDER * math.sin(phase))
            reading = round(value / (point.scale or quantity(point.quantity).resolution))
            await self._uitd.reports_analog(*point.key, quantity=point.quantity, reading=reading)

    def obey(self, deed: Deed) -> None:
        """Begin to do one thing; a building whose cable is cut can only be mended."""
        if self._is_cut and deed != "mend":
            return
        task = asyncio.create_task(self._do(deed), name=f"demo-{deed}")
        self._deeds.add(task)
        task.add_done_callback(self._deeds.discard)

    async def _do(self, deed: Deed) -> None:
        try:
            await _DEEDS[deed](self)
        except OSError as error:
            log.info("the demo device could not report", extra={"deed": deed, "error": type(error).__name__})

    async def fire(self) -> None:
        """The next detector in turn sees a fire."""
        if self._fires:
            point = self._fires[self._burning % len(self._fires)]
            self._burning += 1
            await self._uitd.reports_state(*point.key, state=_FIRE, text=point.description)

    async def fault(self) -> None:
        """The last detector is broken."""
        if self._fires:
            point = self._fires[-1]
            await self._uitd.reports_state(*point.key, state=_FAULT, text=point.description)

    async def storm(self) -> None:
        """Every detector sees a fire."""
        await self._all(_FIRE)

    async def restore(self) -> None:
        """Every detector is well again."""
        self._burning = 0
        await self._all(_WELL)

    async def _all(self, state: int) -> None:
        reports = (self._uitd.reports_state(*point.key, state=state, text=point.description) for point in self._fires)
        await asyncio.gather(*reports)

    async def cut(self) -> None:
        """The cable is cut: nothing is heard until it is mended."""
        self._is_cut = True
        self._uitd.cut_cable()

    async def mend(self) -> None:
        """The cable is mended."""
        if self._is_cut:
            self._is_cut = False
            await self._dial()
            await self._uitd.beats()


_DEEDS: Final[dict[Deed, Callable[[Building], Awaitable[None]]]] = {
    "fire": Building.fire,
    "fault": Building.fault,
    "restore": Building.restore,
    "storm": Building.storm,
    "cut": Building.cut,
    "mend": Building.mend,
}
_POINTS: Final = """
    select system_type, system_address, component_type, component_address, description, role, quantity,
        low, high, scale, closed_means
    from components where device = $1 order by system_type, system_address, component_address, quantity
"""
_DEVICES: Final = """
    select id, address, profile from devices where unit is not null and kind = 'uitd' order by address limit $1
"""
_MOST_DEVICES: Final = 8


async def _buildings(make_uitd: MakeUitd) -> list[Building]:
    found = []
    for row in await fetch(_DEVICES, _MOST_DEVICES):
        points = msgspec.convert(await fetch(_POINTS, row["id"]), list[Point])
        found.append(Building(make_uitd(row["address"], row["profile"]), points))
    return found


async def _commands(url: str) -> AsyncGenerator[Command, None]:
    """Commands as they come, for ever; one that is malformed is logged and passed over."""
    while True:
        client = connect(url, timeout=None)
        try:
            async with client.pubsub() as pubsub:
                await pubsub.subscribe(TOPIC)
                async for message in pubsub.listen():
                    if message["type"] == "message" and (command := _decoded(message["data"])):
                        yield command
        except (RedisError, OSError) as error:
            log.warning("the demo lost Redis", extra={"error": type(error).__name__})
        finally:
            await client.aclose()
        await asyncio.sleep(_AGAIN_S)


def _decoded(octets: Any) -> Command | None:
    try:
        return msgspec.json.decode(octets, type=Command)
    except msgspec.MsgspecError as error:
        log.warning("no such demo command", extra={"error": str(error)})
        return None


async def run_devices(settings: Settings, make_uitd: MakeUitd) -> None:
    """Run the sample unit's devices until cancelled."""
    async with database(settings):
        buildings = await _buildings(make_uitd)
    lives = [asyncio.create_task(each.live(), name="demo-device") for each in buildings]
    try:
        async with contextlib.aclosing(_commands(settings.redis.url.value)) as commands:
            async for command in commands:
                if 0 <= command.building < len(buildings):
                    buildings[command.building].obey(command.do)
    finally:
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)
