"""The rule of storms: whatever comes, every alarm is told by itself or by one that was."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.alarms.storms import Episode, Point, decide, rules
from backend.core.ids import AlarmId, new_id
from backend.core.settings import Storms
from backend.core.vocabulary import Severity

START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
RULES = rules(Storms())


class Story:
    """Alarms one after the other, and what was decided of each."""

    def __init__(self) -> None:
        self.episodes: dict[str, Episode] = {}
        self.speaking: dict[AlarmId, bool] = {}
        self.told: list[Point] = []
        self.all: list[tuple[Point, AlarmId | None]] = []

    def comes(
        self,
        after: float,
        severity: Severity = Severity.FAULT,
        *,
        loop: str = "d/1.1",
        spot: str = "楼/3/东",
        kind: str = "detector_fault",
        never_grouped: bool = False,
    ) -> AlarmId | None:
        """The leader that tells of it; None: it is told by itself."""
        point = Point(
            alarm=AlarmId(new_id()),
            number=len(self.all) + 1,
            at=START + timedelta(seconds=after),
            severity=severity,
            listeners="u",
            loop=loop,
            spot=spot,
            kind=kind,
            never_grouped=never_grouped,
        )
        decided = decide(self.episodes, point, RULES, self.speaking)
        leader = decided.leader.alarm if decided.leader else None
        if leader is None:
            self.told.append(point)
            self.speaking[point.alarm] = True
        self.all.append((point, leader))
        return leader

    @property
    def alone(self) -> list[int]:
        return [point.number for point in self.told]


_POINTS = st.lists(
    st.tuples(
        st.floats(0, 40, allow_nan=False),
        st.sampled_from(list(Severity)),
        st.integers(0, 3),
        st.integers(0, 2),
        st.sampled_from(["one", "two"]),
        st.booleans(),
    ),
    max_size=150,
)


@given(_POINTS)
def test_every_alarm_is_told_by_itself_or_by_a_leader_that_was(
    points: list[tuple[float, Severity, int, int, str, bool]],
) -> None:
    story, at = Story(), 0.0
    judged: set[AlarmId] = set()
    for gap, severity, loop, spot, kind, is_judged in points:
        at += gap
        leader = story.comes(at, severity, loop=f"d/{loop}", spot=f"s{spot}", kind=kind)
        assert leader is None or leader in {point.alarm for point in story.told}
        assert leader not in judged
        if is_judged and story.told:
            # people judge the newest card they have
            judged.add(story.told[-1].alarm)
            story.speaking.pop(story.told[-1].alarm, None)
    assert len(story.all) == len(points)


@pytest.mark.clause("4.3.1")
@given(_POINTS)
def test_the_first_two_fires_of_each_zone_are_always_told(
    points: list[tuple[float, Severity, int, int, str, bool]],
) -> None:
    story, at = Story(), 0.0
    heard: dict[str, list[float]] = {}
    for gap, severity, loop, spot, kind, _ in points:
        at += gap
        leader = story.comes(at, severity, loop=f"d/{loop}", spot=f"s{spot}", kind=kind)
        if severity is Severity.FIRE:
            before = heard.setdefault(f"s{spot}", [])
            assert leader is None or len(before) >= 2
            if leader is not None:
                told = next(point for point in story.told if point.alarm == leader)
                assert (told.spot, told.severity) == (f"s{spot}", Severity.FIRE)
            before.append(at)


def test_a_thousand_faults_of_a_hundred_loops_cost_a_few_messages() -> None:
    story = Story()
    for number in range(1000):
        story.comes(number * 0.01, loop=f"d{number % 100}/1.1")
    assert len(story.told) <= 20


def test_a_condition_not_heard_yet_is_told_in_the_middle_of_a_storm() -> None:
    story = Story()
    for number in range(100):
        story.comes(number * 0.01, loop=f"d{number}/1.1")
    assert story.comes(1.1, kind="main_power_fault", loop="d5/1.1") is None


def test_a_call_point_that_seconds_detectors_is_told_in_each_zone() -> None:
    story = Story()
    for _ in range(3):
        story.comes(0, Severity.FIRE, kind="fire/40")
    assert story.alone == [1, 2]
    assert story.comes(1, Severity.FIRE, kind="fire/61") is None


def test_where_people_may_be_inside_nothing_is_grouped() -> None:
    story = Story()
    for _ in range(6):
        assert story.comes(0, Severity.FIRE, never_grouped=True) is None


def test_a_fire_whose_leader_has_cleared_is_told_anew() -> None:
    story = Story()
    for _ in range(2):
        story.comes(0, Severity.FIRE)
    story.speaking = dict.fromkeys(story.speaking, False)
    assert story.comes(1, Severity.FIRE) is None


def test_no_card_speaks_for_others_longer_than_five_minutes() -> None:
    story = Story()
    for second in range(0, 400, 2):
        story.comes(second / 1, loop="d/1.1")
    gaps = [later.at - earlier.at for earlier, later in zip(story.told, story.told[1:], strict=False)]
    assert max(gaps, default=timedelta()) <= timedelta(seconds=302)


def test_links_that_fall_together_are_one_message_a_unit() -> None:
    story = Story()
    for number in range(412):
        story.comes(number * 0.1, Severity.OFFLINE, loop=f"d{number}/link", kind="link_lost")
    assert story.alone == [1]


def test_an_episode_ends_when_nothing_new_came() -> None:
    story = Story()
    for _ in range(6):
        story.comes(0)
    assert story.comes(11) is None
