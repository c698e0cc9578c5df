"""Handovers, duty checks and log lines to and from rows. Reads answer structs; rows don't leave this folder."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core.db.engine import fetch, fetch_one
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.vocabulary import Via
from backend.duty.model import (
    CheckMovedOn,
    CheckState,
    DutyCheck,
    Handover,
    HandoverMovedOn,
    HandoverState,
    LogKind,
    NoSuchCheck,
    NoSuchHandover,
)
from backend.people.model import Person, Right

HANDOVER_COLUMNS: Final = """h.id, h.number, h.unit, h.state, h.outgoing, h.incoming, h.from_at, h.made_at, h.notes,
    h.frozen, h.sha256, h.signed_at, h.signed_via, h.decided_by, h.decided_at, h.decided_via, h.why, h.revision"""
CHECK_COLUMNS: Final = """k.id, k.number, k.unit, k.state, k.question, k.asked_by, k.asked_at, k.until_at, k.people,
    k.is_by_rota, k.answered_by, k.answered_at, k.answered_via, k.missed_at, k.revision"""
_INSERT_HANDOVER: Final = """
    insert into handovers (id, unit, state, outgoing, incoming, from_at, made_at, notes, revision)
    values ($1, $2, $3, $4, $5, $6, $7, $8, 0)
    on conflict (unit) where state in ('draft', 'signed', 'refused') do nothing returning number"""
_PUT_HANDOVER: Final = """
    update handovers set state = $3, incoming = $4, notes = $5, frozen = $6, sha256 = $7, signed_at = $8,
        signed_via = $9, decided_by = $10, decided_at = $11, decided_via = $12, why = $13, revision = $14
    where id = $1 and state = $2 and revision = $15 returning id"""
_INSERT_CHECK: Final = """
    insert into duty_checks (id, unit, state, question, asked_by, asked_at, until_at, people, is_by_rota, revision)
    values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, 0)
    on conflict (unit) where state = 'asked' do nothing returning number"""
_PUT_CHECK: Final = """
    update duty_checks set state = $3, answered_by = $4, answered_at = $5, answered_via = $6, missed_at = $7,
        revision = $8 where id = $1 and state = $2 and revision = $9 returning id"""
_LOG: Final = """
    insert into duty_log (id, unit, at, person, kind, text, via) values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (id) do nothing returning id"""
_decode_people = msgspec.json.Decoder(tuple[PersonId, ...]).decode
_encode = msgspec.json.Encoder().encode


def _via(word: str | None) -> Via | None:
    return Via(word) if word else None


def handover_of(row: Mapping[str, Any]) -> Handover:
    """A row as a struct."""
    values = {name: row[name] for name in Handover.__struct_fields__}
    read = {
        "state": HandoverState(row["state"]),
        "signed_via": _via(row["signed_via"]),
        "decided_via": _via(row["decided_via"]),
    }
    return Handover(**values | read)


def check_of(row: Mapping[str, Any]) -> DutyCheck:
    """A row as a struct."""
    values = {name: row[name] for name in DutyCheck.__struct_fields__}
    read = {
        "state": CheckState(row["state"]),
        "people": _decode_people(row["people"]),
        "answered_via": _via(row["answered_via"]),
    }
    return DutyCheck(**values | read)


async def insert_handover(handover: Handover) -> Handover:
    """Write a new handover, in the caller's transaction; answers it with its number.

    Raises `HandoverMovedOn` when one of the unit is open already.
    """
    row = await fetch_one(
        _INSERT_HANDOVER,
        handover.id,
        handover.unit,
        str(handover.state),
        handover.outgoing,
        handover.incoming,
        handover.from_at,
        handover.made_at,
        handover.notes,
    )
    if row is None:
        raise HandoverMovedOn(N_("已有一个未完成的交接班"))
    return msgspec.structs.replace(handover, number=row["number"])


async def put_handover(before: Handover, after: Handover) -> None:
    """Write a handover's next state by compare-and-set. Raises `HandoverMovedOn`."""
    values = (
        after.incoming,
        after.notes,
        after.frozen,
        after.sha256,
        after.signed_at,
        after.signed_via,
        after.decided_by,
        after.decided_at,
        after.decided_via,
        after.why,
        after.revision,
        before.revision,
    )
    if not await fetch(_PUT_HANDOVER, after.id, str(before.state), str(after.state), *values):
        raise HandoverMovedOn(N_("该交接班的状态已改变"))


async def insert_check(check: DutyCheck) -> DutyCheck:
    """Write a new duty check, in the caller's transaction; answers it with its number.

    Raises `CheckMovedOn` when one of the unit waits already.
    """
    row = await fetch_one(
        _INSERT_CHECK,
        check.id,
        check.unit,
        str(check.state),
        check.question,
        check.asked_by,
        check.asked_at,
        check.until_at,
        _encode(check.people).decode(),
        check.is_by_rota,
    )
    if row is None:
        raise CheckMovedOn(N_("已有一次查岗在等待答复"))
    return msgspec.structs.replace(check, number=row["number"])


async def put_check(before: DutyCheck, after: DutyCheck) -> None:
    """Write a duty check's next state by compare-and-set. Raises `CheckMovedOn`."""
    values = (
        after.answered_by,
        after.answered_at,
        after.answered_via,
        after.missed_at,
        after.revision,
        before.revision,
    )
    if not await fetch(_PUT_CHECK, after.id, str(before.state), str(after.state), *values):
        raise CheckMovedOn(N_("该查岗已结束"))


async def locked_handover(person: Person, handover: UUID) -> Handover:
    """A handover that the person may see, locked. Raises `NoSuchHandover`: unknown and forbidden look the same."""
    row = await fetch_one(f"select {HANDOVER_COLUMNS} from handovers h where h.id = $1 for no key update", handover)
    if row is None or not person.may(Right.SEE, row["unit"]):
        raise NoSuchHandover(N_("没有这个交接班"))
    return handover_of(row)


async def locked_check(person: Person, check: UUID) -> DutyCheck:
    """A duty check that the person may see, or was asked by, locked. Raises `NoSuchCheck`."""
    row = await fetch_one(f"select {CHECK_COLUMNS} from duty_checks k where k.id = $1 for no key update", check)
    if row is None or not person.may(Right.SEE, row["unit"]):
        raise NoSuchCheck(N_("没有这次查岗"))
    return check_of(row)


async def write_log(  # noqa: PLR0917 - a line's parts
    unit: UnitId | None,
    at: datetime,
    person: PersonId | None,
    kind: LogKind,
    text: str,
    via: Via | None,
    line: UUID | None = None,
) -> bool:
    """A line of the duty log, in the caller's transaction; false: this very `line` is there already."""
    return bool(await fetch(_LOG, line or new_id(), unit, at, person, str(kind), text, str(via or "")))
