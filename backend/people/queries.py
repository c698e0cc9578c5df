"""Reads of people: who somebody is, and everybody who must hear of a unit.

Plain SQL, because both are joins on the hot path: each request of a person begins with the first, each notice
with the second.
"""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core.db.engine import fetch, fetch_one
from backend.core.errors import NotFound
from backend.core.i18n import _
from backend.core.ids import PersonId, UnitId
from backend.people.model import DUTY_DESK_ROLES, UNLINKED, Person, Reach

_PERSON: Final = """
    p.id, p.code, p.name, p.language,
    coalesce((select json_agg(json_build_object('role', g.role, 'unit', g.unit) order by g.role, g.unit)
              from grants g where g.person = p.id), '[]')::text as grants
"""


def select_person(source: str, *, also: str = "") -> str:
    """SQL that selects active people `p` from `source` with their grants; read a row by `person_from`.

    Both arguments are constants of this room, never anything from outside.
    """
    return f"select {_PERSON} {also} from {source} and p.is_active"


_PERSON_BY_ID: Final = select_person("people p where p.id = $1")
_PERSON_BY_CODE: Final = select_person("people p where p.code = $1")
_REACHES: Final = """
with held as (
    select distinct unit, person from grants where unit = any($1::uuid[])
    union all
    select distinct null::uuid, person from grants where $2 and unit is null and role = any($3::text[])
)
select held.unit, p.id as person, p.name, p.language, way.id as contact_point, way.channel, way.address,
    way.failure
from held
join people p on p.id = held.person and p.is_active
join contact_points way on way.person = p.id and way.failure is distinct from $4
order by p.code, way.priority, way.channel, way.address
"""


def person_from(row: dict[str, Any]) -> Person:
    """A `Person` from a row of `select_person`; other columns are ignored."""
    return msgspec.convert({**row, "grants": msgspec.json.decode(row["grants"])}, Person, strict=False)


async def person(person_id: PersonId) -> Person:
    """An active person with their grants. Raises `NotFound`."""
    row = await fetch_one(_PERSON_BY_ID, person_id)
    if row is None:
        raise NotFound(_("没有此人员"))
    return person_from(row)


async def person_by_code(code: str) -> Person:
    """An active person by their code (人员编号). Raises `NotFound`."""
    row = await fetch_one(_PERSON_BY_CODE, code)
    if row is None:
        raise NotFound(_("没有此人员"))
    return person_from(row)


async def recipients(unit: UnitId | None) -> tuple[Reach, ...]:
    """Every way to everybody with a role in `unit`; None: the provider's duty desk."""
    return (await recipients_of((unit,)))[unit]


async def recipients_of(units: Iterable[UnitId | None]) -> dict[UnitId | None, tuple[Reach, ...]]:
    """`recipients` for many units in one query; a unit with nobody has an empty tuple."""
    wanted = tuple(dict.fromkeys(units))
    found: dict[UnitId | None, list[Reach]] = {unit: [] for unit in wanted}
    named = [unit for unit in wanted if unit is not None]
    rows = await fetch(_REACHES, named, None in found, list(DUTY_DESK_ROLES), UNLINKED)
    for row in rows:
        unit: UUID | None = row.pop("unit")
        found[None if unit is None else UnitId(unit)].append(msgspec.convert(row, Reach))
    return {unit: tuple(ways) for unit, ways in found.items()}
