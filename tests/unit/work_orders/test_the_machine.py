"""The work order's machine: two people at once, nobody without the right, a paused clock, an end that is one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backend.core.errors import NotAllowed, Refused
from backend.core.ids import DeviceId, PersonId, UnitId, new_id
from backend.core.vocabulary import Role, Severity
from backend.people.model import Grant, Person
from backend.work_orders.model import (
    ACT_LABELS,
    FINAL,
    PAUSING,
    STATE_LABELS,
    WAYS,
    Act,
    Asked,
    Incomplete,
    OrderMovedOn,
    Origin,
    Proof,
    State,
    WaitReason,
    Who,
    WireAt,
    WorkOrder,
    WorkOrderId,
)
from backend.work_orders.rules import (
    SERVICE,
    declining,
    due_at,
    is_overdue,
    moved,
    offered_acts,
    paused_for,
    standing,
)

UNIT, OTHER = UnitId(new_id()), UnitId(new_id())
START = datetime(2026, 11, 26, 1, tzinfo=UTC)
AT = WireAt(device=DeviceId(new_id()), system_type=1, system_address=1, component_address="0a000200")


def a_person(*roles: tuple[Role, UnitId | None]) -> Person:
    grants = tuple(Grant(role, unit) for role, unit in roles)
    return Person(id=PersonId(new_id()), code=str(len(grants)), name="某人", language="zh_CN", grants=grants)


MANAGER = a_person((Role.UNIT_MANAGER, UNIT))
DUTY = a_person((Role.UNIT_DUTY, UNIT))
ZHAO, QIAN = a_person((Role.MAINTAINER, UNIT)), a_person((Role.MAINTAINER, UNIT))
BOTH = a_person((Role.MAINTAINER, UNIT), (Role.UNIT_MANAGER, UNIT))
DESK = a_person((Role.PROVIDER_OPERATOR, None))
LEAD = a_person((Role.QUALITY_LEAD, None))
STRANGER = a_person((Role.UNIT_MANAGER, OTHER), (Role.MAINTAINER, OTHER))
PEOPLE = (MANAGER, DUTY, ZHAO, QIAN, BOTH, DESK, LEAD, STRANGER)
MAINTAINERS = (ZHAO, QIAN, BOTH)


def an_order(**given: Any) -> WorkOrder:
    return WorkOrder(
        **{
            "id": WorkOrderId(new_id()),
            "number": 1,
            "unit": UNIT,
            "origin": Origin.HAND,
            "about": None,
            "severity": Severity.FAULT,
            "what": "感烟故障",
            "where": "5层",
            "since_at": START,
            "opened_by": MANAGER.id,
            "opened_at": START,
            "agreed_at": START + timedelta(hours=24),
            "agreed_by": "",
            "needs": (Proof.PHOTO,),
            "device": AT.device,
            "at": AT,
            **given,
        }
    )


def act(order: WorkOrder, what: Act, by: Person, now: datetime = START, **asked: Any) -> WorkOrder:
    return moved(order, what, standing(order, by), by.id, now, Asked(**asked))


def on_site(**given: Any) -> WorkOrder:
    order = act(an_order(**given), Act.DISPATCH, MANAGER, to=(ZHAO.id,))
    return act(act(order, Act.ACCEPT, ZHAO), Act.ARRIVE, ZHAO)


def test_every_state_and_act_has_its_words() -> None:
    assert set(STATE_LABELS) == set(State)
    assert set(ACT_LABELS) == set(Act)


def test_nothing_leads_out_of_the_end_and_every_state_can_be_reached() -> None:
    assert not [state for state, _ in WAYS if state in FINAL]
    reached = {State.OPEN}
    while more := {way.to for (state, _), way in WAYS.items() if state in reached} - reached:
        reached |= more
    assert reached == set(State)


def test_of_two_who_accept_the_first_has_it() -> None:
    asked = act(an_order(), Act.DISPATCH, MANAGER, to=(ZHAO.id, QIAN.id))
    taken = act(asked, Act.ACCEPT, ZHAO)
    assert (taken.assignee, taken.state) == (ZHAO.id, State.ACCEPTED)
    with pytest.raises(OrderMovedOn):
        act(taken, Act.ACCEPT, QIAN)


def test_one_of_several_who_declines_leaves_the_others_asked_and_the_last_ones_word_counts() -> None:
    asked = act(an_order(), Act.DISPATCH, MANAGER, to=(ZHAO.id, QIAN.id))
    assert declining(asked, ZHAO.id) is Act.STEP_ASIDE
    left = act(asked, Act.STEP_ASIDE, ZHAO, reason="在外地")
    assert (left.state, left.offered) == (State.DISPATCHED, (QIAN.id,))
    assert declining(left, QIAN.id) is Act.DECLINE
    declined = act(left, Act.DECLINE, QIAN, reason="生病")
    assert (declined.state, declined.refused_by) == (State.DECLINED, (ZHAO.id, QIAN.id))


def test_work_without_its_proof_or_the_wires_word_is_not_done() -> None:
    order = on_site()
    with pytest.raises(Incomplete) as refused:
        act(order, Act.FINISH, ZHAO)
    assert refused.value.facts["missing"] == ["evidence", "test"]
    with pytest.raises(Incomplete):
        act(order, Act.FINISH, ZHAO, had=frozenset({Proof.PHOTO}))
    waived = act(order, Act.WAIVE_TEST, MANAGER, reason="部件已拆除")
    assert act(waived, Act.FINISH, ZHAO, had=frozenset({Proof.PHOTO})).state is State.DONE


def test_who_did_the_work_does_not_verify_it_whatever_else_they_are() -> None:
    order = act(an_order(at=None, device=None, needs=()), Act.DISPATCH, MANAGER, to=(BOTH.id,))
    done = act(act(act(order, Act.ACCEPT, BOTH), Act.ARRIVE, BOTH), Act.FINISH, BOTH)
    with pytest.raises(NotAllowed):
        act(done, Act.VERIFY, BOTH)
    with pytest.raises(NotAllowed):
        act(done, Act.WAIVE_TEST if (done.state, Act.WAIVE_TEST) in WAYS else Act.SEND_BACK, BOTH, reason="x")
    assert act(done, Act.VERIFY, DUTY).verified_by == DUTY.id


@pytest.mark.parametrize("why", list(WaitReason))
def test_the_clock_pauses_for_the_listed_reasons_only(why: WaitReason) -> None:
    order, hour = on_site(), timedelta(hours=1)
    waiting = act(order, Act.WAIT, ZHAO, START + hour, wait_reason=why)
    later = act(waiting, Act.RESUME, ZHAO, START + 6 * hour)
    pause = 5 * hour if why in PAUSING else timedelta()
    assert due_at(later, START + 6 * hour) - order.agreed_at == pause
    assert due_at(waiting, START + 3 * hour) - order.agreed_at == (2 * hour if why in PAUSING else timedelta())
    assert is_overdue(later, order.agreed_at + hour) is (why not in PAUSING)


def test_a_pause_ends_however_the_wait_ends() -> None:
    hour = timedelta(hours=1)
    waiting = act(on_site(), Act.WAIT, ZHAO, wait_reason=WaitReason.PARTS)
    for after in (
        act(waiting, Act.SET_OUT, ZHAO, START + hour),
        act(waiting, Act.REASSIGN, MANAGER, START + hour, to=(QIAN.id,), reason="换人"),
        act(waiting, Act.WITHDRAW, MANAGER, START + hour, reason="取消"),
    ):
        assert (after.paused_since, after.paused, after.wait_reason) == (None, hour, None)


def test_who_waits_may_wait_for_another_reason_and_the_clock_with_it() -> None:
    hour = timedelta(hours=1)
    order = act(act(an_order(), Act.DISPATCH, MANAGER, to=(ZHAO.id,)), Act.ACCEPT, ZHAO)
    order = act(order, Act.WAIT, ZHAO, wait_reason=WaitReason.PARTS)
    order = act(order, Act.WAIT, ZHAO, START + 2 * hour, wait_reason=WaitReason.OTHER_JOB)
    assert (order.state, order.wait_reason) == (State.WAITING, WaitReason.OTHER_JOB)
    assert paused_for(order, START + 9 * hour) == 2 * hour
    order = act(order, Act.WAIT, ZHAO, START + 9 * hour, wait_reason=WaitReason.UNIT)
    assert paused_for(order, START + 10 * hour) == 3 * hour
    order = act(order, Act.SET_OUT, ZHAO, START + 11 * hour)
    assert paused_for(order, START + 20 * hour) == 4 * hour


def test_what_was_done_in_time_is_not_late_however_long_its_verification_takes() -> None:
    order = on_site(at=None, needs=())
    done = act(order, Act.FINISH, ZHAO, START + timedelta(hours=23))
    assert not is_overdue(done, START + timedelta(days=9))
    back = act(done, Act.SEND_BACK, MANAGER, START + timedelta(days=9), reason="没修好")
    assert is_overdue(back, START + timedelta(days=9))


class Machine(RuleBasedStateMachine):
    """The real table under random people, acts, answers and times."""

    def __init__(self) -> None:
        super().__init__()
        self.order = an_order()
        self.now = START
        self.paused = timedelta()

    @rule(minutes=st.integers(0, 600))
    def time_passes(self, minutes: int) -> None:
        by = timedelta(minutes=minutes)
        self.now += by
        if self.order.state is State.WAITING and self.order.wait_reason in PAUSING:
            self.paused += by

    @rule(
        who=st.sampled_from(PEOPLE),
        what=st.sampled_from(Act),
        to=st.sets(st.sampled_from(MAINTAINERS), min_size=0, max_size=3),
        reason=st.sampled_from(["", " ", "因为"]),
        why=st.sampled_from([None, *WaitReason]),
        had=st.booleans(),
    )
    def somebody_acts(
        self, who: Person, what: Act, to: set[Person], reason: str, why: WaitReason | None, had: bool
    ) -> None:
        before, is_theirs = self.order, standing(self.order, who)
        proof = frozenset({Proof.PHOTO}) if had else frozenset()
        asked = Asked(reason=reason, wait_reason=why, to=tuple(each.id for each in to), had=proof)
        try:
            self.order = moved(before, what, is_theirs, who.id, self.now, asked)
        except Refused:
            assert self.order is before
            return
        way = WAYS[before.state, what]
        assert self.order.state is way.to
        assert is_theirs & way.who
        assert who not in {LEAD, STRANGER}
        assert self.order.revision == before.revision + 1
        if what is Act.VERIFY:
            assert who.id not in self.order.workers
        if what is Act.FINISH:
            assert had
            assert self.order.test_signal_at or self.order.test_waived_by

    @rule(first=st.sampled_from(MAINTAINERS), second=st.sampled_from(MAINTAINERS))
    def two_accept_at_the_same_instant(self, first: Person, second: Person) -> None:
        """Both saw the same order; what the second one does happens to the row as the first left it."""
        won = []
        for each in (first, second):
            try:
                self.order = moved(self.order, Act.ACCEPT, standing(self.order, each), each.id, self.now)
            except Refused:
                continue
            won.append(each)
        assert len(won) <= 1
        if won:
            assert self.order.assignee == won[0].id

    @precondition(lambda self: self.order.state is State.ON_SITE)
    @rule()
    def the_component_speaks(self) -> None:
        import msgspec

        self.order = msgspec.structs.replace(self.order, test_signal_at=self.now)

    @rule(what=st.sampled_from(Act))
    def the_service_acts(self, what: Act) -> None:
        before = self.order
        try:
            self.order = moved(before, what, SERVICE, None, self.now, Asked(to=(ZHAO.id,), reason="时间"))
        except Refused:
            assert self.order is before
            return
        assert what in {Act.DISPATCH, Act.ASK_MORE, Act.CLOSE}

    @invariant()
    def the_paused_clock_never_runs_ahead_of_the_wall(self) -> None:
        assert paused_for(self.order, self.now) == self.paused
        assert paused_for(self.order, self.now) <= self.now - START
        assert due_at(self.order, self.now) >= self.order.agreed_at

    @invariant()
    def whoever_works_took_it(self) -> None:
        if self.order.assignee is not None:
            assert self.order.assignee in self.order.workers
        if self.order.verified_by is not None:
            assert self.order.verified_by not in self.order.workers

    @invariant()
    def the_end_is_the_end(self) -> None:
        if self.order.state in FINAL:
            for who in PEOPLE:
                assert offered_acts(self.order, standing(self.order, who), who.id) == []
            assert not any((self.order.state, each) in WAYS for each in Act)

    @invariant()
    def nobody_is_offered_what_they_may_not_do(self) -> None:
        for who in PEOPLE:
            for each in offered_acts(self.order, standing(self.order, who), who.id):
                assert standing(self.order, who) & WAYS[self.order.state, each].who

    @invariant()
    def strangers_are_nobody(self) -> None:
        assert not standing(self.order, STRANGER)
        assert standing(self.order, LEAD) <= {Who.OPENER}
        assert Who.OPENER not in standing(self.order, LEAD)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
