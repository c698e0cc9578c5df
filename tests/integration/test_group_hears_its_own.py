"""A unit's group hears of its unit alone, whatever the one who asks may see, and under whichever number it has."""

from uuid import UUID

import pytest

from backend.chat.model import Heard, Speaker
from backend.chat.service import Conversation
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import UnitId, new_id
from backend.core.vocabulary import Channel, Via
from backend.people import groups
from backend.people.model import Person
from backend.work_orders.chat import WORK_ORDERS
from backend.work_orders.opening import Opening, open_order
from tests.integration.test_masks import manager, points
from tests.integration.test_work_orders import desk, opened

__all__ = ["desk", "manager", "points"]


@pytest.mark.parametrize("words", ["工单 全部", "工单", "工单 {number}"])
async def test_a_group_is_not_shown_another_units_orders(
    points: dict[str, UUID], manager: Person, desk: Person, words: str
) -> None:
    theirs = await opened(points, manager)
    other = UnitId(new_id())
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1, 'u2', '别家', '', 'UTC', $2)",
        other,
        clock.now(),
    )
    await open_order(desk, Opening(unit=other, what="自己的事", needs=()), Via.PHONE)
    group = Speaker(person=desk, via=Via.TELEGRAM, chat="-1", group_unit=other, is_group=True)
    said = await Conversation((WORK_ORDERS,)).hear(group, Heard(text=words.format(number=theirs.number)))
    text = "\n".join(line for each in said for line in (*each.lines, each.brief))
    assert f"#{theirs.number} " not in text
    assert "示范大厦" not in text
    assert ("#2" in text) == (words in {"工单 全部", "工单"})


@pytest.mark.parametrize("is_left_first", [True, False])
async def test_a_group_that_got_a_new_number_is_told_whichever_word_of_it_came_first(
    points: dict[str, UUID], manager: Person, *, is_left_first: bool
) -> None:
    """Telegram says both: that the bot is out of the old group, and that the group has another number."""
    telegram = Channel.TELEGRAM
    bound = await groups.bind_group(manager, UnitId(points["unit"]), telegram, "-5", "", "班组")
    if is_left_first:
        await groups.mark_group(telegram, "-5", is_well=False)
    assert await groups.group_moved(telegram, "-5", "-100500")
    await groups.mark_group(telegram, "-5", is_well=False)
    (way,) = await fetch("select address, failing_since from contact_points where person = $1", bound.person)
    assert way == {"address": "-100500", "failing_since": None}
