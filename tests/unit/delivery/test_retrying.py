"""Each class of refusal has its row: how often, how soon, until when, and when the next kind begins."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.vocabulary import Severity
from backend.delivery.model import Refusal, RefusalKind
from backend.delivery.retrying import RETRIES, USEFUL, Refused, judge

T0 = datetime(2026, 11, 25, tzinfo=UTC)
FOR_GOOD = {
    RefusalKind.CONTACT, RefusalKind.CONTENT, RefusalKind.CONFIGURATION, RefusalKind.MONEY, RefusalKind.UNKNOWN,
}  # fmt: skip


def refused(
    kind: RefusalKind,
    severity: Severity = Severity.FIRE,
    *,
    tries: int = 1,
    after_s: float = 0.1,
    retry_after_s: float | None = None,
) -> Refused:
    return Refused(
        kind=kind,
        severity=severity,
        tries=tries,
        at=T0 + timedelta(seconds=after_s),
        since=T0,
        deadline_at=T0 + timedelta(seconds=3 if severity is Severity.FIRE else 10),
        retry_after_s=retry_after_s,
    )


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("kind", RefusalKind)
def test_every_class_has_a_row_for_every_severity(kind: RefusalKind, severity: Severity) -> None:
    verdict = judge(refused(kind, severity))
    assert (verdict.again_at is None) == (kind in FOR_GOOD)
    assert verdict.blames_contact == (kind is RefusalKind.CONTACT)
    assert RETRIES[kind][severity].most >= 1


@pytest.mark.parametrize("kind", sorted(FOR_GOOD))
def test_what_no_later_try_mends_is_never_tried_again_and_the_next_kind_begins_at_once(kind: RefusalKind) -> None:
    verdict = judge(refused(kind))
    assert (verdict.again_at, verdict.begins_next) == (None, True)


@pytest.mark.parametrize("kind", [RefusalKind.BUSY, RefusalKind.AWAY])
def test_a_fires_retries_lie_inside_its_deadline_and_the_next_kind_begins_with_the_second(kind: RefusalKind) -> None:
    at, begun = 0.1, []
    for tries in (1, 2, 3):
        verdict = judge(refused(kind, tries=tries, after_s=at))
        assert verdict.again_at is not None
        at = (verdict.again_at - T0).total_seconds()
        assert at < 3
        begun.append(verdict.begins_next)
    assert begun == [False, True, False]


def test_a_limit_waits_as_long_as_the_carrier_asked_while_the_next_kind_begins() -> None:
    verdict = judge(refused(RefusalKind.LIMIT, retry_after_s=7))
    assert (verdict.again_at, verdict.begins_next) == (T0 + timedelta(seconds=7.1), True)


def test_a_wait_that_ends_after_the_deadline_begins_the_next_kind_at_once_and_only_once() -> None:
    first = judge(refused(RefusalKind.AWAY, retry_after_s=20))
    later = judge(refused(RefusalKind.AWAY, tries=3, after_s=25, retry_after_s=20))
    assert (first.begins_next, later.begins_next) == (True, False)


@pytest.mark.parametrize("severity", Severity)
def test_nothing_is_tried_when_it_is_no_use_any_more(severity: Severity) -> None:
    late = USEFUL[severity].total_seconds()
    assert judge(refused(RefusalKind.AWAY, severity, tries=2, after_s=late)).again_at is None
    assert judge(refused(RefusalKind.LIMIT, severity, retry_after_s=late + 1)).again_at is None


@given(
    st.sampled_from(RefusalKind),
    st.sampled_from(Severity),
    st.integers(1, 40),
    st.floats(0, 4000),
    st.one_of(st.none(), st.floats(0.001, 4000)),
)
def test_whatever_is_refused_ends_in_its_time(
    kind: RefusalKind, severity: Severity, tries: int, after_s: float, retry_after_s: float | None
) -> None:
    verdict = judge(refused(kind, severity, tries=tries, after_s=after_s, retry_after_s=retry_after_s))
    if verdict.again_at is None:
        assert verdict.begins_next
    else:
        assert tries < RETRIES[kind][severity].most
        assert T0 + timedelta(seconds=after_s) <= verdict.again_at <= T0 + USEFUL[severity]


@pytest.mark.parametrize(
    ("refusal", "kind", "permanent"),
    [
        (Refusal("blocked", permanent=True, contact_is_dead=True), RefusalKind.CONTACT, True),
        (Refusal("401", permanent=True, hold_channel=True, retry_after=60), RefusalKind.CONFIGURATION, True),
        (Refusal("429", permanent=False, hold_channel=True, retry_after=7), RefusalKind.LIMIT, False),
        (Refusal("bad text", permanent=True), RefusalKind.CONTENT, True),
        (Refusal("502", permanent=False), RefusalKind.AWAY, False),
        (Refusal("no money", kind=RefusalKind.MONEY), RefusalKind.MONEY, True),
        (Refusal("engaged", kind=RefusalKind.BUSY), RefusalKind.BUSY, False),
    ],
)
def test_a_channel_that_names_no_class_gets_one_by_what_it_says(
    refusal: Refusal, kind: RefusalKind, *, permanent: bool
) -> None:
    assert (refusal.kind, refusal.permanent) == (kind, permanent)
    assert refusal.contact_is_dead == (kind is RefusalKind.CONTACT)
