"""Alarms to and from rows. Reads answer structs; rows don't leave this folder."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from backend.alarms.card import alarm_card
from backend.alarms.model import Alarm, Known
from backend.core.db.engine import Write, fetch, write_together
from backend.core.ids import AlarmId, PersonId, new_id
from backend.core.vocabulary import AlarmClass, Severity, Verdict, Via
from backend.delivery.revising import Revision
from backend.monitoring.changes import Place

COLUMNS: Final = """a.id, a.number, a.unit, a.device, a.subject, a.condition, a.rule, a.alarm_class, a.severity, a.item,
    a.title, a.place, a.facts, a.marks, a.device_time, a.raised_at, a.ledger_id, a.repeats, a.last_reported_at,
    a.cleared_at, a.cleared_by, a.acknowledged_at, a.verdict, a.verdict_at, a.verdict_by, a.verdict_via, a.closed_at,
    a.revision"""
_decode_place = msgspec.json.Decoder(Place).decode
_decode_facts = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode
_decode_marks = msgspec.json.Decoder(tuple[str, ...]).decode
_KNOWN: Final = """
    select k.alarm, k.person, p.name, k.via, k.at, k.is_late, coalesce(r.name, '') as recorded_by
    from acknowledgements k join people p on p.id = k.person left join people r on r.id = k.recorded_by
    where k.alarm = any($1) order by k.at, k.id"""
_ENTRIES: Final = """
    insert into alarm_entries (id, alarm, at, kind, facts, person, via)
    select i, a, t, k, f::jsonb, p, v from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[],
        $6::uuid[], $7::text[]) as x(i, a, t, k, f, p, v)"""
_encode = msgspec.json.Encoder().encode


class NewEntry(NamedTuple):
    """One line of an alarm's story that is to be written."""

    alarm: AlarmId
    at: datetime
    kind: str
    facts: dict[str, str]
    person: PersonId | None = None
    via: Via | None = None


def alarm_of(row: Mapping[str, Any], known_by: Sequence[Known] = ()) -> Alarm:
    """A row as a struct."""
    values = {name: row[name] for name in Alarm.__struct_fields__ if name in row}
    return Alarm(
        **values
        | {
            "alarm_class": AlarmClass(row["alarm_class"]),
            "severity": Severity(row["severity"]),
            "place": _decode_place(row["place"]),
            "facts": _decode_facts(row["facts"]),
            "marks": _decode_marks(row["marks"]),
            "verdict": Verdict(row["verdict"]) if row["verdict"] else None,
            "verdict_via": Via(row["verdict_via"]) if row["verdict_via"] else None,
            "known_by": tuple(known_by),
        }
    )


async def known_by(alarms: Sequence[UUID]) -> dict[AlarmId, list[Known]]:
    """Acknowledgements of several alarms, first one first."""
    found: dict[AlarmId, list[Known]] = {}
    for row in await fetch(_KNOWN, list(alarms)):
        known = Known(
            person=PersonId(row["person"]), name=row["name"], via=Via(row["via"]), at=row["at"], is_late=row["is_late"],
            recorded_by=row["recorded_by"],
        )  # fmt: skip
        found.setdefault(AlarmId(row["alarm"]), []).append(known)
    return found


async def alarms_of(rows: Sequence[Mapping[str, Any]]) -> list[Alarm]:
    """Rows as structs, each with who knows."""
    known = await known_by([row["id"] for row in rows])
    return [alarm_of(row, known.get(AlarmId(row["id"]), ())) for row in rows]


def revision_of(alarm: Alarm) -> Revision:
    """The alarm's cards as they are now, for `delivery.revising`."""
    return Revision(alarm.id, alarm.revision, lambda language: alarm_card(alarm, language))


async def write_entries(entries: Sequence[NewEntry]) -> None:
    """Add lines to alarms' stories, inside the caller's transaction."""
    await write_together(entry_rows(entries))


def entry_rows(entries: Sequence[NewEntry]) -> list[Write]:
    """The same as a part of a larger write."""
    rows = [(new_id(), *each[:3], _encode(each.facts).decode(), each.person, each.via) for each in entries]
    return [(_ENTRIES, [*map(list, zip(*rows, strict=True))])] if rows else []
