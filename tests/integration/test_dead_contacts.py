"""A contact its carrier calls dead is not counted, is skipped while another works, and is well when it works again."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.queries import history_for
from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId, AttemptId, PersonId
from backend.core.vocabulary import Channel
from backend.delivery.carry import Carrier
from backend.delivery.model import Delivery, Receipt, Refusal
from backend.delivery.reasons import sentence
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people.queries import person

SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
OTHER = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0b000200")
FIRE = 1 << 1
Add = Callable[..., Awaitable[UUID]]


class Carriers:
    """A channel in memory that takes everything, or refuses whom it is told to."""

    can_edit = True

    def __init__(self, name: Channel) -> None:
        self.name = name
        self.blocked: set[str] = set()

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, delivery: Delivery) -> Receipt:
        if delivery.address in self.blocked:
            raise Refusal("blocked by the person", permanent=True, contact_is_dead=True)
        return Receipt(surface={"message": 1})

    async def edit(self, delivery: Delivery) -> Receipt:
        return await self.send(delivery)


async def carried(*blocked: str) -> None:
    """Send everything that waits."""
    channels = {name: Carriers(name) for name in Channel}
    for channel in channels.values():
        channel.blocked.update(blocked)
    carrier = Carrier("worker-1", channels, timeout_s=1, concurrency=8)
    await carrier.start()
    await carrier.carry(
        [AttemptId(row["id"]) for row in await fetch("select id from attempts where state = 'pending'")]
    )
    await carrier.stop()


async def attempts_of(subject: Subject) -> list[tuple[str, str, str, str | None]]:
    rows = await fetch(
        """select p.code, t.channel, t.state, t.why from attempts t join people p on p.id = t.person
           join notices n on n.id = t.notice join alarms a on a.id = n.alarm
           where a.subject like $1 order by 1, 2""",
        f"%{subject.component_address}",
    )
    return [(row["code"], row["channel"], row["state"], sentence(row["why"], "zh_CN") or None) for row in rows]


async def failing(channel: str, why: str = "blocked by the person") -> None:
    await execute("update contact_points set failure = $2, failing_since = now() where channel = $1", channel, why)


@pytest.mark.clause("4.3.3")
async def test_a_dead_contact_is_skipped_with_its_reason_and_the_duty_desk_told_too(
    door: Any, unit: dict[str, UUID], add_person: Add
) -> None:
    await failing("telegram")
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian")
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert await attempts_of(SMOKE) == [
        ("qian", "app", "pending", None),
        ("wang", "app", "pending", None),
        ("wang", "telegram", "skipped", "联络方式失效：“blocked by the person”"),
    ]


async def test_a_person_with_no_other_way_is_tried_by_the_dead_one(door: Any, unit: dict[str, UUID]) -> None:
    await failing("telegram")
    await failing("app", "")
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert [each[2] for each in await attempts_of(SMOKE)] == ["pending", "pending"]


@pytest.mark.clause("4.3.3")
async def test_two_kinds_that_work_leave_the_duty_desk_alone(door: Any, unit: dict[str, UUID], add_person: Add) -> None:
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian")
    await add_person("li", "李值班", "unit_duty", unit["unit"], app="li", telegram="100002")
    await execute("update contact_points set failure = 'gone', failing_since = now() where address = '100001'")
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert {each[0] for each in await attempts_of(SMOKE)} == {"li", "wang"}


async def test_a_way_that_works_again_is_well_again(door: Any, unit: dict[str, UUID]) -> None:
    await failing("telegram")
    await failing("app", "lost")
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await carried()
    rows = await fetch("select failure, failing_since from contact_points")
    assert [(row["failure"], row["failing_since"]) for row in rows] == [(None, None)] * 2
    await door.hears(StateSaid(subject=OTHER, state=FIRE))
    assert [each[2] for each in await attempts_of(OTHER)] == ["pending", "pending"]


async def test_a_contact_that_dies_while_an_alarm_is_told_stands_in_its_story(door: Any, unit: dict[str, UUID]) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await carried("100001")
    (alarm,) = await fetch("select id from alarms")
    lines = await history_for(await person(PersonId(unit["manager"])), AlarmId(alarm["id"]), "zh_CN")
    (line,) = [each for each in lines if each.text.startswith("联络方式失效")]
    assert (line.text, line.person) == ("联络方式失效 Telegram：blocked by the person", "王经理")
    await door.hears(StateSaid(subject=OTHER, state=FIRE))
    assert [each[1:] for each in await attempts_of(OTHER)] == [
        ("app", "pending", None),
        ("telegram", "skipped", "联络方式失效：“blocked by the person”"),
    ]


async def test_an_alarm_that_nobody_can_be_told_of_is_kept_and_says_so(
    door: Any, unit: dict[str, UUID], caplog: pytest.LogCaptureFixture
) -> None:
    await execute("delete from grants")
    with caplog.at_level(logging.ERROR):
        await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert len(await fetch("select id from notices")) == 1
    assert [row["kind"] for row in await fetch("select kind from alarm_entries order by at, id")] == [
        "raised",
        "nobody_told",
    ]
    assert "nobody to tell, not even at the duty desk" in caplog.text
