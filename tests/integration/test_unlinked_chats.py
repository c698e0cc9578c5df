"""A chat that was unlinked shows nothing more of its former person's alarms: no late card, and no card drawn again."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.service import acknowledge
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AttemptId, PersonId, UnitId
from backend.core.vocabulary import Channel, Role, Via
from backend.delivery.carry import Carrier
from backend.delivery.reasons import sentence
from backend.people import service as people
from tests.integration.test_auditor import Carriers
from tests.integration.test_reaching import Crew, crew, raised, still

__all__ = ["crew", "still"]
pytestmark = pytest.mark.told_apart


@pytest.fixture
async def linked(crew: Crew) -> None:
    """王经理's chat was linked by a code, as 100001."""
    code = await people.new_code(crew.manager.id, "telegram")
    await people.link_chat(code, Channel.TELEGRAM, "77", "100001")


async def carry(*, redraws: bool = False) -> list[str]:
    """What the workers do by Telegram; the addresses that a message or an edit went to."""
    telegram = Carriers(Channel.TELEGRAM)
    hands = Carrier("worker-1", {Channel.TELEGRAM: telegram}, timeout_s=2, concurrency=4)
    await hands.start()
    rows = await fetch("select id from attempts where channel = 'telegram'")
    await (hands.redraw if redraws else hands.carry)([AttemptId(row["id"]) for row in rows])
    await hands.stop()
    return sorted(each.address for each in telegram.sent)


@pytest.mark.usefixtures("linked")
async def test_a_message_that_waited_while_its_chat_was_unlinked_does_not_go_there(
    door: Any, still: StillClock
) -> None:
    await raised(door)
    await execute("update attempts set due_at = due_at + interval '60 seconds' where address = '100001'")
    await people.unlink_chat(Channel.TELEGRAM, "77")
    still.advance(timedelta(seconds=61))
    assert await carry() == ["100002"]
    (row,) = await fetch("select state, why from attempts where address = '100001'")
    assert (row["state"], sentence(row["why"], "zh_CN")) == ("skipped", "该账号已解除绑定")


@pytest.mark.usefixtures("linked")
async def test_a_card_in_an_unlinked_chat_is_not_drawn_again_and_the_others_are(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    assert await carry() == ["100001", "100002"]
    await people.unlink_chat(Channel.TELEGRAM, "77")
    still.advance(timedelta(seconds=5))
    await acknowledge(crew.guard, alarm, Via.TELEGRAM)
    assert await carry(redraws=True) == ["100002"]
    assert await fetch("select 1 from attempts where redraw_at is not null and channel = 'telegram'") == []


@pytest.mark.usefixtures("linked")
async def test_a_chat_that_is_linked_again_is_written_to_again(door: Any, crew: Crew, still: StillClock) -> None:
    await people.unlink_chat(Channel.TELEGRAM, "77")
    code = await people.new_code(crew.manager.id, "telegram")
    await people.link_chat(code, Channel.TELEGRAM, "77", "100001")
    still.advance(timedelta(seconds=1))
    await raised(door)
    assert "100001" in await carry()


async def test_who_has_no_role_there_any_more_does_not_see_what_becomes_of_the_alarm(
    door: Any, crew: Crew, unit: dict[str, UUID], still: StillClock
) -> None:
    alarm = await raised(door)
    await carry()
    await people.revoke(PersonId(crew.manager.id), Role.UNIT_MANAGER, UnitId(unit["unit"]))
    still.advance(timedelta(seconds=5))
    await acknowledge(crew.guard, alarm, Via.TELEGRAM)
    assert clock.now()
    assert await carry(redraws=True) == ["100002"]
