"""Water at a glance: tank levels and pressures beside their thresholds, read like any facility (GB 50440 extract, 6).

Plain SQL, because the glance must not read ten thousand detectors to find a dozen gauges.
"""

from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core.db.engine import fetch
from backend.core.ids import UnitId
from backend.monitoring.facilities import TONES, ComponentNow, ValueNow, tone
from backend.monitoring.facilities_reading import Rows, device_now
from backend.people.doors import units_seen
from backend.people.model import Person
from backend.registry.model import DEFAULT_TIMEZONE
from backend.registry.quantities import HEIGHT, PRESSURE_KPA, PRESSURE_MPA

GAUGES: Final = (HEIGHT, PRESSURE_MPA, PRESSURE_KPA)
MOST: Final = 200
#: what is amiss first, what never reported last
_ORDER: Final = (*(str(each) for each in TONES if each != "silent"), "silent")
_POINTS: Final = """
    select c.device, c.system_type, c.system_address, c.component_type, c.component_address, c.description, c.role,
        c.quantity, c.low, c.high, c.scale, c.closed_means, c.zone, z.name as zone_name, z.floor,
        zb.name as zone_building, zb.id is distinct from d.building as is_elsewhere
    from components c join devices d on d.id = c.device left join zones z on z.id = c.zone
        left join buildings zb on zb.id = z.building
    where c.quantity = any($2) and d.unit is not null and ($1::uuid[] is null or d.unit = any($1::uuid[]))
        and ($3::uuid is null or d.unit = $3)
    order by d.unit, d.address, c.system_type, c.system_address, c.component_address collate "C", c.quantity
    limit $4"""
_VALUES: Final = """
    select a.device, a.system_type, a.system_address, a.component_type, a.component_address, a.quantity, a.reading,
        a.value, a.measure, a.standing, a.is_stale, a.device_time, a.received_at
    from analog_states a join devices d on d.id = a.device
    where a.quantity = any($2) and d.unit is not null and ($1::uuid[] is null or d.unit = any($1::uuid[]))
        and ($3::uuid is null or d.unit = $3)
    order by a.device, a.subject, a.quantity limit $4"""
_DEVICES: Final = """
    select d.id, d.unit, d.building, d.kind, d.address, d.name, d.profile, u.name as unit_name,
        coalesce(u.timezone, $2) as timezone, coalesce(b.name, '') as building_name,
        l.is_lost, l.lost_at, l.last_contact_at, l.clock_offset_s, l.deviations
    from devices d join units u on u.id = d.unit left join buildings b on b.id = d.building
        left join device_links l on l.device = d.id
    where d.id = any($1) order by u.code, b.code nulls last, d.address"""


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One gauge's last value beside its thresholds, and where it is."""

    unit: UUID
    unit_name: str
    building: str
    device: UUID
    system: tuple[int, int]
    component: ComponentNow
    value: ValueNow
    tone: str

    @property
    def name(self) -> str:
        """What it is, as people know it."""
        return self.component.description or self.component.type_name


async def measures_for(person: Person, unit: UnitId | None = None, limit: int = MOST) -> list[Measure]:
    """The levels and pressures of the person's units, what is amiss first, then by unit, building and address."""
    seen = units_seen(person)
    asked = (None if seen is None else list(seen), list(GAUGES), unit, limit)
    points, values = await fetch(_POINTS, *asked), await fetch(_VALUES, *asked)
    ids = list({row["device"] for row in (*points, *values)})
    devices = await fetch(_DEVICES, ids, DEFAULT_TIMEZONE) if ids else []
    by_device = Rows(systems=[], components=points, states=[], analogs=values).by_device()
    found = [each for row in devices for each in _measures(row, by_device(row["id"]), person.language)]
    return sorted(found, key=lambda each: _ORDER.index(each.tone))[:limit]


def _measures(row: dict[str, Any], rows: Rows, language: str) -> list[Measure]:
    return [
        Measure(
            unit=row["unit"],
            unit_name=row["unit_name"],
            building=row["building_name"],
            device=row["id"],
            system=(system.system_type, system.system_address),
            component=part,
            value=value,
            tone=tone(None, (value,)) if value.received_at else "silent",
        )
        for system in device_now(row, rows, language).systems
        for part in system.components
        for value in part.values
    ]
