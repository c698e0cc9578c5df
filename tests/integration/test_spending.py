"""Carriers' limits in the real database: no two workers spend the same room; what waits is told, or told together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AttemptId, PersonId, new_id
from backend.core.settings import Budgets
from backend.core.vocabulary import Channel
from backend.delivery.budgets import Ask, Word, limits_of
from backend.delivery.carry import Carrier
from backend.delivery.model import Delivery, Receipt
from backend.delivery.reasons import sentence
from backend.delivery.spending import spend
from backend.monitoring.model import Level, StateSaid, Subject

pytestmark = pytest.mark.told_apart

LIMITS = limits_of(Budgets())
FIRE = 1 << 1
SUPERVISORY = 1 << 4
Add = Callable[..., Awaitable[UUID]]


def point(number: int) -> Subject:
    return Subject(
        level=Level.COMPONENT,
        system_type=1,
        system_address=1,
        component_type=40,
        component_address=f"{number:04x}0200",
    )


class Takes:
    """A channel in memory that takes everything, and remembers when."""

    can_edit = True

    def __init__(self, name: Channel) -> None:
        self.name = name
        self.sent: list[tuple[datetime, Delivery]] = []
        self.drawn: list[Delivery] = []

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, delivery: Delivery) -> Receipt:
        self.sent.append((clock.now(), delivery))
        return Receipt(surface={"message": len(self.sent)})

    async def edit(self, delivery: Delivery) -> Receipt:
        self.drawn.append(delivery)
        return Receipt(surface=delivery.surface or {})


class Hands:
    """A worker with the carriers' limits."""

    def __init__(self) -> None:
        self.channels = {name: Takes(name) for name in Channel}
        self.carrier = Carrier("worker-1", self.channels, timeout_s=1, concurrency=64, limits=LIMITS)

    @property
    def telegram(self) -> Takes:
        return self.channels[Channel.TELEGRAM]

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


def ask(address: str, *, is_fire: bool = False) -> Ask:
    return Ask(
        attempt=AttemptId(new_id()),
        person=PersonId(new_id()),
        medium="sms",
        address=address,
        is_fire=is_fire,
        useful_until=clock.now() + timedelta(minutes=30),
    )


async def test_many_workers_at_once_never_spend_the_same_room(database: str, still: Any) -> None:
    asks = [ask("13800000001", is_fire=number % 2 == 0) for number in range(120)]
    answers = await asyncio.gather(*(spend(asks[at : at + 4], LIMITS, clock.now()) for at in range(0, 120, 4)))
    gone = sum(each.word is Word.GO for batch in answers for each in batch.values())
    (limit,) = LIMITS["sms"]
    assert gone == limit.fire  # with 60 fires among them there is nothing left
    later = await spend([ask("13800000001", is_fire=True), ask("13800000002")], LIMITS, clock.now())
    assert [str(each.word) for each in later.values()] == ["skip", "go"]  # free in a day: no use


async def test_the_first_card_of_a_fire_goes_at_once_whatever_a_chat_was_sent(hands: Hands, door: Any) -> None:
    for number in range(1, 7):
        await door.hears(StateSaid(subject=point(number), state=SUPERVISORY))
    await hands.carry()
    await door.hears(StateSaid(subject=point(99), state=FIRE))
    await hands.carry()
    assert [each.card.headline for _, each in hands.telegram.sent][-1] == "火警"
    assert len(hands.telegram.sent) == 2
    assert len(hands.channels[Channel.APP].sent) == 7


async def test_what_a_limit_holds_back_says_so_and_goes_when_the_window_frees(
    hands: Hands, door: Any, still: StillClock
) -> None:
    for number in range(1, 4):
        await door.hears(StateSaid(subject=point(number), state=SUPERVISORY))
    await hands.carry()
    rows = await fetch("select why, tries, due_at from attempts where channel = 'telegram' and state = 'pending'")
    assert [sentence(row["why"], "zh_CN") for row in rows] == ["等待限额放开：Telegram 每个会话每秒的条数"] * 2
    assert {row["tries"] for row in rows} == {0}
    for _ in range(2):
        still.advance(timedelta(seconds=1))
        await hands.carry()
    assert len(hands.telegram.sent) == 3
    assert {row["why"] for row in await fetch("select why from attempts")} == {None}


async def test_what_piles_up_is_told_in_one_message_that_counts_and_names(
    hands: Hands, door: Any, still: StillClock
) -> None:
    for number in range(1, 31):
        await door.hears(StateSaid(subject=point(number), state=SUPERVISORY))
    await hands.carry()
    ((_, first),) = hands.telegram.sent
    assert (first.card.headline, first.card.status) == ("告警汇总", "共 30 条")
    assert len(first.card.facts) == 11
    rows = await fetch("select state, why from attempts where channel = 'telegram' and id <> $1", first.attempt)
    assert {row["state"] for row in rows} == {"skipped"}
    assert sentence(rows[0]["why"], "zh_CN") == f"已并入第 {first.card.number} 号报警的汇总消息（共 30 条）"
    await execute("update attempts set redraw_at = $1 where id = $2", clock.now(), first.attempt)
    await hands.carrier.redraw([first.attempt])
    assert hands.telegram.drawn[0].card.headline == "告警汇总"


async def test_a_fire_whose_call_must_wait_has_the_next_kind_begun(
    hands: Hands, door: Any, unit: dict[str, UUID], still: StillClock
) -> None:
    await execute("update contact_points set channel = 'voice', address = '13800000001' where channel = 'telegram'")
    await door.hears(StateSaid(subject=point(1), state=FIRE))
    await hands.carry()
    await door.hears(StateSaid(subject=point(2), state=FIRE))
    await execute(
        """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
           values ($1, $2, 'sms', '13800000001', 2, $3, $3)""",
        new_id(),
        unit["manager"],
        clock.now(),
    )
    for _ in range(2):
        await hands.carry()
    rows = await fetch("select channel, state from attempts where tries > 0 or state = 'pending' order by number")
    assert [tuple(row.values()) for row in rows][2:] == [("app", "accepted"), ("voice", "pending"), ("sms", "accepted")]
    still.advance(timedelta(seconds=61))
    await hands.carry()
    assert len(hands.channels[Channel.VOICE].sent) == 2


async def test_what_would_come_too_late_is_skipped_with_its_limit_and_the_next_kind_begins(
    hands: Hands, door: Any, unit: dict[str, UUID]
) -> None:
    await execute("update contact_points set channel = 'sms', address = '13800000001' where channel = 'telegram'")
    (limit,) = LIMITS["sms"]
    await spend([ask("13800000001") for _ in range(limit.plain)], LIMITS, clock.now())
    await door.hears(StateSaid(subject=point(1), state=SUPERVISORY))
    await execute(
        """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
           values ($1, $2, 'voice', '13800000001', 2, $3, $3)""",
        new_id(),
        unit["manager"],
        clock.now(),
    )
    await hands.carry()
    (row,) = await fetch("select state, why from attempts where channel = 'sms'")
    assert (row["state"], sentence(row["why"], "zh_CN")) == (
        "skipped",
        "受限额约束未发送：短信每个号码 24 小时的条数",
    )
    assert await hands.carry() == 1
    assert len(hands.channels[Channel.VOICE].sent) == 1
    await door.hears(StateSaid(subject=point(2), state=FIRE))
    await hands.carry()
    assert len(hands.channels[Channel.SMS].sent) == 1
