"""The auditor's look at links: recognised too late, not recognised at all; and what is our own absence (4.4.2)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.core import clock
from backend.core.beats import beat
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import new_id
from backend.delivery.auditor import Auditor
from backend.monitoring.late_links import LATE_LINKS
from backend.monitoring.model import Level, LinkSaid, StateSaid, Subject

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")


@pytest.fixture
def time() -> Iterator[StillClock]:
    still = StillClock(NOON)
    with clock.use(still):
        yield still


async def gateway_lives(since: timedelta = timedelta(hours=1)) -> None:
    now = clock.now()
    await execute("delete from gateway_runs")
    await execute(
        "insert into gateway_runs (id, name, started_at, alive_at) values ($1, 'gateway', $2, $3)",
        new_id(),
        now - since,
        now,
    )
    await beat("gateway", now - since)


async def looks() -> list[dict[str, Any]]:
    await Auditor((LATE_LINKS,)).look()
    return await fetch("select kind, clause, cause_code, late_ms, alarm, due_at from breaches order by due_at, kind")


@pytest.mark.clause("4.4.2")
async def test_a_link_recognised_in_time_is_no_breach(time: StillClock, door: Any) -> None:
    await gateway_lives()
    await door.hears(LinkSaid(is_lost=True, silent_since=clock.now() - timedelta(seconds=99)))
    time.advance(timedelta(seconds=30))
    assert await looks() == []


@pytest.mark.clause("4.4.2")
async def test_a_link_recognised_too_late_is_a_breach_once_with_the_alarm_it_led_to(
    time: StillClock, door: Any
) -> None:
    await gateway_lives()
    await door.hears(LinkSaid(is_lost=True, silent_since=clock.now() - timedelta(seconds=130)))
    time.advance(timedelta(seconds=2))
    await looks()
    (row,) = await looks()
    (alarm,) = await fetch("select id from alarms where condition = 'link_lost'")
    assert (row["kind"], row["cause_code"], row["late_ms"]) == ("link_late", "unknown", 30_000)
    assert row["clause"] == "CQC/SC 11002-2025 4.4.2"
    assert row["alarm"] == alarm["id"]


@pytest.mark.clause("4.4.2")
async def test_what_our_own_absence_made_late_says_so(time: StillClock, door: Any) -> None:
    await gateway_lives(since=timedelta(seconds=95))
    await door.hears(LinkSaid(is_lost=True, silent_since=clock.now() - timedelta(minutes=20)))
    time.advance(timedelta(seconds=2))
    (row,) = await looks()
    assert (row["kind"], row["cause_code"]) == ("link_late", "gateway_away")


@pytest.mark.clause("4.4.2")
async def test_a_silence_that_nobody_recognises_is_found_once_and_again_when_it_comes_again(
    time: StillClock, door: Any
) -> None:
    for times in (1, 2):
        await door.hears(StateSaid(subject=SMOKE, state=1))
        time.advance(timedelta(seconds=109))
        await gateway_lives()
        assert len(await looks()) == times - 1
        time.advance(timedelta(seconds=2))
        await gateway_lives()
        await looks()
        rows = await looks()
        assert [row["kind"] for row in rows] == ["link_unseen"] * times


@pytest.mark.clause("4.4.2")
async def test_a_gateway_that_is_away_or_has_just_begun_can_not_have_seen_a_silence(
    time: StillClock, door: Any
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=1))
    time.advance(timedelta(minutes=10))
    assert await looks() == []
    await gateway_lives(since=timedelta(seconds=110))
    assert await looks() == []
    await gateway_lives(since=timedelta(seconds=130))
    assert [row["kind"] for row in await looks()] == ["link_unseen"]


@pytest.mark.clause("4.4.2")
async def test_a_sleeper_has_its_slot_and_a_strangers_silence_is_nobodys(time: StillClock, door: Any) -> None:
    await execute("update devices set power = 'battery'")
    await door.hears(StateSaid(subject=SMOKE, state=1))
    await door.hears(StateSaid(subject=SMOKE, state=1), address="ffee00000001")
    time.advance(timedelta(hours=24, minutes=10))
    await gateway_lives()
    assert await looks() == []
    time.advance(timedelta(minutes=10))
    await gateway_lives()
    (row,) = await looks()
    assert row["kind"] == "link_unseen"
    assert row["due_at"] == NOON + timedelta(hours=24, minutes=15)
