"""Complaints through the conversation that every chat speaks by: filed, answered, settled, rated and opened again."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from backend.chat.model import END, Heard, Key, Media, MediaKind, Saying, Speaker
from backend.chat.service import Conversation
from backend.complaints.chat import COMPLAINTS
from backend.complaints.model import State
from backend.complaints.queries import complaint_story, complaints_for, piece_for
from backend.core import clock
from backend.core.db.engine import fetch
from backend.core.errors import NotFound
from backend.core.vocabulary import Via
from backend.delivery.model import Card
from backend.people.model import Person
from tests.integration.test_complaints import START, Town, told, town

__all__ = ["town"]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def still() -> Iterator[clock.StillClock]:
    with clock.use(clock.StillClock(START)) as still:
        assert isinstance(still, clock.StillClock)
        yield still


class Chat:
    """Somebody's private chat with the bot."""

    def __init__(self, who: Person, *, is_group: bool = False) -> None:
        self.conversation = Conversation((COMPLAINTS,))
        self.speaker = Speaker(person=who, via=Via.TELEGRAM, chat=str(who.id), is_group=is_group)
        self.last: list[Saying] = []

    async def says(self, text: str = "", *media: Media, about: tuple[str, object] | None = None) -> str:
        self.last = await self.conversation.hear(self.speaker, Heard(text=text, media=media, about=about))  # type: ignore[arg-type]
        return self.words

    async def presses(self, label: str) -> str:
        (key,) = [key for key in self.keys if key.label == label]
        return await self.presses_key(key)

    async def presses_key(self, key: Key) -> str:
        self.last = await self.conversation.press(self.speaker, key.verb, key.about, key.argument)
        return self.words

    @property
    def keys(self) -> list[Key]:
        return [key for saying in self.last for row in saying.keys for key in row]

    @property
    def words(self) -> str:
        return "\n".join(line for saying in self.last for line in (*saying.lines, saying.brief) if line)


def photo(octets: bytes = PNG) -> Media:
    async def fetch() -> bytes:
        return octets

    return Media(kind=MediaKind.PHOTO, name="panel.png", declared_octets=len(octets), fetch=fetch)


async def card_keys(who: Person, kind: str = "complaint") -> list[Key]:
    """The keys under the newest card somebody was to be sent."""
    (row,) = await fetch(
        """select n.alarm, n.cards->'zh_CN'->'keys' as keys from attempts t join notices n on n.id = t.notice
           where t.person = $1 and n.kind = $2 order by t.number desc limit 1""",
        who.id,
        kind,
    )
    rows = msgspec.json.decode(row["keys"] or "[]", type=list[list[Key]])
    return [msgspec.structs.replace(key, about=row["alarm"]) for keys in rows for key in keys]


@pytest.mark.clause("5.5")
async def test_filed_in_the_units_chat_settled_in_the_providers_rated_and_opened_again(
    town: Town, still: clock.StillClock
) -> None:
    wang, li = Chat(town.wang), Chat(town.li)
    assert await wang.says("投诉") == "要投诉什么？"
    assert [key.label for key in wang.keys] == ["报警投诉", "工单投诉", "人员投诉", "其他投诉", "取消"]
    assert "哪一条报警" in await wang.presses("报警投诉")
    assert "请说明情况" in await wang.presses("不指明")
    assert "确认提交？" in await wang.says("昨晚火警没有打电话")
    assert "附件 1 个" in await wang.says("照片在此", photo())
    assert await wang.presses("提交") == (
        "已受理，编号 TS-20261126-001。我们将在 11-26 12:00 前首次答复，12-01 10:00 前办结。\n"
        "答复会发到这里；超过时限会记录并告知质量负责人。"
    )
    (line,) = await complaints_for(town.li)
    assert line.text == "昨晚火警没有打电话\n照片在此"
    keys = {key.label: key for key in await card_keys(town.li)}
    assert "✔ TS-20261126-001：处理中" in await li.presses_key(keys["接手"])
    assert "请写答复" in await li.presses_key(keys["答复"])
    assert "已答复" in await li.says("已派人检查")
    assert (await told(town.wang))[-1] == ("您的投诉或反馈有了答复", "telegram", "pending")
    assert "成立？" in await li.presses_key(keys["办结"])
    assert "原因类别" in await li.presses("成立")
    assert "改进措施" in await li.presses("通知不及时")
    assert "成立的投诉须填写" in await li.says(" ")
    assert "办结说明" in await li.says("增加语音线路")
    assert "已办结，待评价" in await li.says("已修复并测试")
    stars = await card_keys(town.wang)
    assert [key.label for key in stars[:5]] == ["1 ★", "2 ★", "3 ★", "4 ★", "5 ★"]
    assert "您评了 3 分" in await wang.presses_key(stars[2])
    assert "已评价" in await wang.presses("处理太慢")
    assert "请说明为什么重新打开" in await wang.presses("重新打开")
    assert "已分派" in await wang.says("昨晚又没有打")
    (line,) = await complaints_for(town.wang)
    assert (line.state, line.round) == (State.ASSIGNED, 1)
    first = (await complaint_story(town.wang, line.id)).rounds[0]
    assert (first.rating, first.rating_reason) == (3, "处理太慢")


async def test_the_photo_is_its_own_peoples_alone(town: Town, still: clock.StillClock) -> None:
    wang, li = Chat(town.wang), Chat(town.li)
    await wang.says("/complain 值班室没人接电话")
    await wang.presses("其他投诉")
    await wang.says("", photo())
    await wang.presses("提交")
    (line,) = await complaints_for(town.li)
    await li.says("这是内部照片", about=("complaint", line.id))
    await li.presses_key(Key("备注", "c-note", line.id))
    await li.says("内部", photo(PNG + b"1"))
    entries = (await complaint_story(town.li, line.id)).entries
    own, internal = (next(each.evidence for each in entries if each.kind == kind)[0] for kind in ("filed", "note"))
    assert (await piece_for(town.wang, line.id, own.id))[1] == PNG
    with pytest.raises(NotFound):
        await piece_for(town.wang, line.id, internal.id)
    assert (await piece_for(town.li, line.id, internal.id))[1] == PNG + b"1"
    facts = await fetch("select facts from ledger where facts::jsonb->>'what' = 'complaint.note'")
    assert "sha256" in facts[0]["facts"]


async def test_a_reply_to_the_card_is_an_answer_and_starts_the_clock_again(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    wang, li = Chat(town.wang), Chat(town.li)
    await li.presses_key(Key("请补充", "c-ask", one.id))
    assert "等待投诉人补充" in await li.says("哪一层？")
    still.advance(timedelta(days=6))
    assert "处理中" in await wang.says("三层东侧", about=("complaint", one.id))
    assert "已答复" in await li.says("明白，马上到", about=("complaint", one.id))
    entries = (await complaint_story(town.wang, one.id)).entries
    assert [each.kind for each in entries][-3:] == ["asked", "heard", "reply"]


async def test_lists_and_stories_offer_what_the_reader_may_do_and_no_more(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    wang, li, lead = Chat(town.wang), Chat(town.li), Chat(town.lead)
    assert "TS-20261126-001" in await wang.says("我的投诉")
    assert "我的投诉" not in wang.conversation.help(lead.speaker).lines[1]
    await wang.presses("TS-20261126-001")
    assert [key.label for key in wang.keys] == ["补充说明", "撤回"]
    assert "12:00 前" in await li.says("投诉处理")
    await li.presses("TS-20261126-001")
    assert {key.label for key in li.keys} == {"答复", "请补充", "办结", "转交", "接手", "备注", "开工单"}
    await li.presses("转交")
    assert "已分派" in await li.presses("孙受理")
    assert "还没有提交过" in await Chat(town.zhou).says("我的投诉")
    refused = await Chat(town.zhou).presses_key(Key("查看", "c-show", one.id))
    assert refused == "没有这条投诉或反馈"
    assert "只有联网单位的人员" in await lead.says("投诉")
    group = Chat(town.wang, is_group=True)
    assert "私聊" in await group.says("/complaints")
    assert "私聊" in await group.presses_key(Key("查看", "c-show", one.id))


async def test_feedback_of_its_own_kinds_and_withdrawal(town: Town, still: clock.StillClock) -> None:
    wang, li = Chat(town.wang), Chat(town.li)
    await wang.says("建议 增加每周汇总")
    assert "确认提交" in await wang.presses("建议")
    assert "FK-20261126-001" in await wang.presses("提交")
    (line,) = await complaints_for(town.li)
    await li.presses_key(Key("办结", "c-settle", line.id))
    assert "已办结" in await li.says("谢谢，已列入计划")
    assert "满意度为 1 到 5 分" in await wang.presses_key(Key("9", "c-rate", line.id, "9"))
    await wang.presses_key(Key("5 ★", "c-rate", line.id, "5"))
    assert "已评价" in await wang.says("采纳得很快")
    other = await town.files("误会", kind="other")
    await wang.presses_key(Key("撤回", "c-withdraw", other.id))
    assert "已撤回，待评价" in await wang.says("弄清楚了")


def test_every_key_fits_in_what_a_chat_carries() -> None:
    conversation = Conversation((COMPLAINTS,))
    assert {each.name for each in conversation.menu("en")} >= {"complain", "feedback", "complaints"}
    assert END == ""


async def cards_of(who: Person) -> list[tuple[str, list[str], str]]:
    """What the cards somebody was sent say now: headline, the verbs under it, and the first fact."""
    rows = await fetch(
        """select distinct on (n.id) n.id, n.cards->'zh_CN' as card from attempts t join notices n on n.id = t.notice
           where t.person = $1 and n.kind = 'complaint' order by n.id""",
        who.id,
    )
    cards = [msgspec.json.decode(row["card"], type=Card) for row in rows]
    return [
        (each.headline, [key.verb for row in each.keys for key in row], each.facts[0].value if each.facts else "")
        for each in cards
    ]


async def test_whose_complaint_it_is_stands_on_the_cards_of_all_who_were_asked(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files()
    assert [verbs[:2] for _, verbs, _ in await cards_of(town.li)] == [["c-take", "c-reply"]]
    own = await cards_of(town.wang)
    await Chat(town.sun).presses_key(Key("接手", "c-take", one.id))
    assert await cards_of(town.li) == [("该投诉已由他人处理", ["c-take", "c-show"], "孙受理")]
    await Chat(town.li).presses_key(Key("接手", "c-take", one.id))
    ((headline, verbs, _),) = await cards_of(town.li)
    assert (headline, verbs[:2]) == ("新的投诉或反馈", ["c-reply", "c-ask"]), "who has it is not offered to take it"
    li = Chat(town.li)
    await li.presses_key(Key("转交", "c-transfer", one.id))
    await li.presses("孙受理")
    assert (await cards_of(town.li))[0][::2] == ("该投诉已由他人处理", "孙受理")
    ((headline, verbs, _),) = await cards_of(town.sun)
    assert (headline, verbs[:2]) == ("新的投诉或反馈", ["c-take", "c-reply"])
    assert await cards_of(town.wang) == own, "the complainant's cards are their own"
    (mark,) = await fetch(
        """select bool_and(t.redraw_at is not null) as marked from attempts t join notices n on n.id = t.notice
           where n.alarm = $1 and t.person = $2""",
        one.id,
        town.li.id,
    )
    assert mark["marked"], "what hangs in the chat is drawn again"


async def test_an_answer_to_what_nobody_has_begun_is_seen_by_who_was_asked_first(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files()
    sun = Chat(town.sun)
    await sun.presses_key(Key("答复", "c-reply", one.id))
    await sun.says("已派人检查")
    assert await cards_of(town.li) == [("该投诉已由他人处理", ["c-take", "c-show"], "孙受理")]
    assert [headline for headline, _, _ in await cards_of(town.wang)] == ["您的投诉或反馈有了答复"]
