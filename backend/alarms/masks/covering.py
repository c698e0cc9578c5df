"""Which mask or window an alarm falls under: one query for any number of alarms, cheap where nothing is in force.

The intake asks it once a batch, before it writes what it raises. A mask comes before a window.
A mask that one person made alone does not reach an alarm of fire.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from backend.alarms.masks.model import WINDOW_MARKS, Cover, Point, WindowKind
from backend.core import clock
from backend.core.db.engine import fetch
from backend.core.ids import AlarmId, PersonId
from backend.delivery.plan import Audience
from backend.monitoring.changes import Mark
from backend.monitoring.model import subject_of

_POINTS: Final = """unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::int[], $6::text[], $7::bool[])
    as x(alarm, unit, device, system_type, system_address, component_address, is_fire)"""
_OWN: Final = """select from components c where c.device = x.device and c.system_type = x.system_type
    and c.system_address = x.system_address and c.component_address = x.component_address"""
_IN_BUILDING: Final = """select from devices d
    left join components c on c.device = d.id and c.system_type = x.system_type
        and c.system_address = x.system_address and c.component_address = x.component_address
    left join zones z on z.id = c.zone
    where d.id = x.device and coalesce(z.building, d.building) = w.building"""
_COVERS: Final = f"""
    select x.alarm, m.id as mask, null::uuid as "window", m.number, m.reason, null as kind, '[]' as people
    from {_POINTS} join masks m on m.unit = x.unit
    where m.state = 'active' and m.until_at > $8 and (m.is_fire or not x.is_fire)
      and case m.scope
        when 'zone' then exists ({_OWN} and c.zone = m.zone)
        else m.device = x.device
          and (m.scope = 'device' or (m.system_type = x.system_type and m.system_address = x.system_address))
          and (m.scope <> 'component' or m.component_address = x.component_address) end
    union all
    select x.alarm, null, w.id, w.number, w.reason, w.kind, w.people::text
    from {_POINTS} join test_windows w on w.unit = x.unit
    where w.state = 'open' and w.until_at > $8
      and case w.scope
        when 'unit' then true
        when 'device' then w.device = x.device
        when 'component' then w.device = x.device and w.system_type = x.system_type
            and w.system_address = x.system_address and w.component_address = x.component_address
        when 'zone' then exists ({_OWN} and c.zone = w.zone)
        else exists ({_IN_BUILDING}) end"""
_decode_people = msgspec.json.Decoder(tuple[PersonId, ...]).decode


async def covers_of(points: Sequence[Point]) -> dict[AlarmId, Cover]:
    """What each of `points` falls under now; one that is told like any other is not in the answer."""
    rows = [_row(point) for point in points if point.unit is not None]
    if not rows:
        return {}
    found: dict[AlarmId, Cover] = {}
    for row in await fetch(_COVERS, *map(list, zip(*rows, strict=True)), clock.now()):
        alarm, cover = AlarmId(row["alarm"]), _cover(row)
        if alarm not in found or (found[alarm].mask is None and cover.mask is not None):
            found[alarm] = cover
    return found


def _row(point: Point) -> tuple[object, ...]:
    at = subject_of(point.subject)
    return (
        point.alarm,
        point.unit,
        point.device,
        at.system_type,
        at.system_address,
        at.component_address,
        point.is_fire,
    )


def _cover(row: dict[str, Any]) -> Cover:
    return Cover(
        mark=WINDOW_MARKS[WindowKind(row["kind"])] if row["kind"] else Mark.MASKED,
        number=row["number"],
        reason=row["reason"],
        mask=row["mask"],
        window=row["window"],
        people=_decode_people(row["people"]),
    )


_HELD_BY: Final = """
    select h.alarm, null::uuid as mask, w.id as "window", w.number, w.reason, w.kind, w.people::text as people
    from alarm_holds h join test_windows w on w.id = h."window" where h.alarm = any($1) and h.ended_at is null"""


async def windows_holding(alarms: Sequence[AlarmId]) -> dict[AlarmId, Cover]:
    """The windows that alarms were raised in, while those keep them inside the house."""
    rows = await fetch(_HELD_BY, list(alarms)) if alarms else []
    return {AlarmId(row["alarm"]): _cover(row) for row in rows}


def audience_of(cover: Cover | None) -> Audience | None:
    """A window's alarms stay with the people it names, or the unit's, by ways that ring no telephone."""
    if cover is None or cover.window is None:
        return None
    return Audience(people=frozenset(cover.people), why_not=cover.why)
