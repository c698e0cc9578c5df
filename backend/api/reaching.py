"""`/api/v1`: policies, duty schedules, and putting units into service, for programs of the provider.

Lengths of time are ISO 8601 durations ("PT60S"); a rotation's first handover is the unit's wall clock, without offset.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from backend.core import clock
from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId
from backend.core.vocabulary import Channel, Severity
from backend.delivery.going_live import Readiness, go_live, readiness_for
from backend.delivery.policies import UnitPolicy, policies_for, set_policy
from backend.delivery.policy import Policy
from backend.people.model import Person
from backend.registry.queries import unit_for
from backend.rota.model import Rotation, Schedule, Shift, on_duty, shifts
from backend.rota.queries import OpenGap, open_gaps_for, schedule_for, schedules_for
from backend.rota.service import add_schedule, cancel_stand_in, change_schedule, stand_in

Text = Annotated[str, Meta(min_length=1, max_length=100)]


class PolicyIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy, and the version it follows (0: the provider's default)."""

    policy: Policy
    version: int


class ScheduleIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A schedule's name and rotations; `version` is the one it follows."""

    name: Text
    rotations: list[Rotation]
    version: int = 0


class StandInIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who stands in, from when to when, for one person or for all."""

    person: UUID
    starts_at: datetime
    ends_at: datetime
    instead_of: UUID | None = None


class VersionOut(msgspec.Struct, frozen=True):
    """The version that holds now."""

    version: int


class AddedOut(msgspec.Struct, frozen=True):
    """The id of what was added."""

    id: UUID


class DutyOut(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on duty now, and the shifts that come; a shift of nobody is a gap."""

    schedule: Schedule
    now: tuple[PersonId, ...]
    shifts: tuple[Shift, ...]


class ReadinessOut(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a unit is in service, by what kinds of contact, and what it lacks."""

    unit: UnitId
    name: str
    live_at: datetime | None
    verified: tuple[Channel, ...]
    missing: str
    has_lost_a_kind: bool
    is_one_failure_domain: bool


def _readiness(ready: Readiness, language: str) -> ReadinessOut:
    return ReadinessOut(
        unit=ready.unit,
        name=ready.name,
        live_at=ready.live_at,
        verified=ready.verified,
        missing=ready.missing(language),
        has_lost_a_kind=ready.has_lost_a_kind,
        is_one_failure_domain=ready.is_one_failure_domain,
    )


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise BadInput(N_("时间应带时区"))
    return moment.astimezone(UTC)


class Reaching(Controller):
    """Who is told of a unit's alarms, and when."""

    path = "/api/v1"
    tags = ("operator",)

    @get("/readiness")
    async def readiness(self, operator: NamedDependency[Person]) -> list[ReadinessOut]:
        """Which units are in service, and what they lack."""
        return [_readiness(each, operator.language) for each in await readiness_for(operator)]

    @post("/units/{unit_id:uuid}/live", status_code=200)
    async def live(self, operator: NamedDependency[Person], unit_id: FromPath[UUID]) -> ReadinessOut:
        """投入运行: refused while two verified kinds of contact are missing."""
        await unit_for(operator, UnitId(unit_id))
        return _readiness(await go_live(operator, UnitId(unit_id)), operator.language)

    @get("/units/{unit_id:uuid}/policies")
    async def policies(self, operator: NamedDependency[Person], unit_id: FromPath[UUID]) -> list[UnitPolicy]:
        """What holds in the unit, by severity; version 0 is the provider's default."""
        return await policies_for(operator, UnitId(unit_id))

    @put("/units/{unit_id:uuid}/policies/{severity:str}")
    async def put_policy(
        self,
        operator: NamedDependency[Person],
        unit_id: FromPath[UUID],
        severity: FromPath[Severity],
        data: JSONBody[PolicyIn],
    ) -> VersionOut:
        """A unit's own policy, from the next alarm on."""
        return VersionOut(await set_policy(operator, UnitId(unit_id), severity, data.policy, data.version))

    @get("/units/{unit_id:uuid}/schedules")
    async def schedules(
        self,
        operator: NamedDependency[Person],
        unit_id: FromPath[UUID],
        days: Annotated[int, QueryParameter(ge=1, le=92)] = 14,
    ) -> list[DutyOut]:
        """The unit's duty schedules with the shifts of the next days."""
        now = clock.now()
        until = now + timedelta(days=days)
        found = await schedules_for(operator, UnitId(unit_id))
        return [DutyOut(schedule=each, now=on_duty(each, now), shifts=shifts(each, now, until)) for each in found]

    @post("/units/{unit_id:uuid}/schedules", status_code=201)
    async def add(
        self, operator: NamedDependency[Person], unit_id: FromPath[UUID], data: JSONBody[ScheduleIn]
    ) -> AddedOut:
        """A new duty schedule."""
        return AddedOut(await add_schedule(operator, UnitId(unit_id), data.name, data.rotations))

    @put("/schedules/{schedule_id:uuid}")
    async def change(
        self, operator: NamedDependency[Person], schedule_id: FromPath[UUID], data: JSONBody[ScheduleIn]
    ) -> VersionOut:
        """Other rotations, from now on."""
        version = await change_schedule(operator, schedule_id, data.version, data.name, data.rotations)
        return VersionOut(version)

    @get("/schedules/{schedule_id:uuid}/on-duty")
    async def duty(
        self, operator: NamedDependency[Person], schedule_id: FromPath[UUID], at: FromQuery[datetime | None] = None
    ) -> list[PersonId]:
        """Who is on duty at a moment; without one, now."""
        schedule = await schedule_for(operator, schedule_id)
        return list(on_duty(schedule, _aware(at) if at is not None else clock.now()))

    @post("/schedules/{schedule_id:uuid}/stand-ins", status_code=201)
    async def stand_in(
        self, operator: NamedDependency[Person], schedule_id: FromPath[UUID], data: JSONBody[StandInIn]
    ) -> AddedOut:
        """换班: somebody stands in."""
        times = (_aware(data.starts_at), _aware(data.ends_at))
        instead_of = PersonId(data.instead_of) if data.instead_of is not None else None
        return AddedOut(await stand_in(operator, schedule_id, PersonId(data.person), *times, instead_of))

    @delete("/stand-ins/{override_id:uuid}")
    async def cancel(self, operator: NamedDependency[Person], override_id: FromPath[UUID]) -> None:
        """A stand-in is taken back."""
        await cancel_stand_in(operator, override_id)

    @get("/gaps")
    async def gaps(self, operator: NamedDependency[Person]) -> list[OpenGap]:
        """Gaps of the next seven days that were warned of."""
        return await open_gaps_for(operator)


REACHING: Final = [Reaching]
