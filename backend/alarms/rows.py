"""Alarms to and from rows. Reads answer structs; rows don't leave this folder."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms.model import Alarm, Known
from backend.core.db.engine import fetch
from backend.core.ids import AlarmId, PersonId
from backend.core.vocabulary import AlarmClass, Severity, Verdict, Via
from backend.monitoring.changes import Place

COLUMNS: Final = """a.id, a.number, a.unit, a.device, a.subject, a.condition, a.rule, a.alarm_class, a.severity, a.item,
    a.title, a.place, a.facts, a.marks, a.device_time, a.raised_at, a.ledger_id, a.repeats, a.last_reported_at,
    a.cleared_at, a.cleared_by, a.acknowledged_at, a.verdict, a.verdict_at, a.verdict_by, a.verdict_via, a.closed_at,
    a.revision"""
_decode_place = msgspec.json.Decoder(Place).decode
_decode_facts = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode
_decode_marks = msgspec.json.Decoder(tuple[str, ...]).decode
_KNOWN: Final = """
    select k.alarm, k.person, p.name, k.via, k.at, k.is_late
    from acknowledgements k join people p on p.id = k.person
    where k.alarm = any($1) order by k.at, k.id"""


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
            person=PersonId(row["person"]), name=row["name"], via=Via(row["via"]), at=row["at"], is_late=row["is_late"]
        )
        found.setdefault(AlarmId(row["alarm"]), []).append(known)
    return found


async def alarms_of(rows: Sequence[Mapping[str, Any]]) -> list[Alarm]:
    """Rows as structs, each with who knows."""
    known = await known_by([row["id"] for row in rows])
    return [alarm_of(row, known.get(AlarmId(row["id"]), ())) for row in rows]
