"""The forms of the pages in `reach`: what a browser sends as text becomes a call of the use case, and nothing more."""

from datetime import datetime, time, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from backend.core.errors import BadInput, Conflict, NotFound
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId
from backend.core.vocabulary import Severity
from backend.delivery.going_live import go_live
from backend.delivery.policies import policies_for, set_policy
from backend.people.model import Person, Right
from backend.people.service import set_quiet_hours
from backend.registry.queries import unit_for
from backend.rota.model import Every, Hours, Rotation, instant, zone_of
from backend.rota.queries import schedule_for
from backend.rota.service import add_schedule, cancel_stand_in, change_schedule, stand_in

Text = Annotated[str, Meta(max_length=100)]
_DONE: Final = {"done": True}


class PolicyForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy's figures, in minutes; who is told stays as it is."""

    after: list[Text]
    rounds: Text
    repeat_gap: Text
    ack_timeout: Text
    version: Text


class RotationForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rotation: people in order, the first handover on the unit's wall clock, hours or round the clock."""

    people: list[Text]
    first: Text
    count: Text
    every: Every
    since: Text = ""
    until: Text = ""
    version: Text = "0"
    name: Text = ""


class StandInForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who stands in, from when to when on the unit's wall clock; for one person, or for all."""

    person: Text
    starts_at: Text
    ends_at: Text
    instead_of: Text = ""


class QuietForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From when to when; both empty: no quiet hours."""

    since: Text
    until: Text


class ReachActs(Controller):
    """What a unit's people change, from a phone."""

    path = "/m/reach"
    include_in_schema = False

    @post("/{unit_id:uuid}/policies/{severity:str}", status_code=200)
    async def policy(
        self,
        person: NamedDependency[Person],
        unit_id: FromPath[UUID],
        severity: FromPath[str],
        data: JSONBody[PolicyForm],
    ) -> dict[str, bool]:
        """The delays of a policy."""
        found = {str(each.severity): each for each in await policies_for(person, UnitId(unit_id))}
        if severity not in found:
            raise NotFound(N_("没有找到"))
        policy = found[severity].policy
        if len(data.after) != len(policy.steps) or _whole(data.version) != found[severity].version:
            raise Conflict(N_("通知策略已被他人修改，请刷新后再改"))
        delays = [_minutes(each) for each in data.after]
        changed = msgspec.structs.replace(
            policy,
            steps=tuple(
                msgspec.structs.replace(step, after=after) for step, after in zip(policy.steps, delays, strict=True)
            ),
            rounds=_whole(data.rounds),
            repeat_gap=_minutes(data.repeat_gap),
            ack_timeout=_minutes(data.ack_timeout),
        )
        await set_policy(person, UnitId(unit_id), Severity(severity), changed, found[severity].version)
        return _DONE

    @post("/{unit_id:uuid}/schedules", status_code=200)
    async def schedule(
        self, person: NamedDependency[Person], unit_id: FromPath[UUID], data: JSONBody[RotationForm]
    ) -> dict[str, bool]:
        """A new duty schedule with its first rotation."""
        await add_schedule(person, UnitId(unit_id), data.name, [_rotation(data)])
        return _DONE

    @post("/schedules/{schedule_id:uuid}/rotations/{number:int}", status_code=200)
    async def rotation(
        self,
        person: NamedDependency[Person],
        schedule_id: FromPath[UUID],
        number: FromPath[int],
        data: JSONBody[RotationForm],
    ) -> dict[str, bool]:
        """One rotation of a schedule: other people, another order; one more at the end."""
        schedule = await schedule_for(person, schedule_id, Right.PLAN)
        rotations = list(schedule.rotations)
        if not 0 <= number <= len(rotations):
            raise NotFound(N_("没有找到"))
        rotations[number : number + 1] = [_rotation(data)]
        await change_schedule(person, schedule_id, _whole(data.version), schedule.name, rotations)
        return _DONE

    @post("/schedules/{schedule_id:uuid}/stand-ins", status_code=200)
    async def stand_in(
        self, person: NamedDependency[Person], schedule_id: FromPath[UUID], data: JSONBody[StandInForm]
    ) -> dict[str, bool]:
        """换班: somebody stands in."""
        zone = zone_of(await schedule_for(person, schedule_id, Right.PLAN))
        times = (instant(_local(data.starts_at), zone), instant(_local(data.ends_at), zone))
        instead_of = _person(data.instead_of) if data.instead_of else None
        await stand_in(person, schedule_id, _person(data.person), *times, instead_of)
        return _DONE

    @post("/stand-ins/{override_id:uuid}/cancellation", status_code=200)
    async def cancel(self, person: NamedDependency[Person], override_id: FromPath[UUID]) -> dict[str, bool]:
        """A stand-in is taken back."""
        await cancel_stand_in(person, override_id)
        return _DONE

    @post("/{unit_id:uuid}/live", status_code=200)
    async def live(self, person: NamedDependency[Person], unit_id: FromPath[UUID]) -> dict[str, bool]:
        """The unit goes into service."""
        await unit_for(person, UnitId(unit_id))
        await go_live(person, UnitId(unit_id))
        return _DONE

    @post("/quiet-hours", status_code=200)
    async def quiet(self, person: NamedDependency[Person], data: JSONBody[QuietForm]) -> dict[str, bool]:
        """The person's own quiet hours."""
        await set_quiet_hours(person, _minute(data.since), _minute(data.until))
        return _DONE


class DeskReachActs(ReachActs):
    """The same from the duty desk."""

    path = "/reach"


def _rotation(form: RotationForm) -> Rotation:
    hours: tuple[Hours, ...] = ()
    if form.since or form.until:
        hours = (Hours(since=_clock(form.since), until=_clock(form.until)),)
    return Rotation(
        people=tuple(_person(each) for each in form.people if each),
        first=_local(form.first),
        count=_whole(form.count),
        every=form.every,
        hours=hours,
    )


def _wrong(text: str) -> BadInput:
    return BadInput(N_("填写的内容不正确：{text}"), text=text)


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise _wrong(text)
    return int(text)


def _minutes(text: str) -> timedelta:
    try:
        return timedelta(seconds=round(float(text) * 60))
    except (ValueError, OverflowError):
        raise _wrong(text) from None


def _local(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise _wrong(text) from None


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise _wrong(text) from None


def _minute(text: str) -> int | None:
    if not text:
        return None
    at = _clock(text)
    return at.hour * 60 + at.minute


def _person(text: str) -> PersonId:
    try:
        return PersonId(UUID(text))
    except ValueError:
        raise _wrong(text) from None
