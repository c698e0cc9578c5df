"""What the gateway needs from the rest of the house, as protocols, so that it can be tested alone."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import asyncpg
import msgspec

from backend.core.db.engine import execute_many, fetch
from backend.core.ids import DeviceId
from backend.intake import Incoming
from backend.registry.model import DeviceFacts


class Intake(Protocol):
    """The front door (`backend.intake.Intake`)."""

    def post(self, incoming: Incoming) -> "asyncio.Future[None]":
        """Take in hand without waiting. The future ends after COMMIT, or raises `NotDurable`."""
        ...


class Directory(Protocol):
    """The registered devices (`backend.registry.directory.Directory`)."""

    def device(self, address: str) -> DeviceFacts | None:
        """The device of a source address; None for one nobody registered."""
        ...

    def devices(self) -> Mapping[DeviceId, DeviceFacts]:
        """All devices, for supervision of their links."""
        ...


class Point(msgspec.Struct, frozen=True):
    """A registered point behind a device, by its wire key. `quantity` is set for an analog one."""

    system_type: int
    system_address: int
    component_address: str
    quantity: int | None = None


class StoreAway(Exception):  # noqa: N818 - the fact, as house.md §5 names refusals
    """The registry's database can't be reached just now."""


class DeviceStore(Protocol):
    """What the gateway reads and keeps of devices beside the directory. Its calls raise StoreAway."""

    async def serials(self) -> Mapping[str, int]:
        """By address, the downlink serial up to which serials may have been used (业务流水号)."""
        ...

    async def keep_serials(self, marks: Mapping[str, int]) -> None:
        """Keep, by address, up to where serials may be used from now on."""
        ...

    async def points(self, address: str) -> Sequence[Point]:
        """The points registered behind a device."""
        ...


_SERIALS: Final = "select address, downlink_serial from devices where downlink_serial <> 0"
_KEEP_SERIAL: Final = "update devices set downlink_serial = $2 where address = $1"
_POINTS: Final = """
select c.system_type, c.system_address, c.component_address, c.quantity
from components c join devices d on d.id = c.device where d.address = $1
order by c.system_type, c.system_address, c.component_address"""
_AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class DatabaseDeviceStore:
    """The `DeviceStore` over PostgreSQL, through the process's pool. Plain SQL: it runs for whole fleets."""

    async def serials(self) -> Mapping[str, int]:
        """By address, the downlink serial up to which serials may have been used."""
        try:
            return {row["address"]: row["downlink_serial"] for row in await fetch(_SERIALS)}
        except _AWAY as error:
            raise StoreAway(type(error).__name__) from error

    async def keep_serials(self, marks: Mapping[str, int]) -> None:
        """Keep up to where serials may be used, for many devices in one round trip."""
        try:
            await execute_many(_KEEP_SERIAL, sorted(marks.items()))
        except _AWAY as error:
            raise StoreAway(type(error).__name__) from error

    async def points(self, address: str) -> Sequence[Point]:
        """The points registered behind a device, in the order of their wire keys."""
        try:
            return msgspec.convert(await fetch(_POINTS, address), list[Point])
        except _AWAY as error:
            raise StoreAway(type(error).__name__) from error
