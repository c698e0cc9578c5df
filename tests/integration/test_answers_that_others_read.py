"""Answers that others read: in a card that hangs before several people, and in another language."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from backend.alarms.queries import history_for
from backend.chat.model import Heard, Speaker
from backend.chat.service import Conversation
from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId, PersonId, UnitId
from backend.core.vocabulary import Channel, Via
from backend.delivery.model import Verb
from backend.people import queries as people
from backend.people.groups import bind_group
from backend.people.model import Person
from backend.talks import TALKS
from tests.integration.test_chat_alarms import Chat, fire, li, outsider, wang

__all__ = ["fire", "li", "outsider", "wang"]
CHAT = Conversation(TALKS)


async def test_who_else_knows_says_so_while_a_groups_card_asks_for_the_second_tap(
    fire: AlarmId, wang: Person, li: Person, unit: dict[str, UUID]
) -> None:
    """Somebody tapped 真实火警 and went away: of the card in the group only that question was left."""
    there = {"via": Via.TELEGRAM, "chat": "-7", "group_unit": UnitId(unit["unit"]), "is_group": True}
    (asked,) = await CHAT.press(Speaker(person=wang, **there), Verb.VERDICT_REAL, fire, "")
    verbs = [key.verb for row in asked.keys for key in row]
    assert verbs == [Verb.VERDICT_REAL, Verb.ACKNOWLEDGE, "back"]
    known = asked.keys[1][0]
    (said,) = await CHAT.press(Speaker(person=li, **there), known.verb, known.about, known.argument)
    assert "已确认" in said.brief
    (row,) = await fetch("select person from acknowledgements")
    assert row["person"] == li.id


async def test_a_groups_card_keeps_its_language_whoever_taps(
    fire: AlarmId, wang: Person, unit: dict[str, UUID]
) -> None:
    here = UnitId(unit["unit"])
    await bind_group(wang, here, Channel.TELEGRAM, "-100", "7", "班组")
    await execute("update people set language = 'en' where id = $1", wang.id)
    anna = Speaker(
        person=await people.person(PersonId(wang.id)), via=Via.TELEGRAM, chat="-100/7", language="en",
        group_unit=here, is_group=True,
    )  # fmt: skip
    (asked,) = await CHAT.press(anna, Verb.VERDICT_REAL, fire, "")
    assert asked.brief == "Tap once more to confirm: Real fire"
    assert [key.label for row in asked.keys for key in row] == ["❗ 再点一次确认：真实火警", "我已知晓", "↩ 返回"]
    (back,) = await CHAT.press(anna, "back", fire, "")
    assert back.brief.isascii(), "what pops up is for who tapped alone"
    assert back.keys[0][0].label == "我已知晓"


async def test_a_reason_of_a_key_is_read_in_each_ones_language(fire: AlarmId, wang: Person, li: Person) -> None:
    await execute("update people set language = 'en' where id = $1", wang.id)
    anna = Speaker(person=await people.person(PersonId(wang.id)), via=Via.TELEGRAM, chat="1", language="en")
    (why,) = await CHAT.press(anna, Verb.VERDICT_FALSE, fire, "")
    key = next(key for row in why.keys for key in row if key.label == "Kitchen fumes, cooking")
    await CHAT.press(anna, key.verb, key.about, key.argument)
    (proof,) = await CHAT.hear(anna, Heard(text="in the canteen"))
    done = proof.keys[0][0]
    (judged,) = await CHAT.press(anna, done.verb, done.about, done.argument)
    assert judged.lines[1] == "Kitchen fumes, cooking in the canteen"
    english = " ".join(line.text for line in await history_for(anna.person, fire, "en"))
    assert "Kitchen fumes, cooking in the canteen" in english
    assert "厨房油烟、烹饪 in the canteen" in " ".join(line.text for line in await history_for(li, fire, "zh_CN"))


async def test_who_has_no_colleague_to_speak_for_is_asked_nothing(
    fire: AlarmId, wang: Person, add_person: Callable[..., Awaitable[UUID]], unit: dict[str, Any]
) -> None:
    chat = Chat(wang)
    assert "所有同事都已确认" in await chat.press("a-for", fire)
    assert await fetch("select 1 from chat_drafts") == []
    await add_person("zhou", "周", "unit_duty", unit["unit"], app="zhou")
    assert "替哪位同事" in await chat.press("a-for", fire)


async def test_who_may_not_look_there_gives_no_all_clear_in_a_burning_units_group(
    fire: AlarmId, outsider: Person, unit: dict[str, UUID]
) -> None:
    """Their own unit is quiet; what everybody in the group reads is that nothing burns."""
    assert fire
    there = Speaker(
        person=outsider, via=Via.TELEGRAM, chat="-7", group_unit=UnitId(unit["unit"]), is_group=True, by_reply=True
    )
    for words in ("/alarms", "/ack_all", "/status", "/today", "/week", "/offline", "/masks", "/orders all"):
        (said,) = await CHAT.hear(there, Heard(text=words))
        assert "权限" in said.lines[0] or "没有这个单位" in said.lines[0] or "没有找到" in said.lines[0], (words, said)


async def test_a_note_too_long_to_be_kept_whole_is_not_cut_in_silence(fire: AlarmId, wang: Person) -> None:
    here = Speaker(person=wang, via=Via.TELEGRAM, chat="1")
    (said,) = await CHAT.hear(here, Heard(text="长" * 1001, about=("alarm", fire)))
    assert "最多 1000 字" in said.lines[0]
    (said,) = await CHAT.hear(here, Heard(text="长" * 1000, about=("alarm", fire)))
    assert "已记入" in said.lines[0]
    assert "长" * 1000 in " ".join(line.text for line in await history_for(wang, fire, "zh_CN"))
