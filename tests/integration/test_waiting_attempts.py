"""What waits to be sent is looked at again when its turn comes: who it is for, and whether it is still so."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.service import judge
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AttemptId, PersonId, UnitId, new_id
from backend.core.vocabulary import Channel, Role, Verdict, Via
from backend.delivery.carry import Carrier
from backend.delivery.reasons import sentence
from backend.people.service import deactivate, revoke
from tests.integration.test_auditor import Carriers
from tests.integration.test_reaching import Crew, crew, raised, still

__all__ = ["crew", "still"]
pytestmark = pytest.mark.told_apart


@pytest.fixture
async def waits(unit: dict[str, UUID]) -> None:
    """王经理 has a telephone too."""
    await execute(
        """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
           values ($1, $2, 'sms', '+8613800000001', 1, now(), now())""",
        new_id(),
        unit["manager"],
    )


async def held_back() -> None:
    """The carrier's limit lets the text go in a minute."""
    await execute("update attempts set due_at = due_at + interval '60 seconds' where channel = 'sms'")


async def sent(still: StillClock) -> tuple[int, list[tuple[str, str]]]:
    """What the carrier got a minute later, and how the attempts stand."""
    still.advance(timedelta(seconds=61))
    sms = Carriers(Channel.SMS)
    hands = Carrier("worker-1", {Channel.SMS: sms}, timeout_s=2, concurrency=4)
    await hands.start()
    rows = await fetch("select id from attempts where channel = 'sms' and state = 'pending'")
    await hands.carry([AttemptId(row["id"]) for row in rows])
    await hands.stop()
    rows = await fetch("select state, why from attempts where channel = 'sms'")
    return len(sms.sent), [(row["state"], sentence(row["why"], "zh_CN")) for row in rows]


@pytest.mark.usefixtures("waits")
async def test_who_left_while_a_message_waited_does_not_get_it(door: Any, crew: Crew, still: StillClock) -> None:
    await raised(door)
    await held_back()
    await deactivate(crew.manager.id)
    assert await sent(still) == (0, [("skipped", "该人员已不在岗")])


@pytest.mark.usefixtures("waits")
async def test_whose_role_was_taken_back_while_a_message_waited_does_not_get_it(
    door: Any, crew: Crew, still: StillClock
) -> None:
    await raised(door)
    await held_back()
    await revoke(PersonId(crew.manager.id), Role.UNIT_MANAGER, UnitId(crew.unit))
    assert await sent(still) == (0, [("skipped", "该人员已不在岗")])


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize(("verdict", "texts"), [(Verdict.FALSE, 0), (Verdict.REAL, 1)])
async def test_a_false_alarm_is_not_texted_as_a_fire_a_minute_later_and_a_real_one_is(
    door: Any, crew: Crew, still: StillClock, verdict: Verdict, texts: int
) -> None:
    alarm = await raised(door)
    await held_back()
    await judge(crew.guard, alarm, verdict, Via.PHONE)
    count, _ = await sent(still)
    assert count == texts
