"""The alarm's life as a state machine: whatever reports come in whatever batches, its promises hold."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from backend.alarms.model import Alarm, Axis
from backend.alarms.raising import _alarm, _Batch
from backend.core.ids import AlarmId, DeviceId, LedgerId, new_id
from backend.monitoring import rules
from backend.monitoring.changes import Change, Place
from backend.monitoring.conditions import CONDITIONS
from backend.monitoring.model import Level, OperationSaid, Report, StateSaid, Subject

DEVICE = DeviceId(UUID(int=7))
START = datetime(2026, 11, 22, tzinfo=UTC)
SUBJECTS = [
    Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200"),
    Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=23, component_address="0b000200"),
    Subject(level=Level.SYSTEM, system_type=1, system_address=1),
    Subject(level=Level.COMPONENT, system_type=11, system_address=2, component_type=91, component_address="01000000"),
]
WORDS = st.integers(0, 0xFFFF)


def change_of(said: StateSaid | OperationSaid, at: datetime) -> Change:
    report = Report(address="79", ledger_id=LedgerId(new_id()), received_at=at, first_octet_at=at)
    is_state = isinstance(said, StateSaid)
    return Change(
        report=report,
        ledger_id=report.ledger_id,
        device=DEVICE,
        unit=None,
        subject=said.subject.key(DEVICE),
        place=Place(),
        standing=rules.standing_of_state(said) if is_state else rules.events_of_operation(said),
        governed=rules.ended_by(said) if is_state else frozenset(),
        reset=rules.is_reset(said),
    )


class Life(RuleBasedStateMachine):
    """Batches of reports against a world that is kept as plainly as possible."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.active: dict[tuple[str, str], Alarm] = {}
        self.raised: set[AlarmId] = set()
        self.ended: set[AlarmId] = set()

    @rule(words=st.lists(st.tuples(st.sampled_from(SUBJECTS), WORDS), min_size=1, max_size=6))
    def reports(self, words: list[tuple[Subject, int]]) -> None:
        self.take([StateSaid(subject=subject, state=word) for subject, word in words])
        last = dict(words)
        if not any(rules.is_reset(StateSaid(subject=subject, state=word)) for subject, word in words):
            for subject, word in last.items():
                standing = rules.standing_of_state(StateSaid(subject=subject, state=word))
                wanted = {each.condition.key for each in standing if each.condition.alarm_class != "I"}
                assert {key for name, key in self.active if name == subject.key(DEVICE)} == wanted

    @rule()
    def is_reset_at_the_device(self) -> None:
        self.take([OperationSaid(subject=Subject(level=Level.UITD), flags=1, operator=1)])
        for subject, key in self.active:
            assert not CONDITIONS[key].ends_on_reset, (subject, key)

    def take(self, statements: list[StateSaid | OperationSaid]) -> None:
        self.now += timedelta(seconds=1)
        batch = _Batch(self.active.values(), [])
        for said in statements:
            batch.apply(change_of(said, self.now))
        new = {key: _alarm(each, 0) for key, each in batch.new.items()}
        for alarm in [*new.values(), *(_alarm(each, 0) for each in batch.ended_new)]:
            assert alarm.id not in self.raised, "raised twice"
            self.raised.add(alarm.id)
        for each in batch.ended_new:
            self.ended.add(each.id)
        for alarm_id in batch.cleared:
            assert alarm_id not in self.ended, "ended twice"
            self.ended.add(alarm_id)
        self.active = {**batch.active, **new}

    @invariant()
    def an_alarm_is_active_or_ended_and_never_both_or_neither(self) -> None:
        active = {alarm.id for alarm in self.active.values()}
        assert active | self.ended == self.raised
        assert not active & self.ended

    @invariant()
    def one_alarm_for_each_subject_and_condition(self) -> None:
        assert all((alarm.subject, alarm.condition) == key for key, alarm in self.active.items())


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestLife = Life.TestCase


def test_an_alarms_axis_follows_from_its_facts() -> None:
    change = change_of(StateSaid(subject=SUBJECTS[0], state=2), START)
    batch = _Batch([], [])
    batch.apply(change)
    (new,) = batch.new.values()
    alarm = _alarm(new, 1)
    assert (alarm.axis, alarm.is_active) == (Axis.UNACKNOWLEDGED, True)
    known = msgspec.structs.replace(alarm, acknowledged_at=START, cleared_at=START)
    assert (known.axis, known.is_active) == (Axis.ACKNOWLEDGED, False)
