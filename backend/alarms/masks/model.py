"""A mask on its way: asked, active, ended; and a drill's or test's window. Pure.

The rules: no mask without a reason, a person and an end; one that reaches fire points needs a second person; a mask
that one person made alone never silences a fire, whatever its scope comes to hold later (CQC/SC 11002, 4.4.4).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from backend.core.errors import BadInput, Conflict, NotAllowed, NotFound
from backend.core.i18n import N_
from backend.core.ids import AlarmId, BuildingId, DeviceId, PersonId, UnitId, ZoneId
from backend.core.vocabulary import AlarmClass
from backend.delivery.reasons import Why, written
from backend.monitoring.changes import Mark
from backend.monitoring.conditions import CONDITIONS, CONTACTS
from backend.monitoring.conditions_component import COMPONENT_RULES, DETECTORS

_URGENT: Final = frozenset({AlarmClass.F, AlarmClass.G})
#: component types that CONDITIONS names for a fire or a release, and every kind of detector
FIRE_TYPES: Final = DETECTORS | frozenset(
    component_type
    for rule in COMPONENT_RULES
    if rule.components and CONDITIONS[rule.condition].alarm_class in _URGENT
    for component_type in rule.components
)
FIRE_ROLES: Final = frozenset(
    role for role, contact in CONTACTS.items() if CONDITIONS[contact.condition].alarm_class in _URGENT
)


def is_fire_point(component_type: int | None, role: str) -> bool:
    """Whether a component is there to tell of fire or of a release (classes F and G): 火灾报警点."""
    return component_type in FIRE_TYPES or role in FIRE_ROLES


class NoSuchMask(NotFound):
    """Unknown, or in a unit that is not yours."""

    code = "no_such_mask"


class SamePerson(NotAllowed):
    """Who asked may not approve."""

    code = "same_person"


class MaskMovedOn(Conflict):
    """The mask is no longer what the caller saw."""

    code = "mask_moved_on"


class ScopeKind(StrEnum):
    """What a mask or a window reaches over."""

    COMPONENT = "component"
    SYSTEM = "system"
    DEVICE = "device"
    ZONE = "zone"
    BUILDING = "building"
    UNIT = "unit"


#: a mask is for what is broken, never for a house
MASK_SCOPES: Final = frozenset({ScopeKind.COMPONENT, ScopeKind.SYSTEM, ScopeKind.DEVICE, ScopeKind.ZONE})
WINDOW_SCOPES: Final = frozenset(
    {ScopeKind.COMPONENT, ScopeKind.DEVICE, ScopeKind.ZONE, ScopeKind.BUILDING, ScopeKind.UNIT}
)
SCOPE_LABELS: Final = {
    ScopeKind.COMPONENT: N_("部件"),
    ScopeKind.SYSTEM: N_("系统"),
    ScopeKind.DEVICE: N_("装置"),
    ScopeKind.ZONE: N_("区域"),
    ScopeKind.BUILDING: N_("建筑"),
    ScopeKind.UNIT: N_("单位"),
}


Octet = Annotated[int, Meta(ge=0, le=255)]
WireAddress = Annotated[str, Meta(pattern="^[0-9a-f]{8}$")]


class Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is reached: a device, one of its systems or components by wire key; a zone, building or unit by id."""

    kind: ScopeKind
    device: DeviceId | None = None
    system_type: Octet | None = None
    system_address: Octet | None = None
    component_address: WireAddress | None = None
    zone: ZoneId | None = None
    building: BuildingId | None = None
    unit: UnitId | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it names all that its kind needs, and nothing else."""
        given = {name for name in self.__struct_fields__ if name != "kind" and getattr(self, name) is not None}
        return given == _NAMED_BY[self.kind]


_NAMED_BY: Final = {
    ScopeKind.COMPONENT: {"device", "system_type", "system_address", "component_address"},
    ScopeKind.SYSTEM: {"device", "system_type", "system_address"},
    ScopeKind.DEVICE: {"device"},
    ScopeKind.ZONE: {"zone"},
    ScopeKind.BUILDING: {"building"},
    ScopeKind.UNIT: {"unit"},
}


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How long a mask may last, how long before its end people are reminded, and why these figures."""

    longest: timedelta
    reminders: tuple[timedelta, ...]
    why: str


#: by whether the mask reaches fire points
MASK_POLICY: Final = {
    True: Policy(
        longest=timedelta(hours=24),
        reminders=(timedelta(hours=2), timedelta(minutes=30)),
        why="people live without this fire detection; a new day needs a new approval",
    ),
    False: Policy(
        longest=timedelta(days=30),
        reminders=(timedelta(days=1), timedelta(hours=2)),
        why="the longest repair time that agreements allow for other facilities",
    ),
}
LONGEST_REASON: Final = 500


class MaskState(StrEnum):
    """Where a mask stands."""

    ASKED = "asked"  #: waits for a second person
    ACTIVE = "active"
    REFUSED = "refused"
    LIFTED = "lifted"
    EXPIRED = "expired"


#: from → to; the database refuses anything else (a test compares the two)
MASK_TRANSITIONS: Final = {
    MaskState.ASKED: {MaskState.ACTIVE, MaskState.REFUSED, MaskState.LIFTED, MaskState.EXPIRED},
    MaskState.ACTIVE: {MaskState.LIFTED, MaskState.EXPIRED},
    MaskState.REFUSED: set[MaskState](),
    MaskState.LIFTED: set[MaskState](),
    MaskState.EXPIRED: set[MaskState](),
}
STATE_LABELS: Final = {
    MaskState.ASKED: N_("待批准"),
    MaskState.ACTIVE: N_("屏蔽中"),
    MaskState.REFUSED: N_("未批准"),
    MaskState.LIFTED: N_("已解除"),
    MaskState.EXPIRED: N_("已到期"),
}


class Mask(msgspec.Struct, frozen=True, kw_only=True):
    """A mask (屏蔽): what is not told, why, who asked and who approved, until when."""

    id: UUID
    number: int
    unit: UnitId
    scope: Scope
    what: str  #: the scope in words, as it was when it was asked for
    reason: str
    is_fire: bool  #: reaches fire points: two people, and fires are masked too
    is_until_repaired: bool
    state: MaskState
    asked_by: PersonId
    asked_at: datetime
    until_at: datetime
    decided_by: PersonId | None = None
    decided_at: datetime | None = None
    started_at: datetime | None = None
    ended_by: PersonId | None = None
    ended_at: datetime | None = None
    ended_why: str | None = None
    extends: UUID | None = None
    reminders: int = 0
    revision: int = 0


def check_until(until: datetime, *, is_fire: bool, now: datetime) -> None:
    """Raises `BadInput` for an end that is over, or beyond the policy's longest time."""
    longest = MASK_POLICY[is_fire].longest
    if until <= now:
        raise BadInput(N_("屏蔽的截止时间必须在将来"))
    if until - now > longest:
        sentence = N_("火灾报警点的屏蔽最长 24 小时") if is_fire else N_("屏蔽最长 30 天")
        raise BadInput(sentence, longest_s=int(longest.total_seconds()))


def moved(mask: Mask, to: MaskState, now: datetime, by: PersonId | None, why: str | None = None) -> Mask:
    """`mask` in its next state. Raises `MaskMovedOn` when the table has no such way."""
    if to not in MASK_TRANSITIONS[mask.state]:
        raise MaskMovedOn(N_("该屏蔽的状态已改变"))
    change = msgspec.structs.replace(mask, state=to, revision=mask.revision + 1)
    if to is MaskState.ACTIVE:
        return msgspec.structs.replace(change, started_at=now, decided_by=by, decided_at=now)
    decided = {"decided_by": by, "decided_at": now} if to is MaskState.REFUSED else {}
    return msgspec.structs.replace(change, ended_at=now, ended_by=by, ended_why=why, **decided)


def approved(mask: Mask, by: PersonId, now: datetime) -> Mask:
    """A second person agrees. Raises `SamePerson`, `MaskMovedOn`; one whose time is over can't begin."""
    if by == mask.asked_by:
        raise SamePerson(N_("申请人不能批准自己的屏蔽，须由另一人批准"))
    if now >= mask.until_at:
        raise MaskMovedOn(N_("该屏蔽的截止时间已过"))
    return moved(mask, MaskState.ACTIVE, now, by)


def begun(mask: Mask, now: datetime) -> Mask:
    """A mask without fire points begins at once, by who asked. Raises `MaskMovedOn` for one that needs approval."""
    if mask.is_fire:
        raise MaskMovedOn(N_("火灾报警点的屏蔽须由第二人批准"))
    return moved(mask, MaskState.ACTIVE, now, None)


def reminders_due(mask: Mask, now: datetime) -> int:
    """How many of the policy's reminders should have been given; those that lie before its beginning don't count."""
    before = MASK_POLICY[mask.is_fire].reminders
    whole = mask.until_at - (mask.started_at or mask.asked_at)
    return sum(each < whole and now >= mask.until_at - each for each in before)


class WindowKind(StrEnum):
    """What a window is for."""

    DRILL = "drill"  #: 演练
    TEST = "test"  #: 测试


class WindowState(StrEnum):
    """Where a window stands. What is raised before it is open is told like anything else."""

    PLANNED = "planned"
    OPEN = "open"
    ENDED = "ended"


WINDOW_TRANSITIONS: Final = {
    WindowState.PLANNED: {WindowState.OPEN, WindowState.ENDED},
    WindowState.OPEN: {WindowState.ENDED},
    WindowState.ENDED: set[WindowState](),
}
WINDOW_LABELS: Final = {WindowKind.DRILL: N_("演练"), WindowKind.TEST: N_("测试")}
WINDOW_STATE_LABELS: Final = {
    WindowState.PLANNED: N_("未开始"),
    WindowState.OPEN: N_("进行中"),
    WindowState.ENDED: N_("已结束"),
}
WINDOW_MARKS: Final = {WindowKind.DRILL: Mark.DRILL, WindowKind.TEST: Mark.TEST_WINDOW}
#: longest windows: a drill is over within half a day's shift, a monthly test of a big house within a working day
LONGEST_WINDOW: Final = {WindowKind.DRILL: timedelta(hours=4), WindowKind.TEST: timedelta(hours=8)}
#: how far ahead a window may be planned
PLANNED_AHEAD: Final = timedelta(days=30)
#: marks that keep an alarm from being told like any other; they go when it is
INSIDE_MARKS: Final = frozenset({Mark.MASKED, *WINDOW_MARKS.values()})


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which alarms are expected (演练/测试): marked, and kept inside the house."""

    id: UUID
    number: int
    unit: UnitId
    scope: Scope
    kind: WindowKind
    what: str
    reason: str
    is_fire: bool
    state: WindowState
    opened_by: PersonId
    asked_at: datetime
    from_at: datetime
    until_at: datetime
    people: tuple[PersonId, ...] = ()  #: who is told; empty: all of the unit's people
    ended_by: PersonId | None = None
    ended_at: datetime | None = None
    revision: int = 0


def check_window(kind: WindowKind, from_at: datetime, until_at: datetime, now: datetime) -> None:
    """Raises `BadInput` for a window that is over, too long or too far ahead."""
    if until_at <= max(from_at, now):
        raise BadInput(N_("结束时间必须晚于开始时间"))
    if until_at - max(from_at, now) > LONGEST_WINDOW[kind]:
        sentence = N_("演练最长 4 小时") if kind is WindowKind.DRILL else N_("测试最长 8 小时")
        raise BadInput(sentence)
    if from_at - now > PLANNED_AHEAD:
        raise BadInput(N_("最多提前 30 天安排"))


def window_moved(window: Window, to: WindowState, now: datetime, by: PersonId | None) -> Window:
    """`window` in its next state. Raises `MaskMovedOn`."""
    if to not in WINDOW_TRANSITIONS[window.state]:
        raise MaskMovedOn(N_("该演练或测试的状态已改变"))
    change = msgspec.structs.replace(window, state=to, revision=window.revision + 1)
    return change if to is WindowState.OPEN else msgspec.structs.replace(change, ended_at=now, ended_by=by)


#: what a window is called where a way was left out for it
_INSIDE_WORDS: Final = {Mark.DRILL: WINDOW_LABELS[WindowKind.DRILL], Mark.TEST_WINDOW: WINDOW_LABELS[WindowKind.TEST]}


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """What an alarm falls under: a mask, or else a window."""

    mark: str
    number: int
    reason: str
    mask: UUID | None = None
    window: UUID | None = None
    people: tuple[PersonId, ...] = ()

    @property
    def why(self) -> str:
        """Why nobody, or only the house, is told; stands on the attempts that are not made."""
        if self.mask:
            return written(Why.MASKED, number=self.number)
        return written(Why.INSIDE, number=self.number, mark=_INSIDE_WORDS[self.mark])


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm's subject as covers are looked up for it."""

    alarm: AlarmId
    unit: UnitId | None
    device: DeviceId
    subject: str
    is_fire: bool  #: the alarm's own severity, not the component's


def without_inside(marks: Sequence[str]) -> tuple[str, ...]:
    """The marks of an alarm that is told like any other from now on."""
    return tuple(mark for mark in marks if mark not in INSIDE_MARKS)


def held_note(cover: Cover) -> str:
    """What an alarm's story says of its mask or window: its number and its reason, as people wrote it."""
    return f"#{cover.number} {cover.reason}"
