"""A photo sent with words is kept with what it shows, or its sender is told that it is not."""

from uuid import UUID

from backend.chat.service import Conversation
from backend.core.db.engine import fetch
from backend.evidence.service import evidence_of
from backend.people.model import Person
from backend.work_orders.chat import WORK_ORDERS
from tests.integration.test_complaints import Town, still, town
from tests.integration.test_complaints_in_chat import Chat as ComplaintChat
from tests.integration.test_complaints_in_chat import photo
from tests.integration.test_masks import manager, points
from tests.integration.test_work_orders_in_chat import Chat

__all__ = ["manager", "points", "still", "town"]


async def test_a_repair_reported_with_a_picture_has_the_picture(points: dict[str, UUID], manager: Person) -> None:
    chat = Chat(manager, Conversation([WORK_ORDERS]))
    await chat.says("报修")
    assert "在什么位置" in await chat.says("水泵漏水", media=(photo(),))
    assert "已报修" in await chat.says("地下一层")
    (row,) = await fetch("select id from work_orders")
    assert len(await evidence_of("work_order", row["id"])) == 1


async def test_who_sends_a_photo_where_only_words_are_noted_is_told_so(town: Town) -> None:
    chat = ComplaintChat(town.wang)
    await chat.says("投诉")
    await chat.presses("人员投诉")
    said = await chat.says("夜班那位", photo())
    assert "附件没有保存" in said
    assert "请说明情况" in said
    assert "附件没有保存" not in await chat.says("态度不好", photo())
