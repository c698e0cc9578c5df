"""Places straight from the registry's rows, where a process's Directory may be behind: inside an adoption, above all.

Plain SQL: one query for any number of subjects.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from backend.core.db.engine import fetch
from backend.core.ids import DeviceId, UnitId
from backend.registry.model import DEFAULT_TIMEZONE, Place, WireKey

_PLACES: Final = """
select d.unit, d.name as device_name, d.address, d.profile, u.name as unit_name, u.timezone, b.name as building,
    z.name as zone, z.floor, c.description, c.component_type
from unnest($1::uuid[], $2::int[], $3::int[], $4::text[]) with ordinality
    as x(device, system_type, system_address, component_address, n)
join devices d on d.id = x.device
left join units u on u.id = d.unit
left join lateral (
    select description, zone, component_type from components c
    where c.device = d.id and c.system_type = x.system_type and c.system_address = x.system_address
      and c.component_address = x.component_address
    order by c.quantity nulls first limit 1) c on true
left join zones z on z.id = c.zone
left join buildings b on b.id = coalesce(z.building, d.building)
order by x.n
"""


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """Where a subject is by the registry as it stands now (位置); the device's address stands for a missing name."""

    unit: UnitId | None
    place: Place
    profile: str
    component_type: int | None  #: None: the point table (点表) has no such point


async def places_of(subjects: Sequence[tuple[DeviceId, WireKey]]) -> list[Located]:
    """One answer a subject, in order; inside the caller's transaction it sees what that has written."""
    if not subjects:
        return []
    keys = [(device, at.system_type, at.system_address, at.component_address) for device, at in subjects]
    rows = await fetch(_PLACES, *map(list, zip(*keys, strict=True)))
    return [
        Located(
            unit=row["unit"],
            place=Place(
                unit=row["unit"],
                unit_name=row["unit_name"] or "",
                timezone=row["timezone"] or DEFAULT_TIMEZONE,
                device_name=row["device_name"] or row["address"],
                building=row["building"] or "",
                zone=row["zone"] or "",
                floor=row["floor"] or "",
                description=row["description"] or "",
            ),
            profile=row["profile"],
            component_type=row["component_type"],
        )
        for row in rows
    ]
