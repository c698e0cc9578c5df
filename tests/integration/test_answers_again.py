"""Answers that carriers bring twice or late: nothing that was decided since moves."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.answering import Did, by_key, by_reply
from backend.alarms.escalating import escalate
from backend.alarms.service import judge
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.ids import AlarmId, PersonId
from backend.core.vocabulary import Channel, Verdict, Via
from backend.people.queries import person
from tests.integration.test_carrier_answers import PHONE, acknowledged, phone, told

__all__ = ["phone"]
pytestmark = pytest.mark.told_apart
Add = Callable[..., Awaitable[UUID]]


async def verdicts() -> list[str | None]:
    return [row["verdict"] for row in await fetch("select verdict from alarms order by number")]


async def test_a_key_2_that_the_carrier_tells_once_more_does_not_undo_a_real_fire(
    door: Any, phone: str, add_person: Add
) -> None:
    number = await told(door, Channel.VOICE)
    desk = await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None)))
    assert (await by_key(number, "2", phone=PHONE)).did is Did.JUDGED  # VoiceCallReport, during the call
    row = await fetch_one("select id from alarms")
    assert row is not None
    await judge(desk, AlarmId(row["id"]), Verdict.REAL, Via.CONSOLE)
    await by_key(number, "2", phone=PHONE)  # VoiceReport, after the call: the same key
    assert await verdicts() == ["real"]


async def test_a_reply_of_2_that_the_carrier_tells_once_more_does_not_undo_a_real_fire(
    door: Any, phone: str, add_person: Add
) -> None:
    await told(door, Channel.SMS)
    desk = await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None)))
    sent_at = clock.now()
    assert (await by_reply(PHONE, "2", at=sent_at)).did is Did.JUDGED
    row = await fetch_one("select id from alarms")
    assert row is not None
    await judge(desk, AlarmId(row["id"]), Verdict.REAL, Via.CONSOLE)
    await by_reply(PHONE, "2", at=sent_at)
    assert await verdicts() == ["real"]


async def test_a_key_1_that_the_carrier_tells_once_more_does_not_answer_for_the_next_round(
    door: Any, phone: str
) -> None:
    number = await told(door, Channel.VOICE)
    with clock.use(StillClock(clock.now())) as still:
        await by_key(number, "1", phone=PHONE)
        still.advance(timedelta(minutes=5, seconds=1))
        assert await escalate() == 1
        (before,) = await fetch("select state, due_at from escalations")
        assert before["state"] == "running"
        still.advance(timedelta(seconds=5))
        await by_key(number, "1", phone=PHONE)  # the report of the first call, which the carrier sends again
    assert await fetch("select state, due_at from escalations") == [before]


async def test_a_reply_that_the_carrier_brings_twice_does_not_answer_for_the_next_alarm(door: Any, phone: str) -> None:
    await told(door, Channel.SMS, address="0a000200")
    sent_at = clock.now()
    await by_reply(PHONE, "1", at=sent_at)
    await execute("update alarms set verdict = 'real', closed_at = now(), cleared_at = now()")
    await told(door, Channel.SMS, address="0b000200")
    await by_reply(PHONE, "1", at=sent_at)
    assert await acknowledged() == [("sms", 1)]


async def test_a_reply_that_the_carrier_brings_twice_does_not_answer_for_the_next_round(door: Any, phone: str) -> None:
    await told(door, Channel.SMS)
    with clock.use(StillClock(clock.now())) as still:
        sent_at = clock.now()
        await by_reply(PHONE, "1", at=sent_at)
        still.advance(timedelta(minutes=5, seconds=1))
        assert await escalate() == 1
        await execute("update attempts set state = 'sending', t4 = now() where state = 'pending'")
        (before,) = await fetch("select state, due_at from escalations")
        still.advance(timedelta(seconds=5))
        await by_reply(PHONE, "1", at=sent_at)
        assert await fetch("select state, due_at from escalations") == [before]
        await by_reply(PHONE, "1", at=clock.now())  # said anew, and meant
    assert [row["state"] for row in await fetch("select state from escalations")] == ["held"]
