"""What a quantity measured in the last days (模拟量历史): written with its last value, kept a week, drawn as a chart.

The rule: a minute has one row with its last, lowest and highest value, so that neither a device that reports each
second nor a short excursion changes what a chart can show; nothing is kept longer than `KEPT`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import DeviceId
from backend.monitoring.changes import Change
from backend.monitoring.model import AnalogSaid, Subject
from backend.people.model import Person, Right
from backend.registry.directory import Directory

#: a week's review looks back so far; a day more for those whose week began in another zone
KEPT: Final = timedelta(days=8)
#: rows a pass of the chore forgets, so that it never holds up what is written
_A_PASS: Final = 20_000
_PUT: Final = """
    insert into analog_history as h (subject, quantity, at, device, value, low, high)
    select s, q, a, d, v, l, h from unnest($1::text[], $2::int[], $3::timestamptz[], $4::uuid[], $5::numeric[],
        $6::numeric[], $7::numeric[]) as x(s, q, a, d, v, l, h)
    on conflict (subject, quantity, at) do update set value = excluded.value,
        low = least(h.low, excluded.low), high = greatest(h.high, excluded.high)"""
_READ: Final = """
    select h.at, h.value, h.low, h.high, d.unit from devices d
    left join analog_history h on h.device = d.id and h.subject = $2 and h.quantity = $3 and h.at >= $4 and h.at < $5
    where d.id = $1 order by h.at"""
_FORGET: Final = """
    delete from analog_history where ctid = any(array(select ctid from analog_history where at < $1 limit $2))"""


class Sample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One minute of a quantity: its last, lowest and highest value."""

    at: datetime
    value: Decimal
    low: Decimal
    high: Decimal


async def put_history(told: Iterable[tuple[AnalogSaid, Change]], directory: Directory) -> None:
    """Note what was measured, inside the intake's transaction; the caller leaves out what is history already."""
    minutes: dict[tuple[str, int, datetime], tuple[DeviceId, list[Decimal]]] = {}
    for said, change in told:
        key = (
            said.subject.key(change.device),
            said.quantity,
            change.report.received_at.replace(second=0, microsecond=0),
        )
        minutes.setdefault(key, (change.device, []))[1].append(measured(said, change.device, directory))
    if minutes:
        rows = [
            (*key, device, values[-1], min(values), max(values)) for key, (device, values) in sorted(minutes.items())
        ]
        await execute(_PUT, *map(list, zip(*rows, strict=True)))


def measured(said: AnalogSaid, device: DeviceId, directory: Directory) -> Decimal:
    """A value as pages show it: by its point's scale, else by the table's resolution; else the raw reading."""
    subject = said.subject
    component = None
    if subject.system_type is not None and subject.system_address is not None and subject.component_address:
        component = directory.component(device, subject.system_type, subject.system_address, subject.component_address)
    point = component.points.get(said.quantity) if component else None
    if point is not None and point.scale is not None:
        return said.reading * point.scale
    return said.value if said.value is not None else Decimal(said.reading)


async def history_for(
    person: Person, device: DeviceId, subject: Subject, quantity: int, *, since: datetime, until: datetime
) -> list[Sample]:
    """A quantity's minutes in [since, until), oldest first; nothing of a device that is not the person's."""
    rows = await fetch(_READ, device, subject.key(device), quantity, since, until)
    if not rows or not person.may(Right.SEE, rows[0]["unit"]):
        return []
    return _samples(rows)


def _samples(rows: Sequence[dict[str, Any]]) -> list[Sample]:
    return [
        Sample(at=row["at"], value=row["value"], low=row["low"], high=row["high"])
        for row in rows
        if row["at"] is not None
    ]


async def forget_history() -> int:
    """A chore: what is older than a week goes, a bounded piece at a time. Answers how many minutes went."""
    gone = await execute(_FORGET, clock.now() - KEPT, _A_PASS)
    return int(gone.rpartition(" ")[2])
