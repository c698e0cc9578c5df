"""Vendors of one kind: who is asked next, what each refusal leads to, and what is left of it on the alarm."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.ids import AlarmId, AttemptId, NoticeId, PersonId, new_id
from backend.core.vocabulary import Severity
from backend.delivery.model import Card, Delivery, Receipt, Refusal, RefusalKind
from workers.channels.breaker import BreakerState
from workers.channels.choosing import TRIES_BEFORE_DOUBLING
from workers.channels.ports import PERMANENT, Call, Sms, Taken, VendorRefusal
from workers.channels.sms import SmsChannel
from workers.channels.voice import VoiceChannel


class Vendor:
    """A vendor in memory: takes everything, or refuses as it is told; `None` is silence."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.answer: RefusalKind | Taken | None = Taken(vendor=name, id=f"{name}-1")
        self.asked = 0
        self.retry_after: float | None = None
        self.is_open = False

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    async def send(self, sms: Sms) -> Taken:
        return await self._take(sms)

    async def call(self, call: Call) -> Taken:
        return await self._take(call)

    async def _take(self, message: Sms | Call) -> Taken:
        assert message.phone.startswith("+")
        self.asked += 1
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, RefusalKind):
            raise VendorRefusal(self.answer, f"{self.answer} here", code="x", retry_after=self.retry_after)
        assert self.answer is not None
        return self.answer


@pytest.fixture
def still() -> Iterator[StillClock]:
    one = StillClock(datetime.now(UTC))
    with clock.use(one):
        yield one


@pytest.fixture
def vendors() -> tuple[Vendor, Vendor, Vendor]:
    return Vendor("aliyun"), Vendor("tencent"), Vendor("twilio")


def channel(first: Vendor, second: Vendor, abroad: Vendor, timeout_s: float = 2.0) -> SmsChannel:
    return SmsChannel([first, second], [abroad], sign="烽火", timeout_s=timeout_s)


def a_delivery(phone: str = "+8613800000001", severity: Severity = Severity.FIRE, tries: int = 1) -> Delivery:
    card = Card(
        alarm=AlarmId(new_id()),
        number=12,
        severity=severity,
        icon="🔥",
        headline="火警",
        status="报警中",
        is_active=True,
        where="2号楼 5层 走廊",
        what="点型光电感烟火灾探测器 · 火警",
        unit="示范大厦",
        raised_at=datetime(2026, 11, 25, 14, 3, 22, tzinfo=UTC),
    )
    return Delivery(
        attempt=AttemptId(new_id()),
        notice=NoticeId(new_id()),
        person=PersonId(new_id()),
        address=phone,
        card=card,
        number=7,
        tries=tries,
    )


@asynccontextmanager
async def refused() -> AsyncIterator[list[Refusal]]:
    found: list[Refusal] = []
    with pytest.raises(Refusal) as caught:
        yield found
    found.append(caught.value)


async def test_the_first_vendor_of_the_country_is_asked_and_the_others_are_not(
    vendors: tuple[Vendor, Vendor, Vendor], still: StillClock
) -> None:
    first, second, abroad = vendors
    receipt = await channel(*vendors).send(a_delivery("13800000001"))
    assert receipt.surface == {"vendor": "aliyun", "id": "aliyun-1"}
    receipt = await channel(*vendors).send(a_delivery("+4915112345678"))
    assert receipt.surface == {"vendor": "twilio", "id": "twilio-1"}
    assert (first.asked, second.asked, abroad.asked) == (1, 0, 1)


@pytest.mark.parametrize(
    "kind",
    [
        RefusalKind.AWAY,
        RefusalKind.BUSY,
        RefusalKind.MONEY,
        RefusalKind.LIMIT,
        RefusalKind.CONFIGURATION,
        RefusalKind.CONTENT,
        RefusalKind.UNKNOWN,
    ],
)
async def test_the_second_vendor_takes_what_the_first_does_not_and_the_alarm_says_why(
    vendors: tuple[Vendor, Vendor, Vendor], still: StillClock, kind: RefusalKind
) -> None:
    vendors[0].answer = kind
    receipt = await channel(*vendors).send(a_delivery())
    assert receipt == Receipt(surface={"vendor": "tencent", "id": "tencent-1", "after": f"aliyun: {kind} here"})


async def test_a_number_that_is_no_good_is_refused_for_good_without_asking_another(
    vendors: tuple[Vendor, Vendor, Vendor], still: StillClock
) -> None:
    vendors[0].answer = RefusalKind.CONTACT
    async with refused() as found:
        await channel(*vendors).send(a_delivery())
    assert (found[0].permanent, found[0].contact_is_dead, vendors[1].asked) == (True, True, 0)


@pytest.mark.parametrize(
    ("first", "second", "is_permanent"),
    [
        (RefusalKind.CONTENT, RefusalKind.CONFIGURATION, True),
        (RefusalKind.MONEY, RefusalKind.LIMIT, True),
        (RefusalKind.CONTENT, RefusalKind.AWAY, False),
        (RefusalKind.AWAY, RefusalKind.CONFIGURATION, False),
        (RefusalKind.BUSY, RefusalKind.AWAY, False),
    ],
)
async def test_what_nobody_took_is_tried_again_only_if_somebody_may_take_it_then(
    vendors: tuple[Vendor, Vendor, Vendor],
    still: StillClock,
    first: RefusalKind,
    second: RefusalKind,
    is_permanent: bool,
) -> None:
    vendors[0].answer, vendors[1].answer = first, second
    async with refused() as found:
        await channel(*vendors).send(a_delivery())
    assert found[0].permanent is is_permanent
    assert not found[0].contact_is_dead
    assert found[0].reason == f"aliyun: {first} here; tencent: {second} here"


async def test_a_busy_vendor_says_when_to_come_again(vendors: tuple[Vendor, Vendor, Vendor], still: StillClock) -> None:
    vendors[0].answer, vendors[0].retry_after = RefusalKind.BUSY, 7.0
    vendors[1].answer = RefusalKind.CONFIGURATION
    async with refused() as found:
        await channel(*vendors).send(a_delivery())
    assert (found[0].permanent, found[0].retry_after) == (False, 7.0)


@pytest.mark.parametrize("severity", list(Severity))
async def test_only_a_fire_is_sent_a_second_time_at_once_when_the_first_may_have_arrived(
    vendors: tuple[Vendor, Vendor, Vendor], still: StillClock, severity: Severity
) -> None:
    vendors[0].answer = RefusalKind.UNKNOWN
    if TRIES_BEFORE_DOUBLING[severity] == 1:
        receipt = await channel(*vendors).send(a_delivery(severity=severity))
        assert receipt.surface["vendor"] == "tencent"
        return
    async with refused() as found:
        await channel(*vendors).send(a_delivery(severity=severity))
    assert (found[0].permanent, found[0].retry_after, vendors[1].asked) == (False, 5.0, 0)
    again = await channel(*vendors).send(a_delivery(severity=severity, tries=2))
    assert (again.surface["vendor"], vendors[0].asked) == ("tencent", 1)  # who may have sent it is asked last


@pytest.mark.usefixtures("still")
async def test_a_silent_vendor_leaves_the_next_one_time_enough(vendors: tuple[Vendor, Vendor, Vendor]) -> None:
    vendors[0].answer = None
    receipt = await channel(*vendors, timeout_s=0.4).send(a_delivery())
    assert receipt.surface["vendor"] == "tencent"
    assert receipt.surface["after"] == "aliyun: no answer within 0.2 s, it may have been sent"


async def test_silence_of_all_vendors_ends_before_the_channel_is_cut_off(
    vendors: tuple[Vendor, Vendor, Vendor],
) -> None:
    vendors[0].answer = vendors[1].answer = None
    async with asyncio.timeout(2.0), refused() as found:
        await channel(*vendors, timeout_s=2.0).send(a_delivery())
    assert found[0].kind is RefusalKind.UNKNOWN
    assert found[0].permanent  # each of them may have sent it


async def test_an_open_breaker_is_gone_round_at_once_and_says_so(
    vendors: tuple[Vendor, Vendor, Vendor], still: StillClock
) -> None:
    sms = channel(*vendors)
    vendors[0].answer = RefusalKind.AWAY
    for _ in range(2):
        await sms.send(a_delivery())
    guarded = sms._exchange.vendors[0]
    assert guarded.breaker.state is BreakerState.OPEN
    vendors[0].answer = Taken(vendor="aliyun", id="aliyun-2")
    receipt = await sms.send(a_delivery())
    assert (vendors[0].asked, receipt.surface["vendor"]) == (2, "tencent")
    assert receipt.surface["after"] == "aliyun: did not answer before, asked again in 2 s"
    still.advance(timedelta(seconds=2))
    receipt = await sms.send(a_delivery())
    assert receipt.surface == {"vendor": "aliyun", "id": "aliyun-2"}
    assert guarded.breaker.state is BreakerState.CLOSED


async def test_when_all_are_left_alone_the_message_waits_for_the_first_to_be_asked_again(
    vendors: tuple[Vendor, Vendor, Vendor], still: StillClock
) -> None:
    sms = channel(*vendors)
    vendors[0].answer = vendors[1].answer = RefusalKind.AWAY
    for _ in range(2):
        async with refused():
            await sms.send(a_delivery())
    async with refused() as found:
        await sms.send(a_delivery())
    assert (found[0].permanent, found[0].retry_after) == (False, 2.0)


async def test_refusals_of_numbers_and_texts_open_no_breaker(
    vendors: tuple[Vendor, Vendor, Vendor], still: StillClock
) -> None:
    sms = channel(*vendors)
    vendors[0].answer = RefusalKind.CONTENT
    for _ in range(5):
        await sms.send(a_delivery())
    assert sms._exchange.vendors[0].breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("phone", ["", "nobody", "110x", "+0123456789"])
async def test_what_is_no_telephone_number_is_a_dead_contact(
    vendors: tuple[Vendor, Vendor, Vendor], still: StillClock, phone: str
) -> None:
    async with refused() as found:
        await channel(*vendors).send(a_delivery(phone))
    assert (found[0].permanent, found[0].contact_is_dead) == (True, True)


async def test_a_country_nobody_serves_is_refused_for_good(vendors: tuple[Vendor, Vendor, Vendor]) -> None:
    sms = SmsChannel([vendors[0]], [], sign="烽火", timeout_s=1)
    async with refused() as found:
        await sms.send(a_delivery("+4915112345678"))
    assert found[0].permanent
    assert found[0].reason == "no vendor is configured for this country"


async def test_a_vendor_for_home_and_abroad_is_one_vendor(vendors: tuple[Vendor, Vendor, Vendor]) -> None:
    voice = VoiceChannel([vendors[0], vendors[2]], [vendors[2]], timeout_s=1)
    await voice.open()
    assert [each.vendor.name for each in voice._exchange.vendors] == ["aliyun", "twilio"]
    assert vendors[2].is_open
    vendors[0].answer = RefusalKind.AWAY
    receipt = await voice.send(a_delivery())
    assert receipt.surface["vendor"] == "twilio"
    await voice.close()
    assert not vendors[2].is_open


async def test_what_was_sent_or_said_is_never_drawn_again(vendors: tuple[Vendor, Vendor, Vendor]) -> None:
    for each in (channel(*vendors), VoiceChannel([vendors[0]], [], timeout_s=1)):
        assert not each.can_edit
        async with refused() as found:
            await each.edit(a_delivery())
        assert found[0].permanent


ANSWERS = st.one_of(st.none(), st.sampled_from(RefusalKind))  # none: taken


@settings(max_examples=60, deadline=None)
@given(
    answers=st.lists(ANSWERS, min_size=1, max_size=4),
    severity=st.sampled_from(Severity),
    tries=st.integers(1, 5),
    rounds=st.integers(1, 4),
)
async def test_whatever_vendors_answer_each_has_its_word_and_nothing_is_lost_that_somebody_takes(
    answers: list[RefusalKind | None], severity: Severity, tries: int, rounds: int
) -> None:
    vendors = [Vendor(f"v{index}") for index in range(len(answers))]
    for vendor, answer in zip(vendors, answers, strict=True):
        vendor.answer = answer or vendor.answer
    with clock.use(StillClock(datetime.now(UTC))):
        sms = SmsChannel(vendors, [], sign="", timeout_s=2)
        for _ in range(rounds):
            answer = await outcome(sms, a_delivery(severity=severity, tries=tries))
            stopped = RefusalKind.CONTACT in answers or (
                RefusalKind.UNKNOWN in answers and tries < TRIES_BEFORE_DOUBLING[severity]
            )
            if isinstance(answer, Receipt):
                taken = vendors[int(str(answer.surface["vendor"])[1:])]
                assert answers[vendors.index(taken)] is None
                assert taken.name not in str(answer.surface.get("after", ""))
                continue
            assert stopped or None not in answers  # else somebody would have taken it
            assert answer.contact_is_dead <= (RefusalKind.CONTACT in answers)
            assert stopped or all(f"{vendor.name}: " in answer.reason for vendor in vendors)
            if not stopped:
                assert answer.permanent >= all(each in PERMANENT for each in answers)
                assert answer.permanent <= all(each in PERMANENT | {RefusalKind.UNKNOWN} for each in answers)


async def outcome(sms: SmsChannel, delivery: Delivery) -> Receipt | Refusal:
    try:
        return await sms.send(delivery)
    except Refusal as refusal:
        return refusal
