"""The auditor's pure decisions: which cause a late attempt shows, where a check looks, when a heartbeat may go out."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.delivery.audit_rules import FIRST_LOOK, Deadline, cause_of, cause_of_kinds, windows
from backend.delivery.breach_model import CAUSE_LABELS, KIND_LABELS, AttemptSeen, BreachKind, CauseCode, Scene
from backend.delivery.heartbeat import signature, why_silent

T1 = datetime(2026, 11, 25, 12, tzinfo=UTC)
DEADLINE = Deadline(T1, T1 + timedelta(milliseconds=20), T1 + timedelta(seconds=3))
NOW = T1 + timedelta(seconds=4)
ALIVE = Scene(now=NOW, living=frozenset({"fire"}))


def at(seconds: float) -> datetime:
    return T1 + timedelta(seconds=seconds)


def attempt(**said: Any) -> AttemptSeen:
    usual = {"id": UUID(int=1), "state": "pending", "channel": "sms", "lane": "fire", "tries": 0, "due_at": T1}
    return AttemptSeen(**usual | said)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, CauseCode.BACKLOG),
        ({"lane": "routine"}, CauseCode.WORKER_DEAD),
        ({"state": "refused", "tries": 1, "why": "channel sms is not configured"}, CauseCode.NOT_CONFIGURED),
        ({"state": "refused", "tries": 1, "why": "no such number"}, CauseCode.CARRIER_REFUSED),
        ({"state": "refused", "tries": 1, "contact_failure": "blocked"}, CauseCode.CONTACT_DEAD),
        ({"tries": 1, "why": "timeout"}, CauseCode.CARRIER_STALLED),
        ({"tries": 2, "why": "502"}, CauseCode.CARRIER_FAILING),
        ({"why": "the channel rests"}, CauseCode.BUDGET),
        ({"state": "refused", "why": "429 Too Many Requests"}, CauseCode.BUDGET),
        ({"why": '{"code":"waits","facts":{"limit":"sms"}}'}, CauseCode.BUDGET),
        ({"state": "refused", "why": '{"code":"not_configured","facts":{}}'}, CauseCode.NOT_CONFIGURED),
        ({"state": "sending", "tries": 1, "lease_until": at(1)}, CauseCode.WORKER_DIED),
        ({"state": "sending", "tries": 1, "lease_until": at(5)}, CauseCode.CARRIER_SLOW),
        ({"state": "accepted", "tries": 1, "t4": at(2), "t5": at(3.5)}, CauseCode.CARRIER_SLOW),
        ({"state": "accepted", "tries": 1, "t4": at(3.2), "t5": at(3.5)}, CauseCode.BACKLOG),
    ],
)
def test_a_late_attempts_rows_say_why(said: dict[str, Any], code: CauseCode) -> None:
    cause = cause_of(attempt(**said), DEADLINE, ALIVE)
    assert cause.code is code
    assert cause.facts["channel"] == "sms"


def test_a_notice_planned_late_and_a_database_that_was_away_are_named_before_the_carrier() -> None:
    late = Deadline(T1, at(2), at(3))
    assert cause_of(attempt(tries=1, why="timeout"), late, ALIVE).code is CauseCode.PLANNED_LATE
    away = Scene(now=NOW, living=frozenset({"fire"}), outages=[(at(1), at(2))])
    assert cause_of(attempt(), DEADLINE, away).code is CauseCode.DATABASE_AWAY
    before = Scene(now=NOW, living=frozenset({"fire"}), outages=[(at(-9), at(-1))])
    assert cause_of(attempt(), DEADLINE, before).code is CauseCode.BACKLOG


@pytest.mark.clause("4.3.3")
def test_too_few_kinds_are_the_units_own_or_what_kept_the_others() -> None:
    told = attempt(channel="app", state="accepted", tries=1, t4=at(0.1), t5=at(0.2))
    alone = cause_of_kinds([told], DEADLINE, ALIVE)
    assert (alone.code, alone.facts["in_time"], alone.facts["kinds"]) == (CauseCode.ONE_KIND, "app", 1)
    stalled = attempt(tries=1, why="timeout")
    refused = attempt(channel="voice", state="refused", tries=1, why="busy")
    both = cause_of_kinds([told, stalled, refused], DEADLINE, ALIVE)
    assert (both.code, both.facts["channel"], both.facts["kinds"]) == (CauseCode.CARRIER_REFUSED, "voice", 3)


def test_every_kind_and_cause_has_a_word() -> None:
    assert set(KIND_LABELS) == set(BreachKind)
    assert set(CAUSE_LABELS) == set(CauseCode)


@given(
    gaps=st.lists(st.floats(min_value=0.5, max_value=200_000), min_size=1, max_size=30),
    moment=st.floats(min_value=0, max_value=1),
)
def test_nothing_is_left_out_however_long_no_auditor_lived(gaps: list[float], moment: float) -> None:
    now, mark, looked = T1, None, []
    begin = T1 + timedelta(seconds=gaps[0]) - FIRST_LOOK
    for gap in [*gaps, *[1.0] * 60]:
        now += timedelta(seconds=gap)
        stretches, mark = windows(mark, now)
        assert stretches[0].until == now, "the present comes first"
        looked += stretches
    while mark != now:
        stretches, mark = windows(mark, now)
        looked += stretches
    wanted = begin + (now - timedelta(seconds=1) - begin) * moment
    assert len(windows(mark, now + timedelta(seconds=1))[0]) == 1, (
        "once it has caught up, it looks at the present alone"
    )
    assert any(each.since <= wanted < each.until for each in looked)


@pytest.mark.parametrize(
    ("age", "living", "overdue", "says"),
    [
        (0.5, {"gateway", "fire"}, 0, ""),
        (None, {"gateway", "fire"}, 0, "the auditor's last good pass is too old"),
        (11, {"gateway", "fire"}, 0, "the auditor's last good pass is too old"),
        (1, {"gateway", "routine"}, 0, "no living process: fire"),
        (1, {"fire"}, 0, "no living process: gateway"),
        (1, {"gateway", "fire"}, 3, "3 attempts are overdue"),
    ],
)
def test_a_heartbeat_goes_out_only_while_all_is_well(
    age: float | None, living: set[str], overdue: int, says: str
) -> None:
    assert why_silent(age, frozenset(living), overdue) == says


def test_the_signature_is_what_a_watcher_computes_for_itself() -> None:
    assert signature("k", "1", b"{}") != signature("k", "2", b"{}")
    assert len(signature("k", "1", b"{}")) == 64
