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
from backend.core.vocabulary import Role
from backend.people.model import DUTY_DESK_ROLES, UNLINKED, Person, QuietHours, Reach

_PERSON: Final = """
    p.id, p.code, p.name, p.language,
    coalesce((select json_agg(json_build_object('role', g.role, 'unit', g.unit) order by g.role, g.unit)
              from grants g where g.person = p.id), '[]')::text as grants
"""
_NAMES: Final = "select id, name from people where id = any($1::uuid[])"


def select_person(source: str, *, also: str = "") -> str:
    """SQL that selects active people `p` from `source` with their grants; read a row by `person_from`.

    Both arguments are constants of this room, never anything from outside.
    """
    return f"select {_PERSON} {also} from {source} and p.is_active"


_PERSON_BY_ID: Final = select_person("people p where p.id = $1")
_PERSON_BY_CODE: Final = select_person("people p where p.code = $1")
_COLLEAGUES: Final = """
select p.id, p.code, p.name, array_agg(distinct g.role) as roles
from people p join grants g on g.person = p.id and (g.unit = $1 or g.unit is null) and g.role <> 'group'
where p.is_active group by p.id, p.code, p.name order by bool_or(g.unit is null), p.code
"""
_MAY_SEE: Final = """
select distinct p.id from people p join grants g on g.person = p.id and (g.unit = $2 or g.unit is null)
where p.id = any($1) and p.is_active
"""
_WAYS: Final = """
select held.unit, p.id as person, p.name, p.language, way.id as contact_point, way.channel, way.address,
    way.failure, held.roles, u.timezone, q.since_minute as quiet_since, q.until_minute as quiet_until
from held
join people p on p.id = held.person and p.is_active
join contact_points way on way.person = p.id and way.failure is distinct from $1
left join units u on u.id = held.unit
left join quiet_hours q on q.person = p.id
order by p.code, way.priority, way.channel, way.address
"""
_REACHES: Final = f"""
with held as (
    select unit, person, array_agg(role) as roles from grants where unit = any($2::uuid[]) group by unit, person
    union all
    select null::uuid, person, array_agg(role) from grants
    where $3 and unit is null and role = any($4::text[]) group by person
)
{_WAYS}"""
_REACHES_OF_PEOPLE: Final = f"""
with held as (
    select w.unit, w.person, array_agg(distinct g.role) as roles
    from unnest($2::uuid[], $3::uuid[]) as w(unit, person)
    join grants g on g.person = w.person and (g.unit = w.unit or g.unit is null) group by w.unit, w.person
)
{_WAYS}"""


_OWN_REACHES: Final = f"""
with held as (
    select null::uuid as unit, w.person, coalesce((select array_agg(distinct g.role) from grants g
        where g.person = w.person), '{{}}') as roles
    from unnest($2::uuid[]) as w(person)
)
{_WAYS}"""


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
    rows = await fetch(_REACHES, UNLINKED, named, None in found, list(DUTY_DESK_ROLES))
    for row in rows:
        unit: UUID | None = row.pop("unit")
        found[None if unit is None else UnitId(unit)].append(msgspec.convert(row, Reach))
    return {unit: tuple(ways) for unit, ways in found.items()}


async def ways_to(wanted: Iterable[tuple[UnitId, PersonId]]) -> dict[tuple[UnitId, PersonId], tuple[Reach, ...]]:
    """Every way to people who are named for a unit; nobody who may not see it, or is no longer active."""
    pairs = sorted(set(wanted))
    if not pairs:
        return {}
    found: dict[tuple[UnitId, PersonId], list[Reach]] = {}
    units, people = zip(*pairs, strict=True)
    for row in await fetch(_REACHES_OF_PEOPLE, UNLINKED, list(units), list(people)):
        way = (UnitId(row.pop("unit")), msgspec.convert(row, Reach))
        found.setdefault((way[0], way[1].person), []).append(way[1])
    return {pair: tuple(ways) for pair, ways in found.items()}


async def own_ways(people: Iterable[PersonId]) -> tuple[Reach, ...]:
    """Every way to people by themselves, whatever unit it is about; what they may hear is the caller's affair."""
    rows = await fetch(_OWN_REACHES, UNLINKED, list(people))
    return tuple(msgspec.convert({name: value for name, value in row.items() if name != "unit"}, Reach) for row in rows)


class Colleague(msgspec.Struct, frozen=True):
    """Somebody who may be on duty for a unit."""

    id: PersonId
    code: str
    name: str
    roles: frozenset[Role]


async def colleagues(unit: UnitId) -> list[Colleague]:
    """Everybody with a role in the unit, then the provider's people."""
    return msgspec.convert(await fetch(_COLLEAGUES, unit), list[Colleague])


async def names_of(people: Iterable[UUID | None]) -> dict[PersonId, str]:
    """Who these people are, whether they are still active or not."""
    rows = await fetch(_NAMES, list({each for each in people if each is not None}))
    return {PersonId(row["id"]): row["name"] for row in rows}


async def people_who_may_see(unit: UnitId, people: Iterable[PersonId]) -> set[PersonId]:
    """Those of `people` who are active and have a role in the unit or at the provider."""
    rows = await fetch(_MAY_SEE, list(people), unit)
    return {PersonId(row["id"]) for row in rows}


async def quiet_hours(person_id: PersonId) -> QuietHours | None:
    """A person's own quiet hours (勿扰时段)."""
    row = await fetch_one("select since_minute, until_minute from quiet_hours where person = $1", person_id)
    return None if row is None else QuietHours(**row)
