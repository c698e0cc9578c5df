"""Alarms in chat on the real database and over a Bot API server: reasons, photos, undo, colleagues, notes, several."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
import pytest

from backend.alarms.chat import ALARMS
from backend.alarms.colleagues import acknowledge_for, acknowledge_together, note
from backend.alarms.model import NoSuchAlarm, TooLate
from backend.alarms.queries import alarm_for, card_for, history_for
from backend.alarms.service import acknowledge, judge
from backend.alarms.undoing import undo_acknowledgement, undo_verdict
from backend.chat.model import Heard, Media, MediaKind, Saying, Speaker
from backend.chat.service import Conversation
from backend.core import clock
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.errors import BadInput, Conflict, NotAllowed
from backend.core.ids import AlarmId, PersonId, UnitId, new_id
from backend.core.vocabulary import Verdict, Via
from backend.evidence.service import evidence_of
from backend.ledger.verify import verify
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people import queries as people
from backend.people.model import Person

PHOTO: Final = b"\xff\xd8\xff\xe0" + bytes(100)
_FIRE, _FAULT = 1 << 1, 1 << 2


def smoke(number: int) -> Subject:
    address = f"0a0002{number:02x}"
    return Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address=address)


@pytest.fixture
async def wang(unit: dict[str, UUID]) -> Person:
    return await people.person(PersonId(unit["manager"]))


@pytest.fixture
async def li(unit: dict[str, UUID], add_person: Callable[..., Awaitable[UUID]]) -> Person:
    return await people.person(PersonId(await add_person("li", "李值班", "unit_duty", unit["unit"], app="li")))


@pytest.fixture
async def outsider(add_person: Callable[..., Awaitable[UUID]], database: str) -> Person:
    assert database
    other = new_id()
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1,'u2','别家','','UTC',$2)",
        other,
        clock.now(),
    )
    return await people.person(PersonId(await add_person("zhao", "赵", "unit_manager", other, app="zhao")))


@pytest.fixture
async def fire(door: Any) -> AlarmId:
    await door.hears(StateSaid(subject=smoke(1), state=_FIRE))
    (row,) = await fetch("select id from alarms")
    return AlarmId(row["id"])


def at(moment: datetime) -> Any:
    return clock.use(clock.StillClock(moment))


async def escalations() -> list[tuple[str, str]]:
    rows = await fetch("select state, why from escalations order by id")
    return [(row["state"], row["why"]) for row in rows]


async def acts() -> list[str]:
    rows = await fetch("select facts from ledger where kind = 'action' order by seq")
    return [str(msgspec.json.decode(row["facts"])["what"]) for row in rows]


class Chat:
    """Somebody's chat with the real talk about alarms."""

    def __init__(self, person: Person, **more: Any) -> None:
        self.speaker = Speaker(person=person, via=Via.TELEGRAM, chat=str(person.id), **more)
        self.conversation = Conversation((ALARMS,))
        self.shown: list[Saying] = []

    async def press(self, verb: str, about: UUID | None, argument: str = "") -> str:
        return self._see(await self.conversation.press(self.speaker, verb, about, argument))

    async def tap(self, label: str) -> str:
        key = next(key for saying in reversed(self.shown) for row in saying.keys for key in row if label in key.label)
        return await self.press(key.verb, key.about, key.argument)

    async def write(self, text: str, *media: Media, about: tuple[str, UUID] | None = None) -> str:
        return self._see(await self.conversation.hear(self.speaker, Heard(text=text, media=media, about=about)))

    def _see(self, sayings: list[Saying]) -> str:
        self.shown += sayings
        return "\n".join(line for each in sayings for line in (*each.lines, each.brief) if line)


def a_photo(octets: bytes = PHOTO) -> Media:
    async def fetch_it() -> bytes:
        return octets

    return Media(kind=MediaKind.PHOTO, name="现场.jpg", declared_octets=len(octets), fetch=fetch_it)


async def test_a_false_alarm_takes_a_reason_and_a_photo_into_the_story_and_the_ledger(
    fire: AlarmId, wang: Person
) -> None:
    chat = Chat(wang)
    assert "误报的原因" in await chat.press("v-false", fire)
    await chat.tap("厨房油烟")
    assert "附件 1 件" in await chat.write("三楼", a_photo())
    assert (await alarm_for(wang, fire)).verdict is None
    assert "已记录：误报" in await chat.tap("记为误报")
    alarm = await alarm_for(wang, fire)
    assert alarm.verdict is Verdict.FALSE
    (piece,) = await evidence_of("alarm", fire)
    judged = await fetch_one("select facts from ledger where kind = 'action' order by seq desc limit 1")
    assert judged is not None
    facts = msgspec.json.decode(judged["facts"])
    assert (facts["what"], facts["note"]) == ("alarm.judged", "厨房油烟、烹饪 三楼")
    assert facts["evidence"][0]["sha256"] == piece.sha256
    story = " ".join(line.text for line in await history_for(wang, fire, "zh_CN"))
    assert "误报 · 厨房油烟、烹饪 三楼 · 附件 1 件" in story


async def test_what_is_no_photo_is_refused_and_the_question_stays(fire: AlarmId, wang: Person) -> None:
    chat = Chat(wang)
    await chat.press("v-false", fire)
    answer = await chat.write("", a_photo(b"MZ\x90"))
    assert "不是可用的照片" in answer
    assert "误报的原因" in answer
    assert await fetch("select 1 from evidence") == []


async def test_a_verdict_by_who_may_not_judge_is_refused_before_the_reason_is_asked(
    fire: AlarmId, unit: dict[str, UUID], add_person: Callable[..., Awaitable[UUID]], outsider: Person
) -> None:
    maintainer = await people.person(PersonId(await add_person("wx", "维保", "maintainer", unit["unit"], app="wx")))
    assert "没有进行此操作的权限" in await Chat(maintainer).press("v-false", fire)
    assert await Chat(outsider).press("v-false", fire) == "没有这条报警"
    assert await Chat(outsider).press("undo", fire, "ack") == "没有这条报警"
    assert await Chat(outsider).press("a-more", fire) == "没有这条报警"
    assert await Chat(outsider).press("desk", fire) == "没有这条报警"
    assert await Chat(outsider).write("备注", about=("alarm", fire)) == "没有这条报警"
    assert await fetch("select 1 from alarm_entries where kind <> 'raised'") == []


async def test_an_acknowledgement_is_taken_back_within_ten_seconds_and_the_notices_go_on(
    fire: AlarmId, wang: Person, li: Person
) -> None:
    now = clock.now()
    with at(now):
        await acknowledge(wang, fire, Via.TELEGRAM)
        await acknowledge(li, fire, Via.TELEGRAM)
    assert {state for state, _ in await escalations()} == {"held"}
    with at(now + timedelta(seconds=10)):
        await undo_acknowledgement(wang, fire, Via.TELEGRAM)
    alarm = await alarm_for(wang, fire)
    assert [each.name for each in alarm.known_by] == ["李值班"]
    assert alarm.acknowledged_at == now
    assert ("running", "undone") in await escalations(), "the manager must know of a fire, and does not"
    with at(now + timedelta(seconds=10)), pytest.raises(TooLate):
        await undo_acknowledgement(wang, fire, Via.TELEGRAM)
    with at(now + timedelta(seconds=11)), pytest.raises(TooLate):
        await undo_acknowledgement(li, fire, Via.TELEGRAM)
    assert (await acts())[-3:] == ["alarm.acknowledged", "alarm.acknowledged", "alarm.acknowledgement_undone"]
    with at(now + timedelta(seconds=12)):
        assert (await acknowledge(wang, fire, Via.TELEGRAM)).is_new, "it can be said again"


async def test_of_two_who_take_the_same_answer_back_at_once_one_does(fire: AlarmId, wang: Person) -> None:
    await acknowledge(wang, fire, Via.TELEGRAM)
    answers = await asyncio.gather(
        *(undo_acknowledgement(wang, fire, Via.TELEGRAM) for _ in range(2)), return_exceptions=True
    )
    assert sorted(isinstance(each, TooLate) for each in answers) == [False, True]
    assert (await alarm_for(wang, fire)).acknowledged_at is None


async def test_a_verdict_is_taken_back_and_what_it_ended_goes_on(fire: AlarmId, wang: Person, li: Person) -> None:
    now = clock.now()
    with at(now):
        await judge(wang, fire, Verdict.TEST, Via.TELEGRAM)
    assert {state for state, _ in await escalations()} == {"ended"}
    with at(now + timedelta(seconds=3)):
        with pytest.raises(TooLate):
            await undo_verdict(li, fire, Via.TELEGRAM)
        with pytest.raises(Conflict):
            await undo_acknowledgement(wang, fire, Via.TELEGRAM)
        await undo_verdict(wang, fire, Via.TELEGRAM)
    alarm = await alarm_for(wang, fire)
    assert (alarm.verdict, alarm.verdict_by, alarm.closed_at) == (None, None, None)
    assert [each.name for each in alarm.known_by] == ["王经理"]
    assert "ended" not in {state for state, _ in await escalations()}
    with at(now + timedelta(seconds=4)):
        await judge(wang, fire, Verdict.REAL, Via.TELEGRAM)
        await judge(wang, fire, Verdict.FALSE, Via.TELEGRAM)
        await undo_verdict(wang, fire, Via.TELEGRAM)
    assert (await alarm_for(wang, fire)).verdict is Verdict.REAL, "the verdict before it stands again"
    with at(now + timedelta(seconds=15)), pytest.raises(TooLate):
        await undo_verdict(wang, fire, Via.TELEGRAM)


async def test_a_verdict_that_closed_the_alarm_is_taken_back_and_it_is_open_again(
    door: Any, fire: AlarmId, wang: Person
) -> None:
    await door.hears(StateSaid(subject=smoke(1), state=0))
    await judge(wang, fire, Verdict.FALSE, Via.TELEGRAM)
    assert (await alarm_for(wang, fire)).closed_at is not None
    await undo_verdict(wang, fire, Via.TELEGRAM)
    alarm = await alarm_for(wang, fire)
    assert alarm.closed_at is None
    assert alarm.cleared_at is not None, "the signal has ended, whatever people say"


async def test_nothing_but_undoing_moves_an_alarm_back(fire: AlarmId, wang: Person) -> None:
    await judge(wang, fire, Verdict.FALSE, Via.TELEGRAM)
    with pytest.raises(Exception, match="move backwards"):
        await execute("update alarms set verdict = null where id = $1", fire)
    with pytest.raises(Exception, match="move backwards"):
        await execute("update alarms set undone = undone + 2, verdict = null where id = $1", fire)


async def test_an_old_acknowledgement_can_not_be_deleted_at_all(fire: AlarmId, wang: Person) -> None:
    with at(clock.now() - timedelta(minutes=2)):
        await acknowledge(wang, fire, Via.TELEGRAM)
    with pytest.raises(asyncpg.RestrictViolationError):
        await execute("delete from acknowledgements where alarm = $1", fire)


async def test_undo_is_offered_in_the_answer(fire: AlarmId, wang: Person) -> None:
    chat = Chat(wang)
    assert "已确认" in await chat.press("ack", fire)
    assert "已撤销" in await chat.tap("撤销")
    assert (await alarm_for(wang, fire)).known_by == ()
    await chat.press("v-test", fire)
    assert "已撤销" in await chat.tap("撤销")
    assert (await alarm_for(wang, fire)).verdict is None


async def test_a_colleagues_acknowledgement_is_recorded_with_who_recorded_it_and_why(
    fire: AlarmId, wang: Person, li: Person
) -> None:
    chat = Chat(wang)
    await chat.press("a-more", fire)
    await chat.tap("代同事确认")
    assert "李值班" in await chat.tap("李值班")
    assert "已代 李值班 记录" in await chat.write("电话告知，本人在现场")
    (known,) = (await alarm_for(wang, fire)).known_by
    assert (known.name, known.recorded_by) == ("李值班", "王经理")
    card = await card_for(wang, fire, "zh_CN")
    assert card.known_by[0].endswith("（王经理 代为记录）")
    story = " ".join(line.text for line in await history_for(wang, fire, "zh_CN"))
    assert "代 李值班 记录已知晓 · 电话告知，本人在现场" in story
    assert await fetch("select 1 from attempts where t7 is not null") == [], "no phone of theirs proved itself"
    assert not await acknowledge_for(wang, fire, li.id, "又一次", Via.TELEGRAM)
    with pytest.raises(BadInput):
        await acknowledge_for(wang, fire, li.id, " ", Via.TELEGRAM)


async def test_nobody_records_for_who_has_no_right_over_the_alarm(
    fire: AlarmId, wang: Person, outsider: Person
) -> None:
    with pytest.raises(NoSuchAlarm):
        await acknowledge_for(wang, fire, outsider.id, "x", Via.TELEGRAM)
    with pytest.raises(NoSuchAlarm):
        await acknowledge_for(outsider, fire, wang.id, "x", Via.TELEGRAM)


async def test_several_are_acknowledged_together_with_a_reason_and_no_fire_among_them(
    door: Any, fire: AlarmId, wang: Person
) -> None:
    await door.hears(StateSaid(subject=smoke(2), state=_FAULT))
    await door.hears(StateSaid(subject=smoke(3), state=_FAULT))
    chat = Chat(wang)
    listed = await chat.write("报警")
    assert "当前报警 3 条" in listed
    assert "2 条报警（不含火警）" in await chat.tap("一并确认 2 条")
    assert "已确认 2 条" in await chat.write("同一施工引起")
    rows = await fetch("select severity from alarms where acknowledged_at is not null")
    assert [row["severity"] for row in rows] == ["fault", "fault"]
    with pytest.raises(BadInput, match="逐条"):
        await acknowledge_together(wang, [fire], "x", Via.TELEGRAM)
    assert "没有可以一并确认的报警" in await chat.write("一并确认")


async def test_a_reply_to_a_card_is_a_note_with_what_was_sent_along(fire: AlarmId, wang: Person) -> None:
    answer = await Chat(wang).write("状态已核实", a_photo(), about=("alarm", fire))
    assert answer.startswith("📝 已记入")
    assert len(await evidence_of("alarm", fire)) == 1
    story = " ".join(line.text for line in await history_for(wang, fire, "zh_CN"))
    assert "备注 · 状态已核实 · 附件 1 件" in story
    with pytest.raises(BadInput):
        await note(wang, fire, " ", (), Via.TELEGRAM)


async def test_the_duty_desk_is_called_once_and_the_second_time_says_so(
    fire: AlarmId, wang: Person, add_person: Callable[..., Awaitable[UUID]]
) -> None:
    await add_person("op", "值班员", "provider_operator", None, app="op", sms="13900000009")
    chat = Chat(wang)
    assert await chat.press("desk", fire) == "已通知服务机构值班室"
    assert await chat.press("desk", fire) == "您已呼叫过值班室，值班室已收到"


async def test_who_calls_a_duty_desk_where_nobody_sits_is_told_so_and_may_call_again(
    fire: AlarmId, wang: Person, add_person: Callable[..., Awaitable[UUID]]
) -> None:
    chat = Chat(wang)
    assert "没有人可以通知" in await chat.press("desk", fire)
    assert "desk_unmanned" in {row["kind"] for row in await fetch("select kind from alarm_entries")}
    await add_person("op", "值班员", "provider_operator", None, app="op")
    assert await chat.press("desk", fire) == "已通知服务机构值班室"


async def test_in_a_group_too_a_slip_is_taken_back_under_more(
    fire: AlarmId, wang: Person, unit: dict[str, UUID]
) -> None:
    group, now = Chat(wang, is_group=True, group_unit=UnitId(unit["unit"])), clock.now()
    with at(now):
        assert await group.press("ack", fire) == "已确认", "the group is not told of each tap"
        await group.press("a-more", fire)
        assert "已撤销" in await group.tap("撤销")
        await group.press("ack", fire)
    with at(now + timedelta(seconds=11)):
        await group.press("a-more", fire)
    assert "撤销" not in str(group.shown[-1].keys)
    assert [each.name for each in (await alarm_for(wang, fire)).known_by] == ["王经理"]


async def test_in_a_group_nothing_is_told_or_done_about_another_units_alarm(fire: AlarmId, wang: Person) -> None:
    """A group that was another unit's before still has that unit's cards hanging in it."""
    group = Chat(wang, is_group=True, group_unit=UnitId(new_id()))
    for verb in ("ack", "v-real", "v-false", "v-test", "history", "back", "desk", "a-more", "a-for", "a-note"):
        assert await group.press(verb, fire) == "没有这条报警", verb
    assert await group.write("已派人", about=("alarm", fire)) == "没有这条报警"
    alarm = await alarm_for(wang, fire)
    assert (alarm.known_by, alarm.verdict) == ((), None)


async def test_a_lead_who_only_sees_may_note_nothing(fire: AlarmId, add_person: Callable[..., Awaitable[UUID]]) -> None:
    lead = await people.person(PersonId(await add_person("q", "质量", "quality_lead", None, app="q")))
    with pytest.raises(NotAllowed):
        await note(lead, fire, "x", (), Via.TELEGRAM)


async def test_the_ledger_holds_after_all_of_it(fire: AlarmId, wang: Person) -> None:
    chat = Chat(wang)
    await chat.press("ack", fire)
    await chat.tap("撤销")
    await chat.press("v-false", fire)
    await chat.write("水汽", a_photo())
    await chat.tap("记为误报")
    verdict = await verify()
    assert verdict.is_good
