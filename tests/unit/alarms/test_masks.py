"""A mask's life as a state machine: whatever people do in whatever order, its promises hold."""

import contextlib
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backend.alarms.masks.model import (
    MASK_POLICY,
    MASK_TRANSITIONS,
    Mask,
    MaskMovedOn,
    MaskState,
    SamePerson,
    Scope,
    ScopeKind,
    approved,
    begun,
    check_until,
    is_fire_point,
    moved,
    reminders_due,
)
from backend.core.errors import BadInput
from backend.core.ids import DeviceId, PersonId, UnitId, ZoneId
from backend.registry.model import ComponentRole

START = datetime(2026, 11, 25, tzinfo=UTC)
PEOPLE = [PersonId(UUID(int=n)) for n in range(3)]
ASKER = PEOPLE[0]


def mask(*, is_fire: bool, until: datetime) -> Mask:
    return Mask(
        id=uuid4(),
        number=1,
        unit=UnitId(UUID(int=9)),
        scope=Scope(kind=ScopeKind.DEVICE, device=DeviceId(UUID(int=8))),
        what="1号传输装置",
        reason="检修",
        is_fire=is_fire,
        is_until_repaired=False,
        state=MaskState.ASKED,
        asked_by=ASKER,
        asked_at=START,
        until_at=until,
    )


class Life(RuleBasedStateMachine):
    """One mask, three people and a clock."""

    mask: Mask

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.seen: list[MaskState] = []
        self.reminded = 0

    @initialize(is_fire=st.booleans(), lasts=st.integers(-1, 40 * 24))
    def is_asked_for(self, is_fire: bool, lasts: int) -> None:
        until = START + timedelta(hours=lasts)
        longest = MASK_POLICY[is_fire].longest
        if not START < until <= START + longest:
            with pytest.raises(BadInput):
                check_until(until, is_fire=is_fire, now=START)
            until = START + longest
        check_until(until, is_fire=is_fire, now=START)
        self.mask = mask(is_fire=is_fire, until=until)
        self.seen.append(self.mask.state)

    @rule(by=st.sampled_from(PEOPLE))
    def is_approved(self, by: PersonId) -> None:
        may = by != ASKER and self.mask.state is MaskState.ASKED and self.now < self.mask.until_at
        self.change(lambda: approved(self.mask, by, self.now), may=may)

    @rule()
    def begins_alone(self) -> None:
        self.change(
            lambda: begun(self.mask, self.now), may=self.mask.state is MaskState.ASKED and not self.mask.is_fire
        )

    @rule(to=st.sampled_from([MaskState.REFUSED, MaskState.LIFTED]), by=st.sampled_from(PEOPLE))
    def is_ended_by(self, to: MaskState, by: PersonId) -> None:
        self.change(lambda: moved(self.mask, to, self.now, by, "x"), may=to in MASK_TRANSITIONS[self.mask.state])

    @rule(hours=st.integers(1, 24))
    def time_passes(self, hours: int) -> None:
        """And the chore looks, as it does each second."""
        self.now += timedelta(hours=hours)
        if self.now >= self.mask.until_at:
            with contextlib.suppress(MaskMovedOn):
                self.mask = moved(self.mask, MaskState.EXPIRED, self.now, None, "expired")

    @precondition(lambda self: self.mask.state is MaskState.ACTIVE)
    @rule()
    def people_are_reminded(self) -> None:
        due = reminders_due(self.mask, self.now)
        assert self.reminded <= due <= len(MASK_POLICY[self.mask.is_fire].reminders)
        self.reminded = due

    def change(self, act: object, *, may: bool) -> None:
        assert callable(act)
        try:
            changed = act()
        except (MaskMovedOn, SamePerson):
            assert not may
            return
        assert may
        self.mask = changed
        self.seen.append(changed.state)

    @invariant()
    def a_fire_points_mask_never_begins_by_one_person(self) -> None:
        if hasattr(self, "mask") and self.mask.is_fire and self.mask.started_at is not None:
            assert self.mask.decided_by not in {None, self.mask.asked_by}

    @invariant()
    def it_is_never_in_force_beyond_its_end_nor_the_policy(self) -> None:
        if hasattr(self, "mask") and self.mask.state is MaskState.ACTIVE:
            assert self.now < self.mask.until_at
            assert self.mask.until_at - self.mask.asked_at <= MASK_POLICY[self.mask.is_fire].longest

    @invariant()
    def what_ended_stays_ended(self) -> None:
        ended = [state for state in self.seen if not MASK_TRANSITIONS[state]]
        assert len(ended) <= 1


Life.TestCase.settings = settings(max_examples=80, stateful_step_count=15, deadline=None)
TestLife = Life.TestCase


@pytest.mark.parametrize(
    ("component_type", "role", "is_fire"),
    [
        (40, ComponentRole.DETECTOR, True),
        (11, ComponentRole.OTHER, True),
        (23, ComponentRole.OTHER, True),
        (24, ComponentRole.OTHER, True),
        (81, ComponentRole.OTHER, True),
        (84, ComponentRole.DETECTOR, True),
        (84, ComponentRole.PUMP_FAULT, False),
        (91, ComponentRole.PUMP_RUNNING, False),
        (92, ComponentRole.TANK_LEVEL, False),
        (None, "", False),
    ],
)
def test_a_fire_point_is_what_tells_of_fire_or_release_by_type_or_by_role(
    component_type: int | None, role: str, is_fire: bool
) -> None:
    assert is_fire_point(component_type, role) is is_fire


def test_a_scope_names_what_its_kind_needs_and_nothing_else() -> None:
    device, zone = DeviceId(UUID(int=1)), ZoneId(UUID(int=2))
    assert Scope(kind=ScopeKind.SYSTEM, device=device, system_type=1, system_address=1).is_whole
    assert not Scope(kind=ScopeKind.SYSTEM, device=device).is_whole
    assert not Scope(kind=ScopeKind.ZONE, zone=zone, device=device).is_whole
