"""Reads of handovers and duty checks for pages, chats and programs; each through the person's doors."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.clock import in_zone
from backend.core.db.engine import fetch, fetch_one
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId, UnitId
from backend.duty.checks import answerers, may_withdraw
from backend.duty.handovers import DUTY_ROLES, content_of
from backend.duty.model import (
    CHECK_LABELS,
    HANDOVER_LABELS,
    OPEN_HANDOVERS,
    CheckState,
    Content,
    DutyCheck,
    Handover,
    HandoverState,
    NoSuchHandover,
    is_abandoned,
)
from backend.duty.rows import CHECK_COLUMNS, HANDOVER_COLUMNS, check_of, handover_of
from backend.duty.telling import DESK_NAME
from backend.people.doors import units_seen
from backend.people.model import Person, Right
from backend.people.queries import person as person_by_id
from backend.registry.model import DEFAULT_TIMEZONE

Which = Literal["open", "ended"]
_MOST: Final = 300
_HANDOVERS: Final = f"""
    select {HANDOVER_COLUMNS}, u.name as unit_name, coalesce(u.timezone, $5) as timezone, o.name as outgoing_name,
        o.code as outgoing_code,
        i.name as incoming_name, d.name as decided_name,
        o.is_active and exists (select from grants g where g.person = o.id and g.role = any($8)
            and (g.unit is null or g.unit is not distinct from h.unit)) as keeps_duty
    from handovers h left join units u on u.id = h.unit join people o on o.id = h.outgoing
        left join people i on i.id = h.incoming left join people d on d.id = h.decided_by
    where ($1::uuid[] is null or h.unit = any($1::uuid[])) and h.state = any($2) and ($3::uuid is null or h.id = $3)
        and (not $6 or h.unit is not distinct from $7)
    order by h.made_at desc, h.id desc limit $4"""
_CHECKS: Final = f"""
    select {CHECK_COLUMNS}, u.name as unit_name, u.timezone, a.name as asked_name, b.name as answered_name,
        (select coalesce(json_agg(p.name order by p.name), '[]') from people p
         where k.people ? p.id::text)::text as people_names
    from duty_checks k join units u on u.id = k.unit join people a on a.id = k.asked_by
        left join people b on b.id = k.answered_by
    where ($1::uuid[] is null or k.unit = any($1::uuid[])) and ($2::uuid is null or k.unit = $2)
        and ($3::uuid is null or k.id = $3)
    order by k.state = 'asked' desc, k.asked_at desc, k.id desc limit $4"""
_STATES: Final = {
    "open": [str(each) for each in OPEN_HANDOVERS],
    "ended": [str(each) for each in HandoverState if each not in OPEN_HANDOVERS],
}
_EVERY: Final = [str(each) for each in HandoverState]


class HandoverLine(msgspec.Struct, frozen=True, kw_only=True):
    """A handover as people read it, and what the reader may do with it. Times are on the unit's clock."""

    id: UUID
    number: int
    unit: UUID | None
    unit_name: str
    state: HandoverState
    state_word: str
    outgoing: str
    incoming: str  #: whom it was named for
    from_at: datetime
    made_at: datetime
    signed_at: datetime | None
    decided_by: str
    decided_at: datetime | None
    why: str
    sha256: str
    notes: str
    may_sign: bool
    may_amend: bool
    may_cancel: bool
    may_take: bool


class CheckLine(msgspec.Struct, frozen=True, kw_only=True):
    """A duty check as people read it, and what the reader may do with it."""

    id: UUID
    number: int
    unit: UUID
    unit_name: str
    state: CheckState
    state_word: str
    question: str
    people: tuple[str, ...]
    is_by_rota: bool
    asked_by: str
    asked_at: datetime
    until_at: datetime
    answered_by: str
    answered_at: datetime | None
    is_late: bool
    may_answer: bool
    may_withdraw: bool


def _seen(person: Person) -> list[UnitId] | None:
    units = units_seen(person)
    return None if units is None else list(units)


async def handovers_for(
    person: Person, which: Which = "open", *, unit: UnitId | None = None, is_one: bool = False, limit: int = 50
) -> list[HandoverLine]:
    """Handovers of the person's units, newest first; `is_one`: of `unit` alone, None being the provider's desk."""
    rows = await fetch(
        _HANDOVERS, _seen(person), _STATES[which], None, min(limit, _MOST), DEFAULT_TIMEZONE, is_one, unit, DUTY_ROLES
    )
    return [_handover_line(row, handover_of(row), person) for row in rows]


async def handover_for(person: Person, handover_id: UUID) -> tuple[HandoverLine, Content]:
    """One handover and what it says: as it was signed, or how things stand now. Raises `NoSuchHandover`."""
    row = await fetch_one(_HANDOVERS, _seen(person), _EVERY, handover_id, 1, DEFAULT_TIMEZONE, False, None, DUTY_ROLES)
    if row is None:
        raise NoSuchHandover(N_("没有这个交接班"))
    handover = handover_of(row)
    content = handover.content
    if content is None:
        # who left looks through no door any more; their draft is only shown, and can only be cancelled
        outgoing = await person_by_id(handover.outgoing) if row["keeps_duty"] else person
        content = await content_of(handover, outgoing, clock.now())
        content = msgspec.structs.replace(content, outgoing=row["outgoing_name"], outgoing_code=row["outgoing_code"])
    return _handover_line(row, handover, person), content


async def open_handover_for(person: Person, unit: UnitId | None) -> HandoverLine | None:
    """The one that is open in a unit, or (None) at the provider's desk."""
    found = await handovers_for(person, "open", unit=unit, is_one=True, limit=1)
    return found[0] if found else None


async def checks_for(person: Person, *, unit: UnitId | None = None, limit: int = 50) -> list[CheckLine]:
    """Duty checks of the person's units: the one that waits first, then the newest."""
    rows = await fetch(_CHECKS, _seen(person), unit, None, min(limit, _MOST))
    answerable = await _answerable(person, rows)
    return [_check_line(row, check_of(row), person, answerable) for row in rows]


async def check_for(person: Person, check_id: UUID) -> CheckLine | None:
    """One duty check; None when it is unknown or not the person's."""
    rows = await fetch(_CHECKS, _seen(person), None, check_id, 1)
    answerable = await _answerable(person, rows)
    return _check_line(rows[0], check_of(rows[0]), person, answerable) if rows else None


async def _answerable(person: Person, rows: list[dict[str, Any]]) -> set[UUID]:
    """The checks that wait and that the person may answer now."""
    waiting = [row for row in rows if row["answered_by"] is None and row["state"] in {"asked", "missed"}]
    now = clock.now()
    return {row["id"] for row in waiting if person.id in await answerers(check_of(row), now)}


def _handover_line(row: dict[str, Any], handover: Handover, person: Person) -> HandoverLine:
    language, zone = person.language, row["timezone"]
    is_own, may = handover.outgoing == person.id, person.may(Right.DUTY, handover.unit)
    is_for = handover.incoming in {None, person.id}
    is_left = not row["keeps_duty"] or is_abandoned(handover, clock.now())
    return HandoverLine(
        id=handover.id,
        number=handover.number,
        unit=handover.unit,
        unit_name=row["unit_name"] or translate(DESK_NAME, language),
        state=handover.state,
        state_word=translate(HANDOVER_LABELS[handover.state], language),
        outgoing=row["outgoing_name"],
        incoming=row["incoming_name"] or "",
        from_at=in_zone(handover.from_at, zone),
        made_at=in_zone(handover.made_at, zone),
        signed_at=_at(handover.signed_at, zone),
        decided_by=row["decided_name"] or "",
        decided_at=_at(handover.decided_at, zone),
        why=handover.why or "",
        sha256=handover.sha256 or "",
        notes=handover.notes,
        may_sign=is_own and may and handover.state is HandoverState.DRAFT,
        may_amend=is_own and may and handover.state is HandoverState.REFUSED,
        may_cancel=(is_own or is_left) and may and handover.state in OPEN_HANDOVERS,
        may_take=not is_own and may and is_for and handover.state is HandoverState.SIGNED,
    )


def _check_line(row: dict[str, Any], check: DutyCheck, person: Person, answerable: set[UUID]) -> CheckLine:
    language, zone = person.language, row["timezone"]
    return CheckLine(
        id=check.id,
        number=check.number,
        unit=check.unit,
        unit_name=row["unit_name"],
        state=check.state,
        state_word=translate(CHECK_LABELS[check.state], language),
        question=translate(check.question, language),
        people=msgspec.json.decode(row["people_names"], type=tuple[str, ...]),
        is_by_rota=check.is_by_rota,
        asked_by=row["asked_name"],
        asked_at=in_zone(check.asked_at, zone),
        until_at=in_zone(check.until_at, zone),
        answered_by=row["answered_name"] or "",
        answered_at=_at(check.answered_at, zone),
        is_late=check.is_late,
        may_answer=check.id in answerable,
        may_withdraw=check.state is CheckState.ASKED and may_withdraw(check, person),
    )


def _at(moment: datetime | None, zone: str) -> datetime | None:
    return in_zone(moment, zone) if moment else None


async def duty_units(person: Person, right: str) -> list[tuple[UnitId | None, str]]:
    """Where the person has a right of this room: the provider's own desk (None) first, then their units by code."""
    rows = await fetch(
        "select id, name from units where $1::uuid[] is null or id = any($1::uuid[]) order by code", _seen(person)
    )
    desk: list[tuple[UnitId | None, str]] = []
    if right == Right.DUTY and person.may(right, None):
        desk.append((None, translate(DESK_NAME, person.language)))
    return desk + [(UnitId(row["id"]), row["name"]) for row in rows if person.may(right, row["id"])]


async def takers_for(person: Person, unit: UnitId | None) -> list[tuple[PersonId, str]]:
    """Whom a handover may be named for; none of a unit where the person keeps no duty."""
    if not person.may(Right.DUTY, unit):
        return []
    rows = await fetch(
        """select distinct p.id, p.name from grants g join people p on p.id = g.person and p.is_active
           where g.unit is not distinct from $1 and g.role = any($2) and p.id <> $3 order by p.name""",
        unit,
        DUTY_ROLES,
        person.id,
    )
    return [(PersonId(row["id"]), row["name"]) for row in rows]
