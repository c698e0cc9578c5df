"""What a scope is by the registry: whose, in which words, and whether it reaches fire points.

Plain SQL: each is one look at rows of several tables, asked for once when a mask or window is.
"""

from typing import Any, Final

import msgspec

from backend.alarms.masks.model import Scope, ScopeKind, is_fire_point
from backend.core.db.engine import fetch, fetch_one
from backend.core.errors import NotFound
from backend.core.i18n import N_
from backend.core.ids import UnitId
from backend.monitoring.model import Level, Subject
from backend.monitoring.words import component_type_name, system_type_name
from backend.people.doors import require
from backend.people.model import Person
from backend.registry.places import places_of

_UNIT_OF: Final = {
    ScopeKind.ZONE: "select b.unit, b.name || ' ' || z.name as what from zones z join buildings b on b.id = z.building "
    "where z.id = $1",
    ScopeKind.BUILDING: "select unit, name as what from buildings where id = $1",
    ScopeKind.UNIT: "select id as unit, name as what from units where id = $1",
}
_POINTS: Final = """
    select c.component_type, c.role
    from components c join devices d on d.id = c.device left join zones z on z.id = c.zone
    where ($1::uuid is null or c.device = $1) and ($2::int is null or c.system_type = $2)
      and ($3::int is null or c.system_address = $3) and ($4::text is null or c.component_address = $4)
      and ($5::uuid is null or c.zone = $5) and ($6::uuid is null or coalesce(z.building, d.building) = $6)
      and ($7::uuid is null or d.unit = $7)
    union
    select s.component_type, '' from facility_states s
    where $1::uuid is not null and s.device = $1 and s.level = 'component' and ($2::int is null or s.system_type = $2)
      and ($3::int is null or s.system_address = $3) and ($4::text is null or s.component_address = $4)"""


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """A scope as it stands in the registry now."""

    unit: UnitId
    what: str
    is_fire: bool


async def locate(person: Person, scope: Scope, right: str) -> Located:
    """The scope, when the person has `right` in its unit.

    Raises `NotFound` for what is unknown, not theirs, or of no unit; `NotAllowed` when they see it and lack the right.
    """
    unit, what = await _unit_and_words(scope)
    if unit is None:
        raise NotFound(N_("没有找到"))
    require(person, right, unit)
    points = await _points(scope)
    if scope.kind is ScopeKind.COMPONENT and not points:
        raise NotFound(N_("没有找到"))
    is_fire = any(is_fire_point(row["component_type"], row["role"]) for row in points)
    return Located(unit=unit, what=what, is_fire=is_fire)


async def _unit_and_words(scope: Scope) -> tuple[UnitId | None, str]:
    if scope.kind in _UNIT_OF:
        row = await fetch_one(_UNIT_OF[scope.kind], scope.zone or scope.building or scope.unit)
        return (row["unit"], row["what"]) if row else (None, "")
    return await _behind_device(scope)


async def _behind_device(scope: Scope) -> tuple[UnitId | None, str]:
    """A device, a system or a component, in the words an alarm of it would have."""
    assert scope.device is not None
    subject = Subject(
        level=Level.COMPONENT if scope.component_address else Level.SYSTEM,
        system_type=scope.system_type,
        system_address=scope.system_address,
        component_address=scope.component_address,
    )
    found = await places_of([(scope.device, subject)])
    if not found:
        return None, ""
    at, place, language = found[0], found[0].place, "zh_CN"
    parts = [place.building]
    if scope.kind is ScopeKind.DEVICE:
        parts.append(place.device_name)
    elif scope.kind is ScopeKind.SYSTEM:
        assert scope.system_type is not None
        parts += [
            place.device_name,
            f"{system_type_name(scope.system_type, language, at.profile)} {scope.system_address}",
        ]
    else:
        kind = component_type_name(at.component_type, language, at.profile) if at.component_type is not None else ""
        zone = place.zone if place.zone != place.floor else ""
        parts += [place.floor, zone, place.description or f"{kind} {scope.component_address}".strip()]
    return at.unit, " ".join(part for part in parts if part)


async def _points(scope: Scope) -> list[dict[str, Any]]:
    """The components in reach, registered or only heard of."""
    return await fetch(
        _POINTS,
        scope.device,
        scope.system_type,
        scope.system_address,
        scope.component_address,
        scope.zone,
        scope.building,
        scope.unit,
    )
