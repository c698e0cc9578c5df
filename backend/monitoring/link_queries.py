"""Reads of links: how each device's is now, and how available it was in a month; through the person's doors.

Plain SQL, because a page joins devices, links, outages, patrols and agreements (CQC/SC 11002, 4.4.2).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.db.engine import fetch
from backend.core.deadlines import BATTERY_PATROL_CYCLE, MAINS_PATROL_CYCLE
from backend.core.errors import BadInput
from backend.core.i18n import N_, _
from backend.core.ids import DeviceId, UnitId
from backend.core.vocabulary import Power
from backend.monitoring.availability import Availability, Month, Outage, availability, bounds, month_of
from backend.people.doors import units_seen
from backend.people.model import Person
from backend.registry.model import DEFAULT_TIMEZONE

LINKS_A_PAGE: Final = 50
CAUSE_LABELS: Final = {
    "silent": N_("巡检无应答"),
    "closed": N_("连接断开"),
    "slot": N_("未按时上报"),
}
_CYCLES: Final = {Power.MAINS: MAINS_PATROL_CYCLE, Power.BATTERY: BATTERY_PATROL_CYCLE}
_OLDEST_YEAR: Final = 2000
_NEWEST_YEAR: Final = 9998

_DEVICES: Final = """
    select d.id, d.address, d.name, d.power, d.unit, u.name as unit_name, u.timezone,
        coalesce(d.adopted_at, d.first_seen_at, k.last_contact_at) as watched_from,
        coalesce(k.is_lost, false) as is_lost, k.last_contact_at, k.lost_at, coalesce(k.peer, '') as peer,
        (select max(a.repair_hours) from service_agreements a where a.unit = d.unit and a.is_active) as repair_hours
    from devices d join units u on u.id = d.unit left join device_links k on k.device = d.id
    where ($1::uuid[] is null or d.unit = any($1::uuid[])) and ($4::uuid is null or d.unit = $4)
        and ($5::uuid is null or d.id = $5)
    order by u.code, d.address offset $2 limit $3"""
_OUTAGES: Final = """
    select device, lost_at, recognised_at, restored_at, cause from link_outages
    where device = any($1) and lost_at < $3 and (restored_at is null or restored_at > $2)
    order by lost_at desc"""
_CHECKS: Final = """
    select device, max(longest_silence_s) as longest_silence_s, sum(asked)::int as asked, sum(heard)::int as heard,
        max(last_asked_at) as last_asked_at, (array_agg(heard_by order by day desc))[1] as heard_by
    from link_checks where device = any($1) and day >= $2 and day < $3 group by device"""


class OutageNow(msgspec.Struct, frozen=True, kw_only=True):
    """One loss of a link: when it was lost, known, and back, and whether that was within the agreed time."""

    lost_at: datetime
    recognised_at: datetime
    restored_at: datetime | None
    cause: str
    is_late: bool  #: longer than the agreement's repair time


class LinkMonth(msgspec.Struct, frozen=True, kw_only=True):
    """A device's link now and in one month (通信可用率)."""

    device: DeviceId
    unit: UnitId
    unit_name: str
    timezone: str
    name: str
    address: str
    power: str
    cycle_s: int  #: within which it must be heard or asked (4.4.2)
    is_lost: bool
    last_contact_at: datetime | None
    month: str
    percent: float | None
    lost_s: int
    outages: tuple[OutageNow, ...]
    repair_hours: int | None
    longest_silence_s: int | None  #: of the month's patrol record
    asked: int
    heard: int
    last_asked_at: datetime | None
    heard_by: str

    @property
    def keeps_cycle(self) -> bool | None:
        """Whether no silence was longer than the cycle; None: nothing is on record."""
        return None if self.longest_silence_s is None else self.longest_silence_s <= self.cycle_s


def month_asked(word: str, timezone: str = DEFAULT_TIMEZONE) -> Month:
    """The month of "2026-11"; the present one for an empty word. Raises `BadInput`."""
    if not word:
        return month_of(clock.now(), timezone)
    year, _dash, month = word.partition("-")
    if year.isdecimal() and month.isdecimal() and len(word) == len("2026-11"):
        asked = Month(int(year), int(month))
        if _OLDEST_YEAR <= asked.year <= _NEWEST_YEAR and asked.month in range(1, 13):
            return asked
    raise BadInput(_("月份应写作 2026-11"))


async def availability_for(
    person: Person,
    month: Month,
    *,
    unit: UnitId | None = None,
    device: DeviceId | None = None,
    after: int = 0,
    limit: int = LINKS_A_PAGE,
) -> list[LinkMonth]:
    """The links of the person's devices in a month, by unit and address; a page of them."""
    seen = units_seen(person)
    units = None if seen is None else list(seen)
    devices = await fetch(_DEVICES, units, after, limit, unit, device)
    ids = [row["id"] for row in devices]
    # one reading for all zones: a day more at both ends
    first, last = bounds(month, DEFAULT_TIMEZONE)
    first, last = first - timedelta(days=1), last + timedelta(days=1)
    outages = _by_device(await fetch(_OUTAGES, ids, first, last))
    checks = {row["device"]: row for row in await fetch(_CHECKS, ids, *bounds(month, "UTC"))}
    now = clock.now()
    return [_link(row, month, outages.get(row["id"], []), checks.get(row["id"]), now) for row in devices]


def _by_device(rows: Sequence[dict[str, Any]]) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["device"], []).append(row)
    return found


def _link(
    row: dict[str, Any], month: Month, outages: list[dict[str, Any]], check: dict[str, Any] | None, now: datetime
) -> LinkMonth:
    first, last = bounds(month, row["timezone"])
    since, until = max(first, row["watched_from"] or now), min(last, now)
    lasted = availability([Outage(each["lost_at"], each["restored_at"]) for each in outages], since, until)
    inside = [each for each in outages if each["lost_at"] < last and (each["restored_at"] or now) > first]
    return LinkMonth(
        device=row["id"],
        unit=row["unit"],
        unit_name=row["unit_name"],
        timezone=row["timezone"],
        name=row["name"],
        address=row["address"],
        power=row["power"],
        cycle_s=int(_CYCLES[Power(row["power"])].within.total_seconds()),
        is_lost=row["is_lost"],
        last_contact_at=row["last_contact_at"],
        month=str(month),
        percent=_rounded(lasted),
        lost_s=round(lasted.lost.total_seconds()),
        outages=tuple(_outage(each, row["repair_hours"], now) for each in inside),
        repair_hours=row["repair_hours"],
        longest_silence_s=check["longest_silence_s"] if check else None,
        asked=check["asked"] if check else 0,
        heard=check["heard"] if check else 0,
        last_asked_at=check["last_asked_at"] if check else None,
        heard_by=check["heard_by"] if check else "",
    )


def _rounded(lasted: Availability) -> float | None:
    """Three places, and never 100 when something was lost."""
    if lasted.percent is None:
        return None
    return min(round(lasted.percent, 3), 99.999) if lasted.lost else 100.0


def _outage(row: dict[str, Any], repair_hours: int | None, now: datetime) -> OutageNow:
    lasted = (row["restored_at"] or now) - row["recognised_at"]
    return OutageNow(
        lost_at=row["lost_at"],
        recognised_at=row["recognised_at"],
        restored_at=row["restored_at"],
        cause=row["cause"],
        is_late=repair_hours is not None and lasted > timedelta(hours=repair_hours),
    )
