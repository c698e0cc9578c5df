"""Writing breaches and their notes: each once, append-only, and in the ledger. In the caller's transaction.

Two auditors that find the same at the same time wait for each other at the unique key; the second finds it written.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.errors import BadInput, NotFound
from backend.core.i18n import N_
from backend.core.ids import LedgerId, UnitId, new_id
from backend.core.vocabulary import Via
from backend.delivery.breach_model import Finding, NoteKind
from backend.ledger.model import Entry
from backend.ledger.service import append, record_action
from backend.people.doors import require
from backend.people.model import Person, Right

ACTOR: Final = "auditor"
_RECORD: Final = """
    insert into breaches (id, kind, clause, subject, alarm, notice, attempt, unit, severity, due_at, found_at, late_ms,
                          cause_code, cause)
    select i, k, cl, s, a, n, t, u, sv, d, f, l, cc, c::jsonb
    from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
        $9::text[], $10::timestamptz[], $11::timestamptz[], $12::bigint[], $13::text[], $14::text[])
        as x(i, k, cl, s, a, n, t, u, sv, d, f, l, cc, c)
    on conflict (kind, subject) do nothing returning id, kind, subject"""
_NOTE: Final = """
    insert into breach_notes (id, breach, kind, at, person, text, facts)
    select i, b, k, t, null, w, f::jsonb
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::text[]) as x(i, b, k, t, w, f)
    on conflict (breach, kind) where kind in ('repaired', 'completed') do nothing returning breach, kind"""
_SAY: Final = """
    insert into breach_notes (id, breach, kind, at, person, text, facts) values ($1, $2, 'note', $3, $4, $5, '{}')"""
_encode = msgspec.json.Encoder().encode
_LONGEST_NOTE: Final = 1000
#: what PostgreSQL's text can't hold (NUL), and what no note is written with
_CONTROLS: Final = dict.fromkeys((*(each for each in range(0x20) if each != ord("\n")), 0x7F), " ")


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a breach, by the service's own doing."""

    breach: UUID
    kind: NoteKind
    text: str
    facts: dict[str, int | str] = {}


async def record(findings: Sequence[Finding]) -> dict[UUID, Finding]:
    """Write those that nobody wrote before; answers them by the breach's id."""
    if not findings:
        return {}
    now = clock.now()
    # in one order, so that two auditors never wait for each other in a ring
    ordered = sorted(findings, key=lambda each: (each.subject, each.kind))
    rows = [_row(each, now) for each in ordered]
    written = await fetch(_RECORD, *map(list, zip(*rows, strict=True)))
    by_key = {(str(each.kind), each.subject): each for each in ordered}
    return {row["id"]: by_key[row["kind"], row["subject"]] for row in written}


def _row(finding: Finding, now: datetime) -> tuple[object, ...]:
    return (
        new_id(),
        str(finding.kind),
        finding.clause,
        finding.subject,
        finding.alarm,
        finding.notice,
        finding.attempt,
        finding.unit,
        str(finding.severity),
        finding.due_at,
        now,
        finding.late_ms,
        str(finding.cause.code),
        _encode(finding.cause.facts).decode(),
    )


async def note(notes: Sequence[Note]) -> list[Note]:
    """Write notes that are not there yet; answers those that are new."""
    if not notes:
        return []
    now = clock.now()
    ordered = sorted(notes, key=lambda each: (each.breach, each.kind))
    rows = [(new_id(), each.breach, str(each.kind), now, each.text, _encode(each.facts).decode()) for each in ordered]
    written = {(row["breach"], row["kind"]) for row in await fetch(_NOTE, *map(list, zip(*rows, strict=True)))}
    return [each for each in ordered if (each.breach, str(each.kind)) in written]


async def to_ledger(found: Mapping[UUID, Finding], notes: Sequence[Note]) -> None:
    """The same in the ledger: last in the transaction, for it takes the chain's head."""
    entries = [_entry("breach.found", {"breach": breach, **_facts(each)}) for breach, each in found.items()]
    entries += [
        _entry(f"breach.{each.kind}", {"breach": each.breach, "how": each.text, **each.facts}) for each in notes
    ]
    await append(entries)


def _entry(what: str, facts: dict[str, Any]) -> Entry:
    return Entry(
        id=LedgerId(new_id()),
        kind="action",
        received_at=clock.now(),
        facts={"actor": ACTOR, "what": what, **facts},
    )


def _facts(finding: Finding) -> dict[str, Any]:
    return {
        "kind": str(finding.kind),
        "clause": finding.clause,
        "alarm": finding.alarm,
        "notice": finding.notice,
        "attempt": finding.attempt,
        "due_at": finding.due_at,
        "cause": str(finding.cause.code),
    }


async def say(person: Person, breach: UUID, text: str, via: Via) -> None:
    """The quality lead notes what was found out about a breach, and what is done about it (5.6).

    Raises `NotFound` for a breach that is unknown or not the person's to see, `NotAllowed`, and `BadInput`.
    """
    text = text.translate(_CONTROLS).strip()[:_LONGEST_NOTE]
    if not text:
        raise BadInput(N_("请填写内容"))
    async with transaction():
        row = await fetch_one("select unit from breaches where id = $1", breach)
        if row is None:
            raise NotFound(N_("没有找到"))
        require(person, Right.IMPROVE, UnitId(row["unit"]) if row["unit"] is not None else None)
        await execute(_SAY, new_id(), breach, clock.now(), person.id, text)
        await record_action(person.code, "breach.note", {"breach": str(breach), "text": text, "via": str(via)})
