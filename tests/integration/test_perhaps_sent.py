"""A vendor that may have sent it is not asked again for the same message: SendSms and calls are not idempotent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AttemptId, new_id
from backend.core.vocabulary import Channel
from backend.delivery.carry import Carrier
from backend.delivery.model import RefusalKind
from backend.monitoring.model import Level, StateSaid, Subject
from workers.channels.ports import Sms, Taken, VendorRefusal
from workers.channels.sms import SmsChannel

pytestmark = pytest.mark.told_apart

SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
FIRE, FAULT = 1 << 1, 1 << 2
PHONE = "+8613800000001"


class Slow:
    """Sends what it is asked for, and its answer comes too late."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[Sms] = []

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, sms: Sms) -> Taken:
        self.sent.append(sms)
        raise VendorRefusal(RefusalKind.UNKNOWN, f"{self.name}: timeout")


@pytest.fixture
def still() -> Iterator[StillClock]:
    with clock.use(StillClock(datetime(2026, 11, 26, 4, tzinfo=UTC))) as one:
        assert isinstance(one, StillClock)
        yield one


class Hands:
    """One worker, for as long as anything is to be sent."""

    def __init__(self, still: StillClock, *vendors: Slow) -> None:
        self.still = still
        channel = SmsChannel(vendors, (), sign="烽火", timeout_s=2)
        self.carrier = Carrier("worker-1", {Channel.SMS: channel}, timeout_s=2, concurrency=8)

    async def work(self, minutes: int) -> None:
        await self.carrier.start()
        for _ in range(minutes * 60):
            rows = await fetch("select id from attempts where state = 'pending' and due_at <= $1", self.still.at)
            await self.carrier.carry([AttemptId(row["id"]) for row in rows])
            self.still.advance(timedelta(seconds=1))
        await self.carrier.stop()


@pytest.fixture
async def only_sms(unit: dict[str, UUID]) -> None:
    await execute("delete from contact_points")
    await execute(
        """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
           values ($1, $2, 'sms', $3, 1, now(), now())""",
        new_id(),
        unit["manager"],
        PHONE,
    )


@pytest.mark.usefixtures("only_sms")
@pytest.mark.parametrize("state", [FIRE, FAULT])
async def test_the_only_vendor_that_may_have_sent_it_is_not_asked_again(
    door: Any, still: StillClock, state: int
) -> None:
    vendor = Slow("aliyun")
    await door.hears(StateSaid(subject=SMOKE, state=state))
    await Hands(still, vendor).work(2)
    assert len(vendor.sent) == 1
    rows = await fetch("select state, why from attempts")
    assert [row["state"] for row in rows] == ["refused"]


@pytest.mark.usefixtures("only_sms")
async def test_each_of_two_vendors_that_may_have_sent_it_is_asked_once(door: Any, still: StillClock) -> None:
    vendors = Slow("aliyun"), Slow("tencent")
    await door.hears(StateSaid(subject=SMOKE, state=FAULT))
    await Hands(still, *vendors).work(2)
    assert [len(each.sent) for each in vendors] == [1, 1]
