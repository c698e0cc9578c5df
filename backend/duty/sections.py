"""What a handover is built of: a list of gatherers, each of which looks for things of one kind.

The rule: to add a kind is to write one function here and to list it in `SECTIONS`; nothing else changes. Each looks
through the doors of who hands over, and names things in the language of the record.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from backend.alarms.card import alarm_card
from backend.alarms.glance import glance
from backend.alarms.masks.queries import masks_for, windows_for
from backend.alarms.queries import alarms_for
from backend.alarms.status_review import lost_links_for
from backend.core.db.engine import fetch_one
from backend.core.i18n import DEFAULT_LANGUAGE, N_, translate
from backend.core.ids import UnitId
from backend.delivery.breach_model import KIND_LABELS
from backend.delivery.deadlines import Stretch, breaches
from backend.duty.model import Line, Section
from backend.people.doors import units_seen
from backend.people.model import Grant, Person, Right
from backend.work_orders.queries import orders_for

#: things of one kind that are named; the others are counted
MOST_NAMED: Final = 50
_MOST: Final = 500
#: plain SQL: complaints are a room beside this one; nobody is told of those about themselves
_COMPLAINTS: Final = """
    select count(*) as n from complaints
    where state not in ('settled', 'withdrawn', 'rated', 'closed') and about_person is distinct from $1
        and $1 <> all(named)"""


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Whose shift is looked through: a unit's, or (None) all that the provider's desk watches, in [since, until)."""

    person: Person
    unit: UnitId | None
    since: datetime
    until: datetime
    timezone: str


#: None: whoever hands over may not see such things, and the handover is silent about them
Gather = Callable[[Shift], Awaitable[Section | None]]


def section(name: str, label: str, lines: Sequence[Line], count: int | None = None) -> Section:
    """A section that names the first and counts all."""
    return Section(
        name=name, label=label, count=len(lines) if count is None else count, lines=tuple(lines[:MOST_NAMED])
    )


async def open_alarms(shift: Shift) -> Section:
    """Alarms that are not closed, those that are masked too, most urgent first."""
    lines = []
    for alarm in await alarms_for(shift.person, "active", MOST_NAMED):
        card = alarm_card(alarm, DEFAULT_LANGUAGE)
        text = f"#{alarm.number} {card.headline} {card.where} · {card.what} · {card.status}"
        lines.append(Line(text=text, at=alarm.raised_at, tone=str(alarm.severity)))
    counts = (await glance(shift.person)).counts
    return section("alarms", N_("未关闭的报警"), lines, sum(each.open for each in counts.values()))


async def masks(shift: Shift) -> Section:
    """Masks, drills and tests in force or waiting."""
    lines = [
        Line(text=f"#{each.number} {each.state_word} {each.what} · {each.reason}", at=each.until_at)
        for each in await masks_for(shift.person, limit=_MOST)
    ]
    lines += [
        Line(text=f"#{each.number} {each.kind_word} {each.state_word} {each.what} · {each.reason}", at=each.until_at)
        for each in await windows_for(shift.person, limit=_MOST)
    ]
    return section("masks", N_("屏蔽、演练与测试"), lines)


async def late_notices(shift: Shift) -> Section:
    """Deadlines that were missed in this shift."""
    seen = units_seen(shift.person)
    units = None if seen is None else list(seen)
    stretch = Stretch(since=shift.since, until=shift.until, units=units, timezone=shift.timezone)
    lines = [
        Line(
            text=" · ".join(
                part
                for part in (translate(KIND_LABELS[each.kind], DEFAULT_LANGUAGE), each.unit_name, each.clause)
                if part
            ),
            at=each.due_at,
            tone="fault",
        )
        for each in await breaches(stretch, limit=_MOST)
    ]
    return section("breaches", N_("超时限的通知"), lines)


async def absent_devices(shift: Shift) -> Section:
    """Devices that are offline."""
    lines = [
        Line(
            text=" ".join(part for part in (each.unit_name, each.building, each.name) if part),
            at=each.lost_at or each.last_contact_at,
            tone="offline",
        )
        for each in await lost_links_for(shift.person)
    ]
    return section("devices", N_("离线的设备"), lines, (await glance(shift.person)).lost)


async def overdue_orders(shift: Shift) -> Section:
    """Work orders whose agreed finish has passed."""
    lines = [
        Line(text=f"#{each.number} {each.what} · {each.where} · {each.state_word}", at=each.due_at, tone="fault")
        for each in await orders_for(shift.person, "open", limit=_MOST)
        if each.is_overdue
    ]
    return section("orders", N_("超期工单"), lines)


async def open_complaints(shift: Shift) -> Section | None:
    """Complaints that somebody at the provider still owes an answer: their number, on the provider's own desk."""
    if shift.unit is not None or not shift.person.may(Right.HANDLE_COMPLAINTS, None):
        return None
    row = await fetch_one(_COMPLAINTS, shift.person.id)
    return section("complaints", N_("未办结的投诉"), (), row["n"] if row else 0)


#: in the order in which the next shift reads them
SECTIONS: Final[tuple[Gather, ...]] = (
    open_alarms,
    masks,
    overdue_orders,
    late_notices,
    absent_devices,
    open_complaints,
)


def _inside(shift: Shift) -> tuple[Grant, ...]:
    """What the person may, cut down to the unit whose shift it is: no gatherer can look beyond it."""
    if shift.unit is None:
        return shift.person.grants
    return tuple(Grant(each.role, shift.unit) for each in shift.person.grants if each.unit in {None, shift.unit})


async def sections_of(shift: Shift) -> tuple[Section, ...]:
    """All sections, empty ones too: that there is nothing is worth a signature as well."""
    reader = msgspec.structs.replace(shift.person, language=DEFAULT_LANGUAGE, grants=_inside(shift))
    read = msgspec.structs.replace(shift, person=reader)
    return tuple([found for gather in SECTIONS if (found := await gather(read)) is not None])
