"""What the gateway needs from the rest of the house, as protocols, so that it can be tested alone."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

import asyncpg
import msgspec

from backend.core.db.engine import execute, execute_many, fetch, fetch_one
from backend.core.ids import DeviceId, new_id
from backend.intake import Incoming
from backend.registry.model import DeviceFacts


class Intake(Protocol):
    """The front door (`backend.intake.Intake`)."""

    def post(self, incoming: Incoming) -> "asyncio.Future[None]":
        """Take in hand without waiting. The future ends after COMMIT, or raises `NotDurable`."""
        ...


class Directory(Protocol):
    """The registered devices (`backend.registry.directory.Directory`)."""

    @property
    def version(self) -> int:
        """Another number after each change of the registry."""
        ...

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


class LinkCheck(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a device's patrol went since the last one was kept (通信巡检, CQC/SC 11002 4.4.2)."""

    device: DeviceId
    at: datetime
    asked: int
    heard: int
    longest_silence_s: int
    last_asked_at: datetime | None
    last_heard_at: datetime | None
    heard_by: str


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

    async def last_contacts(self) -> Mapping[str, datetime]:
        """By address, when each device was last heard."""
        ...

    async def begin_run(self, gateway: str, at: datetime) -> datetime | None:
        """This gateway starts; answers when it was last alive before, None at its first start."""
        ...

    async def keep_alive(self, gateway: str, at: datetime) -> None:
        """This gateway is alive."""
        ...

    async def keep_checks(self, checks: Sequence[LinkCheck]) -> None:
        """Add to each device's day how its patrol went."""
        ...


_SERIALS: Final = "select address, downlink_serial from devices where downlink_serial <> 0"
_KEEP_SERIAL: Final = "update devices set downlink_serial = $2 where address = $1"
_POINTS: Final = """
select c.system_type, c.system_address, c.component_address, c.quantity
from components c join devices d on d.id = c.device where d.address = $1
order by c.system_type, c.system_address, c.component_address"""
_LAST_CONTACTS: Final = """
    select d.address, l.last_contact_at from device_links l join devices d on d.id = l.device
    where d.unit is not null"""
_BEGIN_RUN: Final = """
    with before as (select alive_at from gateway_runs where name = $2),
    put as (insert into gateway_runs (id, name, started_at, alive_at) values ($1, $2, $3, $3)
        on conflict (name) do update set started_at = excluded.started_at, alive_at = excluded.alive_at)
    select alive_at from before"""
_KEEP_ALIVE: Final = "update gateway_runs set alive_at = $2 where name = $1"
_KEEP_CHECKS: Final = """
    insert into link_checks as c (id, device, day, asked, heard, longest_silence_s, last_asked_at, last_heard_at,
        heard_by)
    select i, d, date_trunc('day', a, 'UTC'), k, h, l, la, lh, b
    from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int[], $5::int[], $6::int[], $7::timestamptz[],
        $8::timestamptz[], $9::text[]) as x(i, d, a, k, h, l, la, lh, b)
    on conflict (device, day) do update set asked = c.asked + excluded.asked, heard = c.heard + excluded.heard,
        longest_silence_s = greatest(c.longest_silence_s, excluded.longest_silence_s),
        last_asked_at = coalesce(excluded.last_asked_at, c.last_asked_at),
        last_heard_at = coalesce(excluded.last_heard_at, c.last_heard_at),
        heard_by = case when excluded.heard_by = '' then c.heard_by else excluded.heard_by end"""
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

    async def last_contacts(self) -> Mapping[str, datetime]:
        """By address, when each device was last heard."""
        try:
            return {row["address"]: row["last_contact_at"] for row in await fetch(_LAST_CONTACTS)}
        except _AWAY as error:
            raise StoreAway(type(error).__name__) from error

    async def begin_run(self, gateway: str, at: datetime) -> datetime | None:
        """This gateway starts; answers when it was last alive before."""
        try:
            row = await fetch_one(_BEGIN_RUN, new_id(), gateway, at)
        except _AWAY as error:
            raise StoreAway(type(error).__name__) from error
        alive_at: datetime | None = row["alive_at"] if row else None
        return alive_at

    async def keep_alive(self, gateway: str, at: datetime) -> None:
        """This gateway is alive."""
        try:
            await execute(_KEEP_ALIVE, gateway, at)
        except _AWAY as error:
            raise StoreAway(type(error).__name__) from error

    async def keep_checks(self, checks: Sequence[LinkCheck]) -> None:
        """Add to each device's day, for a whole fleet in one statement."""
        ordered = sorted(checks, key=lambda check: check.device)
        try:
            await execute(
                _KEEP_CHECKS,
                [new_id() for _ in ordered],
                *(list(column) for column in zip(*map(msgspec.structs.astuple, ordered), strict=True)),
            )
        except _AWAY as error:
            raise StoreAway(type(error).__name__) from error
