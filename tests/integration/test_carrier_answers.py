"""What comes back by way of a telephone carrier: keys, replies, receipts; only the phone's owner, nothing twice."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import msgspec
import pytest

from backend.alarms.answering import Did, by_key, by_reply
from backend.alarms.escalating import escalate
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.ids import new_id
from backend.core.vocabulary import Channel, Severity
from backend.delivery.carrier_codes import short_code
from backend.delivery.carrier_words import CarrierSaid, Said, carrier_said, number_of, settle_early_words
from backend.delivery.outcomes import Outcome, OutcomeKind, write_outcomes
from backend.monitoring.model import Level, StateSaid, Subject

pytestmark = pytest.mark.told_apart

FIRE, FAULT = 1 << 1, 1 << 2
PHONE = "+8613800000001"
Add = Callable[..., Awaitable[UUID]]


def point(address: str) -> Subject:
    return Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address=address)


@pytest.fixture
async def phone(unit: dict[str, UUID]) -> str:
    """王经理 is reached by SMS and by telephone too."""
    for channel in (Channel.SMS, Channel.VOICE):
        await execute(
            """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
               values ($1, $2, $3, $4, 1, now(), now())""",
            new_id(), unit["manager"], channel, PHONE,
        )  # fmt: skip
    return PHONE


async def told(door: Any, channel: Channel, *, address: str = "0a000200", state: int = FIRE) -> int:
    """An alarm was raised and its carrier took the attempt; answers the attempt's short number."""
    before = await fetch_one("select coalesce(max(number), 0) as number from attempts")
    assert before is not None
    await door.hears(StateSaid(subject=point(address), state=state))
    await execute("update attempts set state = 'sending' where number > $1", before["number"])
    await execute(
        """update attempts set state = 'accepted', t4 = now(), t5 = now(),
             surface = jsonb_build_object('vendor', 'aliyun', 'id', 'biz-' || number) where number > $1""",
        before["number"],
    )
    row = await fetch_one(
        "select number from attempts where number > $1 and channel = $2", before["number"], str(channel)
    )
    assert row is not None
    return int(row["number"])


async def acknowledged() -> list[tuple[str, int]]:
    return [
        (row["via"], row["number"])
        for row in await fetch("select k.via, a.number from acknowledgements k join alarms a on a.id = k.alarm")
    ]


async def test_a_reply_of_1_to_the_sms_acknowledges_and_stamps_the_answer(door: Any, phone: str) -> None:
    number = await told(door, Channel.SMS)
    answer = await by_reply("13800000001", "1")
    assert answer.did is Did.ACKNOWLEDGED
    assert "已确认" in answer.sentence
    assert await acknowledged() == [("sms", 1)]
    row = await fetch_one("select t6, t7 from attempts where number = $1", number)
    assert row is not None
    assert row["t6"] is not None
    assert row["t7"] is not None


async def test_key_1_during_the_call_acknowledges_once_however_often_it_is_told(door: Any, phone: str) -> None:
    number = await told(door, Channel.VOICE)
    dids = [(await by_key(number, "1", phone="13800000001")).did for _ in range(3)]
    assert dids == [Did.ACKNOWLEDGED] * 3
    assert await acknowledged() == [("voice", 1)]
    assert len(await fetch("select 1 from receipts where kind = 'key'")) == 1


async def test_key_1_during_the_call_stops_the_escalation_until_a_verdict_is_due(door: Any, phone: str) -> None:
    number = await told(door, Channel.VOICE)
    with clock.use(StillClock(clock.now())) as still:
        await by_key(number, "1", phone="13800000001")
        before = await fetch("select count(*) as n from attempts")
        still.advance(timedelta(minutes=4))
        assert await escalate() == 0
        assert await fetch("select count(*) as n from attempts") == before
        assert [row["state"] for row in await fetch("select state from escalations")] == ["held"]
        still.advance(timedelta(minutes=2))
        assert await escalate() == 1, "five minutes without a verdict: it starts again"


async def test_without_an_answer_to_the_call_the_next_step_comes(door: Any, phone: str) -> None:
    await told(door, Channel.VOICE)
    with clock.use(StillClock(clock.now())) as still:
        still.advance(timedelta(minutes=4))
        assert await escalate() == 1


async def test_key_2_records_a_false_alarm_by_that_person(door: Any, phone: str, unit: dict[str, UUID]) -> None:
    number = await told(door, Channel.VOICE)
    assert (await by_key(number, "2")).did is Did.JUDGED
    row = await fetch_one("select verdict, verdict_by, verdict_via from alarms")
    assert row == {"verdict": "false", "verdict_by": unit["manager"], "verdict_via": "voice"}
    assert await acknowledged() == [("voice", 1)]


async def test_who_may_not_judge_is_recorded_as_knowing_only(
    door: Any, unit: dict[str, UUID], phone: str, add_person: Add
) -> None:
    await add_person("bao", "包维保", "maintainer", unit["unit"], sms="+8613900000002")
    await told(door, Channel.SMS)
    answer = await by_reply("13900000002", "2")
    assert answer.did is Did.ACKNOWLEDGED
    assert await fetch("select 1 from alarms where verdict is not null") == []
    assert await acknowledged() == [("sms", 1)]


async def test_key_3_tells_the_duty_desk_at_once_and_only_once(door: Any, phone: str, add_person: Add) -> None:
    await add_person("desk", "值班员", "provider_operator", None, app="desk", telegram="5")
    number = await told(door, Channel.VOICE)
    for _ in range(2):
        assert (await by_key(number, "3")).did is Did.CALLED_DESK
    rows = await fetch(
        """select p.code, a.channel from attempts a join notices n on n.id = a.notice join people p on p.id = a.person
           where n.kind = 'desk' order by a.channel"""
    )
    assert [(row["code"], row["channel"]) for row in rows] == [("desk", "app"), ("desk", "telegram")]
    assert len(await fetch("select 1 from alarm_entries where kind = 'desk_called'")) == 1
    assert await acknowledged() == []


async def test_the_star_only_asks_to_hear_it_again(door: Any, phone: str) -> None:
    assert (await by_key(await told(door, Channel.VOICE), "*")).did is Did.AGAIN
    assert await acknowledged() == []


async def test_with_two_open_alarms_a_bare_1_does_nothing_and_says_which_codes_there_are(door: Any, phone: str) -> None:
    first = await told(door, Channel.SMS)
    second = await told(door, Channel.SMS, address="0a000300")
    answer = await by_reply(phone, "1")
    assert answer.did is Did.AMBIGUOUS
    assert short_code(first) in answer.sentence
    assert short_code(second) in answer.sentence
    assert await acknowledged() == []
    assert (await by_reply(phone, f"1 {short_code(first)}")).did is Did.ACKNOWLEDGED
    assert await acknowledged() == [("sms", 1)]
    assert (await by_reply(phone, "1")).did is Did.ACKNOWLEDGED, "only one waits now"
    assert sorted(await acknowledged()) == [("sms", 1), ("sms", 2)]


async def test_the_destinations_last_digits_name_the_message_that_is_answered(door: Any, phone: str) -> None:
    first = await told(door, Channel.SMS)
    await told(door, Channel.SMS, address="0a000300")
    assert (await by_reply(phone, "1", extend=f"1069055{first:04d}")).did is Did.ACKNOWLEDGED
    assert await acknowledged() == [("sms", 1)]


async def test_another_telephone_can_neither_use_a_code_nor_a_call(door: Any, phone: str) -> None:
    sms, call = await told(door, Channel.SMS), await told(door, Channel.VOICE, address="0a000300")
    assert (await by_reply("13911112222", f"1 {short_code(sms)}")).did is Did.UNKNOWN
    assert (await by_key(call, "1", phone="13911112222")).did is Did.UNKNOWN
    assert (await by_key(sms, "1")).did is Did.UNKNOWN, "that attempt was no call"
    assert await acknowledged() == []


async def test_a_number_that_is_the_persons_no_longer_speaks_for_nobody(door: Any, phone: str) -> None:
    await told(door, Channel.SMS)
    await execute("update attempts set contact_point = null")
    await execute("delete from contact_points where channel = 'sms'")
    assert (await by_reply(phone, "1")).did is Did.UNKNOWN
    assert await acknowledged() == []


async def test_other_words_are_recorded_and_change_nothing(door: Any, phone: str) -> None:
    await told(door, Channel.SMS)
    strange = ["退订", "你好", "11", "", "1 ZZZZZZZZZZZZZ", "\ud800", "\x00", "9" * 500]
    for words in strange:
        assert (await by_reply(phone, words)).did in {Did.UNDERSTOOD_NOT, Did.UNKNOWN}
        assert (await by_key(1, words, phone=words)).did is Did.UNKNOWN
    rows = await fetch("select facts from ledger where kind = 'action'")
    assert sum("answer.not_used" in row["facts"] for row in rows) == 2 * len(strange)
    assert await acknowledged() == []


def word(about: int, said: Said, code: str = "", **more: Any) -> CarrierSaid:
    return CarrierSaid(vendor="aliyun", id=f"biz-{about}", said=said, code=code, **more)


async def attempt(number: int) -> dict[str, Any]:
    row = await fetch_one("select state, t6, t5, why from attempts where number = $1", number)
    assert row is not None
    return row


async def test_a_receipt_stamps_the_delivery_once(door: Any, phone: str) -> None:
    number = await told(door, Channel.SMS)
    delivered = word(number, Said.DELIVERED, "DELIVERED", phone="13800000001", number=number)
    assert [await carrier_said(delivered) for _ in range(3)] == [True, False, False]
    assert len(await fetch("select 1 from receipts where kind = 'delivered'")) == 1
    assert (await attempt(number))["t6"] is not None


async def test_receipts_in_any_order_leave_the_same_attempt(door: Any, phone: str) -> None:
    for index, order in enumerate(permutations(("delivered", "undelivered", "delivered", "other"))):
        number = await told(door, Channel.SMS, address=f"0a0003{index:02x}")
        kinds = {
            "delivered": word(number, Said.DELIVERED),
            "undelivered": word(number, Said.UNDELIVERED, "MI:0001", reason="关机"),
            "other": word(number, Said.UNDELIVERED, "MI:0002", reason="停机"),
        }
        for each in order:
            await carrier_said(kinds[each])
        row = await attempt(number)
        assert (row["state"], row["t6"] is not None, row["why"]) == ("accepted", True, None)
    assert len(await fetch("select 1 from receipts where kind = 'undelivered'")) == 48


async def test_no_receipt_moves_an_attempt_whatever_state_it_is_in(door: Any, phone: str) -> None:
    await door.hears(StateSaid(subject=point("0a000200"), state=FIRE))
    row = await fetch_one("select number from attempts where channel = 'sms'")
    assert row is not None
    for index, state in enumerate(("pending", "sending", "pending", "sending", "refused")):
        await execute("update attempts set state = $2 where number = $1", row["number"], state)
        for said in (Said.UNDELIVERED, Said.DELIVERED):
            assert await carrier_said(word(row["number"], said, str(index), number=row["number"]))
        assert (await attempt(row["number"]))["state"] == state
    assert (await attempt(row["number"]))["t6"] is not None


async def test_a_number_the_carrier_calls_bad_is_marked_for_whoever_can_mend_it(door: Any, phone: str) -> None:
    number = await told(door, Channel.SMS)
    bad = word(number, Said.UNDELIVERED, "MOBILE_NOT_ON_SERVICE", reason="空号", contact_is_dead=True)
    assert await carrier_said(bad)
    row = await fetch_one("select failure from contact_points where channel = 'sms'")
    assert row == {"failure": "空号"}
    assert (await attempt(number)) | {"t5": None} == {"state": "accepted", "t5": None, "t6": None, "why": "空号"}


async def test_a_receipt_about_another_telephone_or_nothing_of_ours_changes_nothing(door: Any, phone: str) -> None:
    number = await told(door, Channel.SMS)
    await carrier_said(word(number, Said.DELIVERED, number=number, phone="13911112222"))
    await carrier_said(CarrierSaid(vendor="aliyun", id="nobody's", said=Said.DELIVERED))
    assert not await carrier_said(CarrierSaid(vendor="aliyun", said=Said.DELIVERED))
    assert (await attempt(number))["t6"] is None


async def test_a_receipt_that_comes_before_our_own_outcome_waits_for_it(door: Any, phone: str) -> None:
    await door.hears(StateSaid(subject=point("0a000200"), state=FIRE))
    await execute("update attempts set state = 'sending' where channel = 'sms'")
    row = await fetch_one("select id, notice, number, person, address from attempts where channel = 'sms'")
    assert row is not None
    early = CarrierSaid(vendor="tencent", id="2019:1", said=Said.DELIVERED, phone="13800000001")
    assert [await carrier_said(early) for _ in range(2)] == [True, False]
    assert await settle_early_words() == 0
    now = (await fetch("select now() as now"))[0]["now"]
    outcome = Outcome(
        attempt=row["id"], notice=row["notice"], person=row["person"], channel=Channel.SMS, address=row["address"],
        severity=Severity.FIRE, t0=now, refusal=None, kind=OutcomeKind.ACCEPTED, at=now, t4=now,
        tries=1, revision=0, deadline_at=None,
        surface={"vendor": "tencent", "id": "2019:1"}, reason=None, retry_after_s=None, is_permanent=False,
        contact_is_dead=False, holds_channel=False, redraw_claim=None,
    )  # fmt: skip
    await write_outcomes([outcome])
    assert await number_of("tencent", "2019:1") == row["number"]
    assert await settle_early_words() == 1
    assert (await attempt(row["number"]))["t6"] is not None
    assert await settle_early_words() == 0
    facts = msgspec.json.decode((await fetch("select facts from receipts where kind = 'delivered'"))[0]["facts"])
    assert facts["vendor"] == "tencent"


async def test_a_number_stays_failing_until_a_receipt_shows_that_it_works(door: Any, phone: str) -> None:
    first, second = await told(door, Channel.SMS), await told(door, Channel.SMS, address="0a000300")
    await carrier_said(word(first, Said.UNDELIVERED, "空号", reason="空号", contact_is_dead=True))
    assert (await fetch_one("select failure from contact_points where channel = 'sms'")) == {"failure": "空号"}
    await carrier_said(word(second, Said.DELIVERED))
    assert (await fetch_one("select failure from contact_points where channel = 'sms'")) == {"failure": None}
