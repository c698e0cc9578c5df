"""What the pages of policies and duty schedules show: names for ids, the unit's wall clock, gaps among the shifts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId, UnitId
from backend.core.vocabulary import CHANNEL_LABELS, ROLE_LABELS, Severity
from backend.delivery.policies import policies_for
from backend.delivery.policy import Policy, Target, TargetKind
from backend.people.model import Person
from backend.people.queries import Colleague, colleagues
from backend.rota.model import Every, Rotation, Schedule, on_duty, shifts
from backend.rota.queries import schedules_for

SHOWN: Final = timedelta(days=14)
_MOST_SHIFTS: Final = 60
#: empty places after a rotation's people, to add some
_SPARE_PLACES: Final = 2
_LOCAL: Final = "%Y-%m-%dT%H:%M"
_TARGETS: Final = {
    TargetKind.UNIT: N_("单位全体人员"),
    TargetKind.DESK: N_("服务机构值班台"),
    TargetKind.SCHEDULE: N_("当班人员"),
}


class ShiftView(msgspec.Struct, frozen=True):
    """A shift; nobody: a gap."""

    starts_at: datetime
    ends_at: datetime
    people: str


class RotationView(msgspec.Struct, frozen=True, kw_only=True):
    """A rotation as its form has it."""

    number: int
    places: tuple[str, ...]  #: ids in order, then empty places
    first: str
    count: int
    every: Every
    since: str
    until: str
    is_simple: bool  #: whether the form can say all of it


class ScheduleView(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule with who is on duty now and in the next 14 days."""

    id: UUID
    name: str
    version: int
    now: str
    shifts: tuple[ShiftView, ...]
    has_gap: bool
    rotations: tuple[RotationView, ...]
    overrides: tuple[tuple[UUID, ShiftView], ...]


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """A step in words."""

    minutes: str
    who: str
    ways: str


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """A policy in words, and the figures its form changes."""

    severity: Severity
    version: int
    steps: tuple[StepView, ...]
    rounds: int
    repeat_minutes: str
    ack_minutes: str
    required: str


class ReachView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of a unit's alarms, and when."""

    people: tuple[Colleague, ...]
    schedules: tuple[ScheduleView, ...]
    policies: tuple[PolicyView, ...]
    blank: RotationView


async def reach_view(person: Person, unit: UnitId, timezone: str) -> ReachView:
    """A unit's policies and schedules. Raises `NotFound` when it is not the person's."""
    schedules = await schedules_for(person, unit)
    people = await colleagues(unit)
    names = {each.id: each.name for each in people}
    titles = {each.id: each.name for each in schedules}
    policies = await policies_for(person, unit)
    language = person.language
    return ReachView(
        people=tuple(people),
        schedules=tuple(_schedule(each, names) for each in schedules),
        policies=tuple(_policy(p.severity, p.policy, p.version, names, titles, language) for p in policies),
        blank=_blank(timezone),
    )


def _schedule(schedule: Schedule, names: Mapping[PersonId, str]) -> ScheduleView:
    now = clock.now()
    coming = shifts(schedule, now, now + SHOWN)
    shown = tuple(ShiftView(each.starts_at, each.ends_at, _names(each.people, names)) for each in coming)
    overrides = tuple(
        (each.id, ShiftView(each.starts_at, each.ends_at, _names((each.person,), names))) for each in schedule.overrides
    )
    return ScheduleView(
        id=schedule.id,
        name=schedule.name,
        version=schedule.version,
        now=_names(on_duty(schedule, now), names),
        shifts=shown[:_MOST_SHIFTS],
        has_gap=any(not each.people for each in shown),
        rotations=tuple(_rotation(number, each) for number, each in enumerate(schedule.rotations)),
        overrides=overrides,
    )


def _names(people: tuple[PersonId, ...], names: Mapping[PersonId, str]) -> str:
    return " · ".join(names.get(each, "?") for each in people)


def _rotation(number: int, rotation: Rotation) -> RotationView:
    hours = rotation.hours[0] if rotation.hours else None
    return RotationView(
        number=number,
        places=(*(str(each) for each in rotation.people), *[""] * _SPARE_PLACES),
        first=rotation.first.strftime(_LOCAL),
        count=rotation.count,
        every=rotation.every,
        since=hours.since.strftime("%H:%M") if hours else "",
        until=hours.until.strftime("%H:%M") if hours else "",
        is_simple=len(rotation.hours) < 2 and (hours is None or len(hours.weekdays) == 7),
    )


def _blank(timezone: str) -> RotationView:
    first = clock.in_zone(clock.now(), timezone).replace(hour=8, minute=0)
    return RotationView(
        number=0, places=("",) * 3, first=first.strftime(_LOCAL), count=1, every=Every.DAYS, since="", until="",
        is_simple=True,
    )  # fmt: skip


def _policy(  # noqa: PLR0917 - private, and called once
    severity: Severity,
    policy: Policy,
    version: int,
    names: Mapping[PersonId, str],
    titles: Mapping[UUID, str],
    language: str,
) -> PolicyView:
    def who(target: Target) -> str:
        if target.kind is TargetKind.ROLE and target.role is not None:
            return translate(ROLE_LABELS[target.role], language)
        if target.kind is TargetKind.PERSON and target.id is not None:
            return names.get(PersonId(target.id), "?")
        title = titles.get(target.id) if target.id is not None else None
        words = translate(_TARGETS[target.kind], language)
        return f"{words} ({title})" if title else words

    steps = tuple(
        StepView(
            minutes=minutes_of(step.after),
            who=" · ".join(map(who, step.targets)),
            ways=" · ".join(translate(CHANNEL_LABELS[way], language) for way in step.ways),
        )
        for step in policy.steps
    )
    return PolicyView(
        severity=severity,
        version=version,
        steps=steps,
        rounds=policy.rounds,
        repeat_minutes=minutes_of(policy.repeat_gap),
        ack_minutes=minutes_of(policy.ack_timeout),
        required=" · ".join(translate(ROLE_LABELS[role], language) for role in sorted(policy.required_roles)),
    )


def minutes_of(length: timedelta) -> str:
    """A length in minutes, without noughts that say nothing."""
    return f"{length.total_seconds() / 60:g}"
