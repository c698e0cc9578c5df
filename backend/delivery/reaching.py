"""Whom a step reaches and by which ways: the circle of people a unit has, and the pure choice among them.

The rule: the first step always leaves two kinds of contact that work, and no step leaves an alarm with nobody: where
too few are left, the circle widens to everybody and then to the provider's duty desk, at once (4.3.3).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from backend.core.deadlines import LEAST_CONTACT_KINDS
from backend.core.ids import PersonId, UnitId
from backend.core.vocabulary import Severity
from backend.delivery.policy import Step, Target, TargetKind
from backend.delivery.reasons import Why, written
from backend.people.model import Reach
from backend.people.queries import recipients_of, ways_to
from backend.rota.queries import on_duty_of


class Way(NamedTuple):
    """One way to one person, and why it is not tried; empty: it is."""

    reach: Reach
    skipped_because: str


class Circle(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who may be told of a unit's alarms; at the duty desk of those of no unit."""

    unit: tuple[Reach, ...]
    desk: tuple[Reach, ...]
    named: Mapping[PersonId, tuple[Reach, ...]] = {}
    on_duty: Mapping[UUID, tuple[PersonId, ...]] = {}


def chosen(step: Step, circle: Circle) -> list[Reach]:
    """The ways to a step's addressees, each once."""
    found: dict[tuple[PersonId, str, str], Reach] = {}
    for target in step.targets:
        for reach in _CHOOSE[target.kind](target, circle):
            if not step.ways or reach.channel in step.ways:
                found.setdefault((reach.person, reach.channel, reach.address), reach)
    return list(found.values())


def _with_role(target: Target, circle: Circle) -> Iterable[Reach]:
    return (reach for reach in circle.unit if target.role in reach.roles)


def _person(target: Target, circle: Circle) -> Iterable[Reach]:
    return () if target.id is None else circle.named.get(PersonId(target.id), ())


def _on_duty(target: Target, circle: Circle) -> Iterable[Reach]:
    schedules = list(circle.on_duty) if target.id is None else [target.id]
    people = [person for schedule in schedules for person in circle.on_duty.get(schedule, ())]
    return (reach for person in people for reach in circle.named.get(person, ()))


_CHOOSE: Final[Mapping[TargetKind, Callable[[Target, Circle], Iterable[Reach]]]] = {
    TargetKind.UNIT: lambda _, circle: circle.unit,
    TargetKind.ROLE: _with_role,
    TargetKind.PERSON: _person,
    TargetKind.SCHEDULE: _on_duty,
    TargetKind.DESK: lambda _, circle: circle.desk,
}


def first_ways(step: Step, circle: Circle, severity: Severity, now: datetime) -> list[Way]:
    """Who hears it at once, and how: two kinds that work at the least, if anybody has them."""
    ways = _weighed(chosen(step, circle), circle, severity, now)
    for wider in (circle.unit, circle.desk):
        if len({way.reach.channel for way in ways if _works(way)}) >= LEAST_CONTACT_KINDS:
            break
        ways += _weighed(_others(wider, ways), circle, severity, now)
    return _or_wake(ways, circle)


def later_ways(
    step: Step, circle: Circle, severity: Severity, now: datetime, is_needed: Callable[[Reach], bool]
) -> list[Way]:
    """Who hears it at a later step. Nobody, when all whom it would tell know; the desk, when it has nobody to tell."""
    addressed = chosen(step, circle)
    needed = [reach for reach in addressed if is_needed(reach)]
    if addressed and not needed:
        return []
    ways = _weighed(needed, circle, severity, now)
    if not any(_works(way) for way in ways):
        desk = [reach for reach in _others(circle.desk, ways) if is_needed(reach)]
        ways += _weighed(desk, circle, severity, now)
    return _or_wake(ways, circle)


def _works(way: Way) -> bool:
    return not way.skipped_because and way.reach.failure is None


def _others(reaches: Sequence[Reach], ways: Sequence[Way]) -> list[Reach]:
    known = {(way.reach.person, way.reach.channel, way.reach.address) for way in ways}
    return [reach for reach in reaches if (reach.person, reach.channel, reach.address) not in known]


def _weighed(reaches: Sequence[Reach], circle: Circle, severity: Severity, now: datetime) -> list[Way]:
    """Each way with the reason to leave it out: its person's quiet hours, or that their carrier called it dead."""
    reached = {reach.person for reach in reaches if reach.failure is None}
    desk = {reach.person for reach in circle.desk}

    def why(reach: Reach) -> str:
        quiet = None if severity is Severity.FIRE or reach.person in desk else reach.quiet_at(now)
        return written(Why.QUIET, hours=quiet) if quiet else (dead(reach) if reach.person in reached else "")

    return [Way(reach, why(reach)) for reach in reaches]


def dead(reach: Reach) -> str:
    """Why a way whose carrier called it dead is left out; empty for one that works."""
    return "" if reach.failure is None else written(Why.CONTACT, said=reach.failure)


def _or_wake(ways: list[Way], circle: Circle) -> list[Way]:
    """Where quiet hours alone would leave an alarm with nobody, they are broken."""
    if circle.desk or any(not way.skipped_because for way in ways):
        return ways
    return [Way(way.reach, "") for way in ways]


async def circles_of(wanted: Sequence[tuple[UnitId | None, Step]], at: datetime) -> dict[UnitId | None, Circle]:
    """The circles of several units for these steps: one query, and two more where a person or a schedule is named."""
    reach = await recipients_of({unit for unit, _ in wanted} | {None})
    by_unit: dict[UnitId, list[Target]] = {}
    for unit, step in wanted:
        if unit is not None:
            by_unit.setdefault(unit, []).extend(step.targets)
    scheduled = {unit for unit, targets in by_unit.items() if _asks(targets, TargetKind.SCHEDULE)}
    on_duty = await on_duty_of(scheduled, at) if scheduled else {}
    pairs = [
        (unit, PersonId(target.id))
        for unit, targets in by_unit.items()
        for target in targets
        if target.kind is TargetKind.PERSON and target.id is not None
    ]
    pairs += [
        (unit, person) for unit, schedules in on_duty.items() for people in schedules.values() for person in people
    ]
    named: dict[UnitId | None, dict[PersonId, tuple[Reach, ...]]] = {}
    for (unit, person), ways in (await ways_to(pairs)).items():
        named.setdefault(unit, {})[person] = ways
    desk = reach[None]
    return {
        unit: Circle(
            unit=ways, desk=desk, named=named.get(unit, {}), on_duty=on_duty.get(unit, {}) if unit is not None else {}
        )
        for unit, ways in reach.items()
    }


def _asks(targets: Sequence[Target], kind: TargetKind) -> bool:
    return any(target.kind is kind for target in targets)
