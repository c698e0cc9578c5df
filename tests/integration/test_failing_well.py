"""What follows when a way fails: the next kind at once, at last the duty desk; and every reason stands on the alarm."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.queries import history_for
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId, AttemptId, PersonId, new_id
from backend.core.vocabulary import Channel
from backend.delivery import sweep
from backend.delivery.carry import Carrier
from backend.delivery.model import Delivery, Receipt, Refusal, RefusalKind
from backend.delivery.queries import told_of
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people.queries import person

SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
FIRE = 1 << 1
Add = Callable[..., Awaitable[UUID]]


class Sends:
    """A channel in memory that answers as it is told to, for ever."""

    can_edit = True

    def __init__(self, name: Channel) -> None:
        self.name = name
        self.answer: Refusal | None = None
        self.sent: list[Delivery] = []

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, delivery: Delivery) -> Receipt:
        self.sent.append(delivery)
        if self.answer is not None:
            raise self.answer
        return Receipt(surface={"message": len(self.sent)})

    async def edit(self, delivery: Delivery) -> Receipt:
        return Receipt(surface=delivery.surface or {})


class Hands:
    """A worker and its carriers."""

    def __init__(self) -> None:
        self.channels = {name: Sends(name) for name in Channel}
        self.carrier = Carrier("worker-1", self.channels, timeout_s=1, concurrency=8)

    def refuses(self, *names: Channel, kind: RefusalKind, reason: str = "no") -> None:
        for name in names:
            self.channels[name].answer = Refusal(reason, kind=kind)

    async def carry(self) -> int:
        rows = await fetch("select id from attempts where state = 'pending' order by id")
        return await self.carrier.carry([AttemptId(row["id"]) for row in rows])


@pytest.fixture
def still() -> Any:
    with clock.use(StillClock(datetime.now(UTC))) as one:
        yield one


@pytest.fixture
async def hands(still: Any, database: str) -> AsyncIterator[Hands]:
    one = Hands()
    await one.carrier.start()
    yield one
    await one.carrier.stop()


async def give(person_id: UUID, channel: str, address: str, *, priority: int = 2) -> None:
    """A way that the plan did not take, because it came later."""
    await execute(
        """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
           values ($1, $2, $3, $4, $5, $6, $6)""",
        new_id(),
        person_id,
        channel,
        address,
        priority,
        clock.now(),
    )


async def attempts() -> list[tuple[str, str, str]]:
    rows = await fetch(
        """select p.code, a.channel, a.state from attempts a join people p on p.id = a.person
           order by a.created_at, a.number"""
    )
    return [(row["code"], row["channel"], row["state"]) for row in rows]


async def story(unit: dict[str, UUID]) -> list[str]:
    (alarm,) = await fetch("select id from alarms")
    lines = await history_for(await person(PersonId(unit["manager"])), AlarmId(alarm["id"]), "zh_CN")
    return [line.text for line in lines]


@pytest.mark.parametrize(
    "kind",
    [RefusalKind.CONTACT, RefusalKind.CONTENT, RefusalKind.CONFIGURATION, RefusalKind.MONEY, RefusalKind.UNKNOWN],
)
async def test_a_way_refused_for_good_has_the_next_kind_begun_at_once(
    hands: Hands, door: Any, unit: dict[str, UUID], kind: RefusalKind
) -> None:
    hands.refuses(Channel.TELEGRAM, kind=kind, reason="the carrier's word")
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await give(unit["manager"], "voice", "13800000001", priority=3)
    await give(unit["manager"], "sms", "13800000001")
    await hands.carry()
    assert sorted((await attempts())[:2]) == [("wang", "app", "accepted"), ("wang", "telegram", "refused")]
    assert (await attempts())[2:] == [("wang", "sms", "pending")]
    assert await hands.carry() == 1
    assert (await attempts())[2:] == [("wang", "sms", "accepted")]
    (point,) = await fetch("select failures, failure from contact_points where channel = 'telegram'")
    assert point["failures"] == (1 if kind is RefusalKind.CONTACT else 0)
    assert any(
        "已送达 短信" in line and "Telegram未送达，改用此方式：the carrier's word" in line for line in await story(unit)
    )
    assert "未送达 Telegram：运营方答复：“the carrier's word”" in await story(unit)


@pytest.mark.parametrize("kind", [RefusalKind.BUSY, RefusalKind.AWAY])
async def test_a_way_that_is_busy_is_tried_again_while_the_next_kind_is_on_its_way(
    hands: Hands, door: Any, unit: dict[str, UUID], still: StillClock, kind: RefusalKind
) -> None:
    hands.refuses(Channel.TELEGRAM, kind=kind)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await give(unit["manager"], "sms", "13800000001")
    await hands.carry()
    assert len(await attempts()) == 2
    still.advance(timedelta(milliseconds=260))
    await hands.carry()
    assert (await attempts())[2:] == [("wang", "sms", "pending")]
    hands.channels[Channel.TELEGRAM].answer = None
    still.advance(timedelta(milliseconds=510))
    await hands.carry()
    assert {state for _, _, state in await attempts()} == {"accepted"}
    assert len(hands.channels[Channel.TELEGRAM].sent) == 3


async def test_a_limit_that_asks_to_wait_past_the_deadline_begins_the_next_kind(
    hands: Hands, door: Any, unit: dict[str, UUID]
) -> None:
    hands.channels[Channel.TELEGRAM].answer = Refusal("429", kind=RefusalKind.LIMIT, retry_after=30)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await give(unit["manager"], "sms", "13800000001")
    await hands.carry()
    (row,) = await fetch("select state, due_at from attempts where channel = 'telegram'")
    assert (row["state"], row["due_at"] - clock.now()) == ("pending", timedelta(seconds=30))
    assert (await attempts())[2:] == [("wang", "sms", "pending")]


async def test_a_channel_that_rests_past_the_deadline_has_the_next_kind_begun(
    hands: Hands, door: Any, unit: dict[str, UUID]
) -> None:
    until = clock.now() + timedelta(seconds=30)
    await execute("insert into channel_rests (channel, until) values ('telegram', $1)", until)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await give(unit["manager"], "sms", "13800000001")
    await hands.carry()
    assert hands.channels[Channel.TELEGRAM].sent == []
    assert (await attempts())[2:] == [("wang", "sms", "pending")]
    assert "正在发送 Telegram · 运营方要求该通知方式暂停发送" in await story(unit)


async def test_the_next_kind_of_the_next_kind(hands: Hands, door: Any, unit: dict[str, UUID]) -> None:
    hands.refuses(Channel.TELEGRAM, Channel.SMS, kind=RefusalKind.MONEY)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await give(unit["manager"], "sms", "13800000001")
    await give(unit["manager"], "voice", "13800000001", priority=3)
    for _ in range(4):
        await hands.carry()
    assert [each[1:] for each in (await attempts())[2:]] == [("sms", "refused"), ("voice", "accepted")]


async def test_a_notice_that_every_way_refused_is_the_duty_desks_at_once_and_once(
    hands: Hands, door: Any, unit: dict[str, UUID], add_person: Add
) -> None:
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian", sms="13900000001")
    hands.refuses(Channel.TELEGRAM, Channel.APP, kind=RefusalKind.CONFIGURATION)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await hands.carry()
    assert (await attempts())[2:] == [("qian", "app", "pending"), ("qian", "sms", "pending")]
    assert "所有通知方式均未送达，已转服务机构值班台" in await story(unit)
    await hands.carry()
    assert [each[1:] for each in (await attempts())[2:]] == [("app", "refused"), ("sms", "accepted")]
    assert (await story(unit)).count("所有通知方式均未送达，已转服务机构值班台") == 1
    (alarm,) = await fetch("select id from alarms")
    told = await told_of(await person(PersonId(unit["manager"])), [AlarmId(alarm["id"])])
    assert {each.because for each in told if each.channel == "sms"} == {"联网单位的各种方式均未送达，转服务机构值班台"}


async def test_ways_refused_by_two_workers_at_once_still_find_the_duty_desk(
    hands: Hands, door: Any, unit: dict[str, UUID], add_person: Add
) -> None:
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian")
    hands.refuses(Channel.TELEGRAM, Channel.APP, kind=RefusalKind.CONTENT)
    other = Hands()
    other.channels = hands.channels
    other.carrier = Carrier("worker-2", hands.channels, timeout_s=1, concurrency=8)
    await other.carrier.start()
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    ids = [AttemptId(row["id"]) for row in await fetch("select id from attempts")]
    await asyncio.gather(hands.carrier.carry(ids[:1]), other.carrier.carry(ids[1:]))
    await other.carrier.stop()
    assert (await attempts())[2:] == [("qian", "app", "pending")]


async def test_a_way_that_is_late_and_was_handed_over_is_not_waited_for(
    hands: Hands, door: Any, unit: dict[str, UUID], add_person: Add, still: StillClock
) -> None:
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian")
    hands.refuses(Channel.TELEGRAM, Channel.APP, kind=RefusalKind.AWAY)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await hands.carry()
    still.advance(timedelta(seconds=3, milliseconds=1))
    assert await sweep.mark_breaches() == 2
    assert (await attempts())[2:] == [("qian", "app", "pending")]


async def test_that_it_is_over_begins_nothing(hands: Hands, door: Any, unit: dict[str, UUID]) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    await hands.carry()
    await door.hears(StateSaid(subject=SMOKE, state=0))
    await give(unit["manager"], "sms", "13800000001")
    hands.refuses(Channel.TELEGRAM, kind=RefusalKind.CONTACT)
    await hands.carry()
    assert all(channel != "sms" for _, channel, _ in await attempts())
