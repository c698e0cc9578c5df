"""Clock, ids, errors and logs keep their promises."""

import io
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from backend.core import clock, deadlines
from backend.core.clock import StillClock
from backend.core.ids import new_id, new_token, token_digest
from backend.core.logs import JsonLines
from backend.core.vocabulary import Severity


def test_time_is_aware_and_moves_only_when_told_to() -> None:
    still = StillClock(datetime(2026, 11, 22, 4, 0, tzinfo=UTC))
    with clock.use(still):
        before = clock.now()
        still.advance(timedelta(seconds=100))
        assert clock.now() - before == timedelta(seconds=100)
        assert clock.monotonic() == 100
    assert clock.now().tzinfo is not None


def test_the_units_zone_is_only_a_way_to_show_a_moment() -> None:
    moment = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
    assert clock.in_zone(moment, "Asia/Shanghai").strftime("%H:%M") == "12:00"
    assert clock.in_zone(moment, "Asia/Shanghai") == moment


def test_ids_are_unique_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert all(each.version == 7 for each in ids)
    assert [each.int >> 80 for each in ids] == sorted(each.int >> 80 for each in ids)


def test_no_token_is_taken_for_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-begins-like-an-option", "-again", "begins-well"])
    monkeypatch.setattr("secrets.token_urlsafe", lambda _octets: next(drawn))
    assert new_token() == "begins-well"


def test_tokens_are_kept_as_digests() -> None:
    token = new_token()
    assert token not in token_digest(token)
    assert len(token) <= 64
    assert token_digest(token) == token_digest(token)


@pytest.mark.clause("4.3.1")
@pytest.mark.clause("4.3.2")
def test_deadlines_are_the_specifications() -> None:
    seconds = {each: deadlines.NOTICE_DEADLINES[each].within.total_seconds() for each in Severity}
    assert seconds == {Severity.FIRE: 3, Severity.FAULT: 10, Severity.ABNORMAL: 10, Severity.OFFLINE: 10}
    assert deadlines.LINK_LOSS.within == timedelta(seconds=100)


def test_a_log_line_is_one_json_object_with_what_was_bound() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonLines("gateway"))
    logger = logging.getLogger("test.logs")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logger.exception("poisoned\nframe", extra={"peer": "10.0.0.1:5001"})
    (line,) = out.getvalue().splitlines()
    found = json.loads(line)
    assert (found["event"], found["peer"], found["process"]) == ("poisoned\nframe", "10.0.0.1:5001", "gateway")
    assert "ZeroDivisionError" in found["exception"]
