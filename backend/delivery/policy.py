"""Policies (通知策略): who is told of an alarm, when, and by which ways, if nobody answers. Data, and pure.

The rule: the last step is always the provider's duty desk, and a fire's first step is everybody by all ways at once.
Whatever a policy says, two kinds of contact are launched together (`delivery.plan`, house.md §3.3).
"""

import itertools
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from backend.core.deadlines import FIRE_DESK_WITHIN, VERDICT_WITHIN
from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.core.vocabulary import Channel, Role, Severity

_NONE: Final = timedelta()
_MOST_STEPS: Final = 10
_MOST_ROUNDS: Final = 20
_LONGEST: Final = timedelta(days=1)
_SHORTEST_GAP: Final = timedelta(seconds=10)


class TargetKind(StrEnum):
    """Whom a step tells."""

    UNIT = "unit"  #: everybody with a role in the unit
    ROLE = "role"
    PERSON = "person"
    SCHEDULE = "schedule"  #: who is on duty then; without an id: by every schedule of the unit
    DESK = "desk"  #: the provider's duty desk (服务机构值班台)


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One of a step's addressees."""

    kind: TargetKind
    role: Role | None = None
    id: UUID | None = None  #: of the person or the schedule


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What happens `after` the round's begin if it is still needed. No ways: by all of them."""

    after: timedelta
    targets: tuple[Target, ...]
    ways: tuple[Channel, ...] = ()


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The steps, how often they are gone through, and what counts as an answer."""

    steps: tuple[Step, ...]
    rounds: int  #: times that the steps are gone through while nobody answers
    repeat_gap: timedelta  #: from the last step to the next round
    required_roles: frozenset[Role]  #: each must acknowledge (those the unit has); empty: anybody's answer does
    ack_timeout: timedelta  #: acknowledged and not judged after this: begins again


EVERYBODY: Final = Target(kind=TargetKind.UNIT)
DESK: Final = Target(kind=TargetKind.DESK)
ON_DUTY: Final = Target(kind=TargetKind.SCHEDULE)
_MANAGER: Final = Target(kind=TargetKind.ROLE, role=Role.UNIT_MANAGER)
_GUARD: Final = Target(kind=TargetKind.ROLE, role=Role.UNIT_DUTY)
_MAINTAINER: Final = Target(kind=TargetKind.ROLE, role=Role.MAINTAINER)
#: a fire is for both to know: who is on the spot, and who answers for the building
_BOTH: Final = frozenset({Role.UNIT_MANAGER, Role.UNIT_DUTY})


def _policy(
    severity: Severity,
    second: tuple[timedelta, tuple[Target, ...]],
    desk_after: timedelta,
    *,
    rounds: int,
    repeat_gap: timedelta,
    required_roles: frozenset[Role] = frozenset(),
) -> Policy:
    return Policy(
        steps=(
            Step(after=_NONE, targets=(EVERYBODY,)),
            Step(after=second[0], targets=second[1]),
            Step(after=desk_after, targets=(DESK,)),
        ),
        rounds=rounds,
        repeat_gap=repeat_gap,
        required_roles=required_roles,
        ack_timeout=VERDICT_WITHIN[severity],
    )


#: what holds where a unit has no policy of its own
POLICIES: Final[Mapping[Severity, Policy]] = {
    Severity.FIRE: _policy(
        Severity.FIRE,
        (timedelta(minutes=1), (ON_DUTY, _GUARD, _MANAGER)),
        timedelta(minutes=2),
        rounds=3,
        repeat_gap=timedelta(minutes=3),
        required_roles=_BOTH,
    ),
    Severity.ABNORMAL: _policy(
        Severity.ABNORMAL,
        (timedelta(minutes=5), (ON_DUTY, _GUARD, _MANAGER)),
        timedelta(minutes=15),
        rounds=2,
        repeat_gap=timedelta(minutes=30),
    ),
    Severity.FAULT: _policy(
        Severity.FAULT,
        (timedelta(minutes=15), (ON_DUTY, _MANAGER, _MAINTAINER)),
        timedelta(minutes=30),
        rounds=1,
        repeat_gap=timedelta(hours=1),
    ),
    Severity.OFFLINE: _policy(
        Severity.OFFLINE,
        (timedelta(minutes=15), (ON_DUTY, _MANAGER, _MAINTAINER)),
        timedelta(minutes=30),
        rounds=1,
        repeat_gap=timedelta(hours=1),
    ),
}


class PolicyRefused(BadInput):
    """A policy that might leave somebody untold."""

    code = "policy_refused"


def require_sound(policy: Policy, severity: Severity) -> None:
    """Raises `PolicyRefused` with the first thing that is wrong."""
    wrong = next((sentence for is_wrong, sentence in _WRONGS if is_wrong(policy, severity)), None)
    if wrong is not None:
        raise PolicyRefused(wrong)


def _is_out_of_order(policy: Policy, _: Severity) -> bool:
    steps = policy.steps
    return steps[0].after != _NONE or any(one.after >= other.after for one, other in itertools.pairwise(steps))


def _is_out_of_bounds(policy: Policy, _: Severity) -> bool:
    times = (policy.repeat_gap, policy.ack_timeout)
    return policy.steps[-1].after > _LONGEST or not all(_SHORTEST_GAP <= each <= _LONGEST for each in times)


def _is_named(target: Target) -> bool:
    return {TargetKind.ROLE: target.role is not None, TargetKind.PERSON: target.id is not None}.get(target.kind, True)


#: what may be wrong with a policy, in the order it is told; each may rely on those before it
_WRONGS: Final[tuple[tuple[Callable[[Policy, Severity], bool], str], ...]] = (
    (lambda policy, _: not 1 <= len(policy.steps) <= _MOST_STEPS, N_("通知策略应有 1 到 10 个步骤")),
    (
        lambda policy, _: policy.steps[-1].targets != (DESK,) or bool(policy.steps[-1].ways),
        N_("最后一步必须是服务机构值班台，并使用全部通知方式"),
    ),
    (lambda policy, _: not all(step.targets for step in policy.steps), N_("每一步都应写明通知对象")),
    (_is_out_of_order, N_("第一步应立即开始，其后每一步应晚于前一步")),
    (
        lambda policy, _: not all(_is_named(target) for step in policy.steps for target in step.targets),
        N_("通知对象不完整"),
    ),
    (
        lambda policy, severity: (
            severity is Severity.FIRE and (policy.steps[0].targets != (EVERYBODY,) or bool(policy.steps[0].ways))
        ),
        N_("火警的第一步必须立即以全部方式通知单位全体人员"),
    ),
    (
        lambda policy, severity: severity is Severity.FIRE and not policy.required_roles >= _BOTH,
        N_("火警须由单位管理人和值班人分别确认"),
    ),
    (_is_out_of_bounds, N_("时间应在 10 秒到 24 小时之间")),
    (
        lambda policy, severity: (
            severity is Severity.FIRE and max(policy.steps[-1].after, policy.repeat_gap) > FIRE_DESK_WITHIN
        ),
        N_("火警无人确认时，应在 10 分钟内转服务机构值班台并重复通知"),
    ),
    (
        lambda policy, severity: policy.ack_timeout > VERDICT_WITHIN[severity],
        N_("确认后等待处置结论的时间超过上限"),
    ),
    (lambda policy, _: not 1 <= policy.rounds <= _MOST_ROUNDS, N_("轮数应为 1 到 20")),
)
