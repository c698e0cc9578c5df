"""Limits, counts and the heap of deadlines."""

from protocol_gateway.limits import MOST_NEWCOMERS, Allowance, ConnectionCounts, DenyLimit, Limit, Newcomers, Refusals
from protocol_gateway.timers import Timers


def test_connections_are_counted_in_all_and_by_address():
    counts = ConnectionCounts(in_all=3, per_address=2)
    assert [counts.admit("a"), counts.admit("a"), counts.admit("a")] == [None, None, Limit.CONNECTIONS_PER_ADDRESS]
    assert counts.admit("b") is None
    assert counts.admit("c") is Limit.CONNECTIONS
    counts.leave("a")
    assert counts.admit("a") is None
    assert counts.total == 3


def test_an_allowance_lets_a_burst_through_and_then_says_how_long_to_wait():
    allowance = Allowance(rate=10, now=0.0)
    assert allowance.spend(25, 0.0) == 0.0
    assert allowance.spend(5, 0.0) == 0.5
    assert allowance.spend(0, 1.0) == 0.0


def test_an_allowance_never_grows_beyond_its_burst():
    allowance = Allowance(rate=10, now=0.0)
    assert allowance.spend(26, 1000.0) > 0


def test_one_deny_a_second():
    denies = DenyLimit()
    assert [denies.allows(at) for at in (0.0, 0.5, 1.0, 1.9, 2.0)] == [True, False, True, False, True]


def test_a_refusal_is_logged_once_a_minute_for_each_peer_and_limit(caplog):
    refusals = Refusals()
    for host, at in (("a", 0.0), ("a", 59.0), ("b", 59.0), ("a", 60.0)):
        refusals.note(Limit.RATE, host, at)
    refusals.note(Limit.IDLE, "a", 60.0, b"\x01" * 100)
    assert len(caplog.records) == 4
    assert caplog.records[-1].octets == "01" * 64


def test_deadlines_come_in_order_and_only_when_due():
    timers = Timers()
    came = []
    timers.at(2.0, lambda now: came.append(("second", now)))
    timers.at(1.0, lambda now: came.append(("first", now)))
    timers.run_due(0.9)
    assert came == []
    timers.run_due(5.0)
    assert came == [("first", 5.0), ("second", 5.0)]
    assert len(timers) == 0


def test_a_deadline_that_fails_stops_no_other(caplog):
    timers = Timers()
    came = []
    timers.at(1.0, lambda _: 1 / 0)
    timers.at(1.0, came.append)
    timers.run_due(1.0)
    assert came == [1.0]
    assert "a deadline failed" in caplog.text


def test_a_host_brings_in_thirty_two_newcomers_in_any_minute_and_another_host_its_own():
    newcomers = Newcomers()
    assert [newcomers.admit("a", float(at)) for at in range(MOST_NEWCOMERS + 1)] == [True] * MOST_NEWCOMERS + [False]
    assert newcomers.admit("b", 33.0)
    assert not newcomers.admit("a", 59.9)
    assert [newcomers.admit("a", 60.0), newcomers.admit("a", 60.5)] == [True, False]
