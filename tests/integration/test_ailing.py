"""A vendor that a worker leaves alone: its beat says so, and so do the desk and the doctor, until it answers again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from backend.console.queries import ailing_vendors
from backend.core import beats as told_beats
from backend.core import clock
from backend.core.beats import ailing, beat, beats
from backend.core.clock import StillClock
from backend.core.settings import Settings
from backend.core.vocabulary import Channel
from backend.delivery.model import RefusalKind
from backend.doctor import CHECKS
from workers.channels.choosing import Guarded
from workers.channels.ports import Taken, VendorRefusal


class Vendor:
    """Answers as it is told."""

    name = "aliyun"

    def __init__(self) -> None:
        self.is_away = True

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self) -> Taken:
        if self.is_away:
            raise VendorRefusal(RefusalKind.AWAY, "no connection", code="x")
        return Taken(vendor=self.name, id="1")


@pytest.fixture
def time() -> Iterator[StillClock]:
    still = StillClock(datetime.now(UTC))
    with clock.use(still):
        yield still


async def test_a_silent_vendor_shows_at_the_desk_and_in_the_doctor_until_it_answers(
    time: StillClock, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_beats, "_AILS", set())  # what other tests' vendors left in this process
    guarded = Guarded(Channel.SMS, Vendor())
    for _ in range(2):
        await guarded.ask(lambda vendor: vendor.send(), 1.0)
    await beat("fire", clock.now())
    assert await ailing_vendors("zh_CN") == ["短信 aliyun"]
    is_well, words = await CHECKS["vendors"](Settings())
    assert (is_well, "sms/aliyun" in words) == (False, True)

    time.advance(timedelta(seconds=9))  # a process that is dead says nothing of vendors
    assert ailing(await beats(), clock.now()) == ()

    guarded.vendor.is_away = False
    await guarded.ask(lambda vendor: vendor.send(), 1.0)
    await beat("fire", clock.now())
    assert await ailing_vendors("zh_CN") == []
    assert (await CHECKS["vendors"](Settings()))[0]
