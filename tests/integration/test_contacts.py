"""Contacts that fail are shown to their owner and to who can mend them, and are tried by the real way."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.errors import Conflict, NotFound
from backend.core.ids import AttemptId, ContactPointId, NoticeId, PersonId, UnitId, new_id
from backend.core.vocabulary import Channel
from backend.delivery.carry import Carrier
from backend.delivery.model import Delivery, Receipt, Refusal, RefusalKind, Verb
from backend.delivery.service import received
from backend.delivery.trying import contact_works, try_contact
from backend.people.contacts import can_mend, contacts_of, failing_contacts
from backend.people.groups import bind_group
from backend.people.model import Person
from backend.people.queries import person
from backend.people.service import mark_contact_well, mark_undelivered

Add = Callable[..., Awaitable[UUID]]


class Phones:
    """A channel in memory with numbers that don't exist."""

    can_edit = False

    def __init__(self, name: Channel) -> None:
        self.name = name
        self.wrong: set[str] = set()
        self.sent: list[Delivery] = []

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, delivery: Delivery) -> Receipt:
        self.sent.append(delivery)
        if delivery.address in self.wrong:
            raise Refusal("no such number", kind=RefusalKind.CONTACT)
        return Receipt(surface={})

    async def edit(self, delivery: Delivery) -> Receipt:
        return await self.send(delivery)


class Hands:
    def __init__(self) -> None:
        self.channels = {name: Phones(name) for name in Channel}
        self.carrier = Carrier("worker-1", self.channels, timeout_s=1, concurrency=8)

    async def carry(self) -> int:
        rows = await fetch("select id from attempts where state = 'pending'")
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


async def of(code: str) -> Person:
    (row,) = await fetch("select id from people where code = $1", code)
    return await person(PersonId(row["id"]))


async def contact(code: str, channel: str) -> ContactPointId:
    (row,) = await fetch(
        """select c.id from contact_points c join people p on p.id = c.person
           where p.code = $1 and c.channel = $2""",
        code,
        channel,
    )
    return ContactPointId(row["id"])


async def test_a_number_that_does_not_exist_is_counted_and_shown_to_its_owner_and_to_who_can_mend_it(
    hands: Hands, unit: dict[str, UUID], add_person: Add, still: StillClock
) -> None:
    await add_person("li", "李值班", "unit_duty", unit["unit"], sms="13800000009")
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian")
    await add_person("zhou", "周质量", "quality_lead", None, app="zhou")
    hands.channels[Channel.SMS].wrong.add("13800000009")
    began = clock.now()
    for _ in range(3):
        await try_contact(await of("wang"), await contact("li", "sms"))
        await hands.carry()
        still.advance(timedelta(minutes=2))
    (own,) = await contacts_of((await of("li")).id)
    assert (own.failures, own.failure, own.failing_since) == (3, "no such number", began)
    assert [each.name for each in await failing_contacts(await of("wang"))] == ["李值班"]
    assert [each.address for each in await failing_contacts(await of("qian"))] == ["13800000009"]
    assert (can_mend(await of("wang")), can_mend(await of("li")), can_mend(await of("zhou"))) == (True, False, False)
    assert list(await failing_contacts(await of("li"))) == list(await failing_contacts(await of("zhou"))) == []
    hands.channels[Channel.SMS].wrong.clear()
    await try_contact(await of("li"), own.id)
    await hands.carry()
    (own,) = await contacts_of((await of("li")).id)
    assert own.failures == 3, "that a telephone carrier takes it proves nothing"
    await mark_contact_well(Channel.SMS, "13800000009")  # its receipt
    (own,) = await contacts_of((await of("li")).id)
    assert (own.failures, own.failing_since) == (0, None)


async def test_nobody_tries_a_contact_that_is_not_their_affair_nor_the_same_twice_a_minute(
    hands: Hands, unit: dict[str, UUID], add_person: Add, still: StillClock
) -> None:
    await add_person("li", "李值班", "unit_duty", unit["unit"], sms="13800000009")
    with pytest.raises(NotFound):
        await try_contact(await of("li"), await contact("wang", "telegram"))
    await try_contact(await of("li"), await contact("li", "sms"))
    with pytest.raises(Conflict):
        await try_contact(await of("wang"), await contact("li", "sms"))
    still.advance(timedelta(seconds=61))
    await try_contact(await of("wang"), await contact("li", "sms"))
    rows = await fetch("select facts from ledger where kind = 'action' order by received_at")
    assert ["contact.tested" in row["facts"] for row in rows] == [True, True]


@pytest.mark.parametrize("language", ["zh_CN", "en"])
async def test_a_test_card_says_what_it_is_and_an_answer_verifies_the_contact(
    hands: Hands, unit: dict[str, UUID], language: str
) -> None:
    await execute("update people set language = $1", language)
    await execute("update contact_points set verified_at = null")
    wang = await of("wang")
    await try_contact(wang, await contact("wang", "telegram"))
    await hands.carry()
    (sent,) = hands.channels[Channel.TELEGRAM].sent
    assert sent.card.headline == {"zh_CN": "联络方式测试", "en": "Test of a contact"}[language]
    assert [action.verb for action in sent.card.actions] == [Verb.CONTACT_WORKS]
    assert [each.verified_at for each in await contacts_of(wang.id)] == [None, None]
    assert await contact_works(wang, NoticeId(sent.card.alarm))
    assert not await contact_works(wang, NoticeId(sent.card.alarm))
    verified = {str(each.channel): each.verified_at for each in await contacts_of(wang.id)}
    assert verified == {"app": None, "telegram": clock.now()}


async def test_a_test_that_came_to_a_group_is_answered_by_who_has_a_part_in_its_unit(
    hands: Hands, unit: dict[str, UUID], add_person: Add
) -> None:
    """It was thanked for, and the group's way stayed as untried as before."""
    wang = await of("wang")
    group = await bind_group(wang, UnitId(unit["unit"]), Channel.TELEGRAM, "-100", "7", "班组")
    (way,) = await fetch("select id from contact_points where person = $1", group.person)
    await try_contact(wang, ContactPointId(way["id"]))
    await hands.carry()
    (sent,) = hands.channels[Channel.TELEGRAM].sent
    other = UnitId(new_id())
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1, 'u2', '别家', '', 'UTC', $2)",
        other,
        clock.now(),
    )
    stranger = await person(PersonId(await add_person("zhao", "赵", "unit_manager", other, app="zhao")))
    assert not await contact_works(stranger, NoticeId(sent.card.alarm))
    assert await contact_works(wang, NoticeId(sent.card.alarm))
    assert [each.verified_at for each in await contacts_of(group.person)] == [clock.now()]


async def test_a_phone_that_shows_the_card_verifies_its_inbox(hands: Hands, unit: dict[str, UUID]) -> None:
    await execute("update contact_points set verified_at = null")
    wang = await of("wang")
    await try_contact(wang, await contact("wang", "app"))
    await hands.carry()
    (sent,) = hands.channels[Channel.APP].sent
    assert await received(wang.id, [sent.attempt]) == 1
    verified = {str(each.channel): each.verified_at for each in await contacts_of(wang.id)}
    assert verified == {"app": clock.now(), "telegram": None}


async def test_three_messages_in_a_row_that_did_not_arrive_make_a_contact_failing(
    unit: dict[str, UUID], still: StillClock
) -> None:
    wang = await of("wang")

    async def telegram() -> tuple[int, bool]:
        (one,) = [each for each in await contacts_of(wang.id) if each.channel is Channel.TELEGRAM]
        return one.failures, one.failing_since is not None

    for failures in (1, 2):
        await mark_undelivered(Channel.TELEGRAM, "100001")
        assert await telegram() == (failures, False)
    await mark_contact_well(Channel.TELEGRAM, "100001")
    for _ in range(3):
        await mark_undelivered(Channel.TELEGRAM, "100001")
    assert await telegram() == (3, True)
    assert [each.failure for each in await failing_contacts(wang)] == [None], "it is shown, and tried all the same"


async def test_a_test_that_fails_tells_nobody_else(hands: Hands, unit: dict[str, UUID], add_person: Add) -> None:
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian")
    hands.channels[Channel.TELEGRAM].wrong.add("100001")
    await try_contact(await of("wang"), await contact("wang", "telegram"))
    await hands.carry()
    assert [row["state"] for row in await fetch("select state from attempts")] == ["refused"]
