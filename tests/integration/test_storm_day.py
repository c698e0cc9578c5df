"""A day of storm through the real outbox and carriers' limits, the clock advanced: all limits hold, fires are told.

tests/unit/delivery/test_storm_day.py has thousands of alarms through the same decisions; here fewer go all the way.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.ids import AttemptId, new_id
from backend.core.settings import Budgets
from backend.core.vocabulary import Channel
from backend.delivery.budgets import Limit, keys_of, limits_of
from backend.delivery.carry import Carrier
from backend.delivery.model import Delivery, Receipt
from backend.monitoring.model import Level, StateSaid, Subject

pytestmark = pytest.mark.told_apart

LIMITS = limits_of(Budgets())
FIRE = 1 << 1
SUPERVISORY = 1 << 4
FAULTS_AN_HOUR = 1
SQUALL = 40
FIRES = 10
SEED = 20261125


class Records:
    """A channel in memory that remembers when it was asked for what."""

    can_edit = False

    def __init__(self, name: Channel) -> None:
        self.name = name
        self.sent: list[tuple[datetime, Delivery]] = []

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, delivery: Delivery) -> Receipt:
        self.sent.append((clock.now(), delivery))
        return Receipt(surface={})

    async def edit(self, delivery: Delivery) -> Receipt:
        return Receipt(surface=delivery.surface or {})


@pytest.fixture
def still() -> Any:
    with clock.use(StillClock(datetime.now(UTC))) as one:
        yield one


@pytest.fixture
async def channels(still: Any, unit: dict[str, UUID]) -> AsyncIterator[tuple[Carrier, dict[Channel, Records]]]:
    for channel in ("sms", "voice"):
        await execute(
            """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
               values ($1, $2, $3, '13800000001', 2, $4, $4)""",
            new_id(),
            unit["manager"],
            channel,
            clock.now(),
        )
    records = {name: Records(name) for name in Channel}
    carrier = Carrier("worker-1", records, timeout_s=1, concurrency=64, limits=LIMITS)
    await carrier.start()
    yield carrier, records
    await carrier.stop()


async def carry_until(carrier: Carrier, still: StillClock, end: datetime) -> None:
    """Everything that falls due until then, each at its time."""
    while True:
        rows = await fetch("select id from attempts where state = 'pending' and due_at <= $1", clock.now())
        if rows:
            await carrier.carry([AttemptId(row["id"]) for row in rows])
            continue
        row = await fetch_one("select min(due_at) as at from attempts where state = 'pending'")
        if row is None or row["at"] is None or row["at"] > end:
            break
        still.advance(row["at"] - clock.now())
    still.advance(max(end - clock.now(), timedelta()))


def weather(start: datetime) -> list[tuple[datetime, int]]:
    chance = random.Random(SEED)
    moments = [(chance.uniform(0, 86400), SUPERVISORY) for _ in range(24 * FAULTS_AN_HOUR)]
    moments += [(11 * 3600 + chance.uniform(0, 30), SUPERVISORY) for _ in range(SQUALL)]
    moments += [(chance.uniform(0, 86400), FIRE) for _ in range(FIRES - 4)]
    moments += [(11 * 3600 + 10 + number / 2, FIRE) for number in range(4)]
    return [(start + timedelta(seconds=seconds), state) for seconds, state in sorted(moments)]


@pytest.mark.clause("4.3.3")
async def test_a_day_of_storm_keeps_every_limit_and_tells_every_fire_by_two_kinds_in_time(
    channels: tuple[Carrier, dict[Channel, Records]], door: Any, still: StillClock
) -> None:
    carrier, records = channels
    for number, (at, state) in enumerate(weather(clock.now())):
        await carry_until(carrier, still, at)
        address = f"{number:04x}0200"
        smoke = Subject(
            level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address=address
        )
        await door.hears(StateSaid(subject=smoke, state=state))
    await carry_until(carrier, still, clock.now() + timedelta(hours=1))
    counted: dict[tuple[str, Limit], list[tuple[datetime, bool]]] = {}
    for name, record in records.items():
        for at, delivery in record.sent:
            for key, limits in keys_of(LIMITS, name, delivery.address).items():
                for limit in limits:
                    counted.setdefault((key, limit), []).append((at, delivery.card.severity == "fire"))
    for (_, limit), times in counted.items():
        for at, is_fire in times:
            inside = [other for other, _ in times if at - limit.window < other <= at]
            assert len(inside) <= limit.fire, limit.label
            assert is_fire or len(inside) <= limit.plain or limit.plain < limit.fire, limit.label
    fires = await fetch(
        """select a.id, count(distinct t.channel) filter (where t.is_held and t.state = 'accepted') as kinds
           from alarms a join notices n on n.alarm = a.id join attempts t on t.notice = n.id
           where a.severity = 'fire' group by a.id"""
    )
    assert len(fires) == FIRES
    assert min(row["kinds"] for row in fires) >= 2
    fates = await fetch("select channel, state, why from attempts where state <> 'accepted'")
    assert {row["state"] for row in fates} == {"skipped"}
    together = Counter(row["channel"] for row in fates if '"summary"' in row["why"])
    assert together["telegram"] > SQUALL / 4
    assert not [row for row in fates if row["channel"] in {"app", "telegram"} and '"summary"' not in row["why"]]
