"""Budgets: no window is ever exceeded, fire's part stays fire's, and what waits is told when or why not."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.ids import AttemptId, PersonId, new_id
from backend.core.settings import Budgets
from backend.delivery.budgets import (
    BUDGETS,
    Answer,
    Ask,
    Limit,
    Limits,
    Log,
    Scope,
    Spent,
    Word,
    decide,
    gather,
    keys_of,
    limits_of,
    pruned,
    spent_of,
)

START = datetime(2026, 11, 25, tzinfo=UTC)
LIMITS: Limits = limits_of(Budgets())
WANG = PersonId(UUID(int=1))


def ask(
    medium: str = "telegram", address: str = "1", *, is_fire: bool = False, at: datetime = START, useful_s: float = 1800
) -> Ask:
    return Ask(
        attempt=AttemptId(new_id()),
        person=WANG,
        medium=medium,
        address=address,
        is_fire=is_fire,
        deadline_at=at + timedelta(seconds=3 if is_fire else 10),
        useful_until=at + timedelta(seconds=useful_s),
    )


def words(answers: dict[AttemptId, Answer]) -> list[str]:
    return [str(each.word) for each in answers.values()]


@st.composite
def _claims(draw: st.DrawFn) -> list[tuple[timedelta, list[tuple[str, str, bool]]]]:
    """Claims of several messages at once, with pauses of microseconds up to hours between them."""
    medium = draw(st.sampled_from(sorted(LIMITS)))
    address = st.sampled_from(["1", "2", "-3", "+4915228817386"])
    one = st.tuples(st.just(medium), address, st.booleans())
    pause = st.one_of(
        st.integers(0, 2_000_000).map(lambda us: timedelta(microseconds=us)),
        st.sampled_from([timedelta(seconds=1), timedelta(minutes=1), timedelta(minutes=20), timedelta(hours=8)]),
    )
    return draw(st.lists(st.tuples(pause, st.lists(one, min_size=1, max_size=12)), max_size=40))


@settings(max_examples=100, deadline=None)
@given(_claims())
def test_no_sequence_of_claims_exceeds_any_window_and_the_reserve_is_fires(
    claims: list[tuple[timedelta, list[tuple[str, str, bool]]]],
) -> None:
    logs: dict[str, Log] = {}
    sent: dict[str, Log] = {}
    known: dict[str, tuple[Limit, ...]] = {}
    now = START
    for pause, wanted in claims:
        now += pause
        asks = [ask(medium, address, is_fire=is_fire, at=now) for medium, address, is_fire in wanted]
        before = {key: len(log) for key, log in logs.items()}
        decide(asks, logs, LIMITS, now)
        for key, log in logs.items():
            sent.setdefault(key, []).extend(log[before.get(key, 0) :])
        for medium, address, _ in wanted:
            for key, limits in keys_of(LIMITS, medium, address).items():
                known[key] = limits
                logs[key] = pruned(logs.get(key, []), limits, now)
    for key, log in sent.items():
        for limit in known[key]:
            width = limit.window // timedelta(microseconds=1)
            for last, each in enumerate(log):
                inside = [other for other in log[: last + 1] if other.at > each.at - width]
                assert len(inside) <= limit.fire
                assert each.is_fire or len(inside) <= limit.plain


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(LIMITS)), st.integers(1, 200))
def test_however_much_else_was_sent_a_fire_finds_its_reserve(medium: str, messages: int) -> None:
    logs: dict[str, Log] = {}
    for number in range(messages):
        decide([ask(medium)], logs, LIMITS, START + timedelta(minutes=number))
    kept = [limit.fire - limit.plain for limits in keys_of(LIMITS, medium, "1").values() for limit in limits]
    assert any(kept) or medium == "webhook"
    later = START + timedelta(minutes=messages + 1)
    assert words(decide([ask(medium, is_fire=True)], logs, LIMITS, later)) == ["go"]


def test_a_call_abroad_comes_from_another_number_and_does_not_wait_for_those_at_home() -> None:
    called = ("13800000001", "+8613800000002", "+4915228817386", "+4915228817387")
    answers = decide([ask("voice", each, is_fire=True) for each in called], {}, LIMITS, START)
    assert words(answers) == ["go", "wait", "go", "wait"]
    texted = decide([ask("sms", each, is_fire=True) for each in called], {}, LIMITS, START)
    assert words(texted) == ["go"] * 4


def test_every_budget_has_its_setting_and_says_where_it_is_from() -> None:
    fields = set(Budgets.__struct_fields__)
    assert all(each.source and each.setting in fields for each in BUDGETS)
    assert {each.medium for each in BUDGETS} == {"telegram", "sms", "voice", "webhook", "wecom", "dingtalk"}
    assert "app" not in LIMITS


def test_a_fires_first_card_is_never_kept_behind_faults() -> None:
    logs: dict[str, Log] = {}
    decide([ask() for _ in range(5)], logs, LIMITS, START)
    answers = decide([ask(is_fire=True) for _ in range(4)], logs, LIMITS, START)
    assert words(answers) == ["go"] * 4
    assert words(decide([ask(is_fire=True)], logs, LIMITS, START)) == ["wait"]


def test_fires_go_before_faults_that_asked_with_them() -> None:
    limits = limits_of(Budgets(telegram_fire_per_chat_per_second=1))
    fault, fire = ask(), ask(is_fire=True)
    answers = decide([fault, fire], {}, limits, START)
    assert (answers[fire.attempt].word, answers[fault.attempt].word) == (Word.GO, Word.WAIT)


@pytest.mark.parametrize(
    ("medium", "after"),
    [
        ("telegram", timedelta(seconds=1)),
        ("voice", timedelta(seconds=61)),
        ("sms", timedelta()),
    ],
)
def test_what_may_not_go_is_told_when(medium: str, after: timedelta) -> None:
    logs: dict[str, Log] = {}
    decide([ask(medium)], logs, LIMITS, START)
    (answer,) = decide([ask(medium)], logs, LIMITS, START).values()
    assert answer.at == START + after
    assert (answer.word is Word.GO) == (not after)


def test_two_calls_never_leave_in_the_same_second_whomever_they_are_for() -> None:
    answers = decide([ask("voice", str(n), is_fire=True) for n in range(3)], {}, LIMITS, START)
    assert words(answers) == ["go", "wait", "wait"]


def test_a_group_has_a_limit_of_its_own() -> None:
    assert [limit.scope for limit in keys_of(LIMITS, "telegram", "-100")["telegram/-100"]] == [
        Scope.RECIPIENT,
        Scope.RECIPIENT,
        Scope.GROUP,
    ]
    assert all(each.scope is not Scope.GROUP for each in keys_of(LIMITS, "telegram", "100")["telegram/100"])


def test_what_would_come_too_late_is_skipped_with_its_limit() -> None:
    logs: dict[str, Log] = {}
    decide([ask("voice")], logs, LIMITS, START)
    (answer,) = decide([ask("voice", useful_s=30)], logs, LIMITS, START).values()
    assert (answer.word, answer.limit) == (Word.SKIP, "语音每个被叫每分钟的次数")


def test_when_little_is_left_messages_are_spread_evenly() -> None:
    logs: dict[str, Log] = {}
    sent = [decide([ask("sms")], logs, LIMITS, START + timedelta(seconds=n)) for n in range(60)]
    gone = sum(words(each) == ["go"] for each in sent)
    (plain,) = {limit.plain for limit in LIMITS["sms"]}
    assert plain - plain * 0.25 - 1 <= gone <= plain - plain * 0.25 + 1
    assert next(iter(sent[-1].values())).at > START + timedelta(minutes=40)


def test_what_runs_short_is_taken_along_and_what_can_still_be_told_singly_is_not() -> None:
    few = [ask() for _ in range(4)]
    assert gather(few, decide(few, {}, LIMITS, START)) == {}
    many = [ask() for _ in range(40)]
    assert gather(many, decide(many, {}, LIMITS, START)) == {many[0].attempt: [each.attempt for each in many[1:]]}
    fires = [ask(is_fire=True) for _ in range(40)]
    assert gather(fires, decide(fires, {}, LIMITS, START)) == {}
    alone = [msgspec.structs.replace(each, may_join=False) for each in many]
    assert gather(alone, decide(alone, {}, LIMITS, START)) == {}


@given(st.builds(Spent, st.integers(0, 2**52), st.booleans()))
def test_what_was_spent_is_stored_as_one_number(spent: Spent) -> None:
    assert spent_of(spent.number) == spent


def test_a_limit_of_none_asks_for_nothing() -> None:
    free = limits_of(Budgets(sms_per_number_per_day=0, telegram_per_second=0))
    assert "sms" not in free
    assert all(limit.scope is not Scope.ACCOUNT for limit in free["telegram"])


def test_a_log_forgets_what_no_window_counts() -> None:
    day = LIMITS["sms"]
    micros = 1_000_000
    log = [Spent(int(START.timestamp()) * micros, is_fire=False)]
    assert pruned(log, day, START + timedelta(hours=24)) == log
    assert pruned(log, day, START + timedelta(hours=25)) == []
