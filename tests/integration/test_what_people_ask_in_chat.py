"""What people really write to ask how things stand, and whether the answer can be taken for what it is not."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from backend.alarms.masks.model import Scope, ScopeKind, WindowKind
from backend.alarms.masks.service import ask
from backend.alarms.masks.windows import open_window
from backend.chat.model import Heard, Media, MediaKind, Saying, Speaker
from backend.chat.service import Conversation
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import DeviceId, UnitId, new_id
from backend.core.vocabulary import Via
from backend.evidence.service import evidence_of
from backend.monitoring.model import LinkSaid, StateSaid
from backend.people.queries import person_by_code
from backend.talks import TALKS
from backend.work_orders.service import ABOUT
from tests.integration.chatting import JPEG
from tests.integration.test_facilities import hears, part
from tests.integration.test_pages import cookie, house
from tests.integration.test_status_review import SECOND, sample, speaker, tell_level

__all__ = ["house", "sample"]
CHAT = Conversation(TALKS)


async def answer(words: str, who: Speaker | None = None) -> Saying:
    (saying,) = await CHAT.hear(who or await speaker(), Heard(text=words))
    return saying


async def text(words: str, who: Speaker | None = None) -> str:
    return "\n".join((await answer(words, who)).lines)


def labels(saying: Saying) -> list[str]:
    return [key.label for row in saying.keys for key in row]


async def the_unit() -> UnitId:
    (row,) = await fetch("select id from units")
    return UnitId(row["id"])


async def another_like_it() -> UnitId:
    """A second unit whose buildings are called as the first one's."""
    unit, building, device = new_id(), new_id(), new_id()
    now = clock.now()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, 'n2', '临港仓库', '', 'Asia/Shanghai', $2)""",
        unit, now,
    )  # fmt: skip
    await execute(
        "insert into buildings (id, unit, code, name, address) values ($1, $2, 'B1', '1号楼(办公楼)', '')",
        building,
        unit,
    )
    await execute(
        """insert into devices (id, unit, building, kind, address, power, profile, name, adopted_at, downlink_serial)
           values ($1, $2, $3, 'uitd', '790400000000', 'mains', 'standard', '1号楼装置', $4, 0)""",
        device, unit, building, now,
    )  # fmt: skip
    return UnitId(unit)


async def test_what_is_of_another_day_says_of_which(house: SimpleNamespace) -> None:
    with clock.use(StillClock(clock.now())) as still:
        await tell_level(120)
        await hears(LinkSaid(is_lost=True, silent_since=clock.now()), address=SECOND)
        (row,) = await fetch("select max(last_contact_at) at time zone 'Asia/Shanghai' as at from device_links")
        heard_at = f"{row['at']:%m-%d %H:%M:%S}"
        still.advance(timedelta(days=3))
        glance = await text("状态")
        home = (await house.client.get("/m", headers=await cookie("wang"))).text
        assert f"最近通信 {heard_at}" in glance
        assert heard_at in home
        assert any("屋顶消防水箱水位" in line and heard_at[:11] in line for line in glance.splitlines())
        (offline,) = [line for line in (await text("报警")).splitlines() if "📡" in line]
        assert f"{heard_at} 报警中" in offline


async def test_a_drills_fire_is_listed_and_answered_as_a_drills(sample: StillClock) -> None:
    wang = await person_by_code("wang")
    everywhere = Scope(kind=ScopeKind.UNIT, unit=await the_unit())
    until = sample.at + timedelta(hours=1)
    await open_window(
        wang, everywhere, WindowKind.DRILL, "疏散演练", from_at=sample.at, until_at=until, via=Via.CONSOLE
    )
    await hears(StateSaid(subject=part(101, 42), state=0b11))
    listed = await answer("报警")
    assert "🔥 【演练】火警 #1" in listed.lines[1]
    story = await CHAT.press(await speaker(), "history", listed.keys[0][0].about, "")
    assert "#1 【演练】火警" in story[0].lines[0]
    assert "🔥 【Drill】Fire alarm #1" in (await text("/alarms", await speaker("weber")))


@pytest.mark.parametrize(
    ("written", "found"),
    [("烟感", "感烟探测器 1层大堂"), ("5层烟感", "感烟探测器 5层会议室"), ("温感", "感温探测器 2层茶水间"),
     ("消控室", "感烟探测器 1层消防控制室"),
     ("2号楼 手报", "手动报警按钮 地下车库出口"), ("烽火 屋顶消防水箱", "屋顶消防水箱水位")],
)  # fmt: skip
async def test_the_short_words_of_the_trade_are_known(sample: StillClock, written: str, found: str) -> None:
    assert sample
    saying = await answer(f"状态 {written}")
    assert found in " ".join([*saying.lines, *labels(saying)])


async def test_what_is_not_there_is_offered_where_it_is(sample: StillClock) -> None:
    """The help's own example, asked of the sample: its tanks are all in building 1."""
    assert sample
    saying = await answer("状态 2号楼 水箱")
    assert "没有找到“2号楼 水箱”" in saying.lines[0]
    assert any("屋顶消防水箱水位" in label for label in labels(saying))
    assert labels(saying)[-1] == "2号楼(商业楼)"


async def test_what_is_called_so_comes_before_what_only_stands_in_a_room_that_is(sample: StillClock) -> None:
    """The sample's booster pumps stand in the tanks' room."""
    assert sample
    found = labels(await answer("状态 1号楼 水箱"))
    assert "屋顶消防水箱水位" in found[0]
    assert any("稳压泵运行" in label for label in found[1:])


@pytest.mark.parametrize(
    ("written", "heads"),
    [("离线设备", "没有离线的设备"), ("今天的报警", "今天 · 烽火示范大厦"), ("本周 烽火", "本周 · 烽火示范大厦"),
     ("今天有火警吗", "没有叫“有火警吗”的单位"), ("屏蔽 2号楼", "没有叫“2号楼”的单位")],
)  # fmt: skip
async def test_words_that_name_no_unit_are_answered_all_the_same(sample: StillClock, written: str, heads: str) -> None:
    assert sample
    saying = await answer(written)
    assert saying.lines[0].startswith(heads)
    assert len(labels(saying)) >= 5, "an answer, with its keys"


async def test_of_several_units_each_place_says_whose_it_is(sample: StillClock) -> None:
    unit, other = await the_unit(), await another_like_it()
    qian = await speaker("qian")
    chosen = await answer("状态 1号楼", qian)
    assert labels(chosen) == ["烽火示范大厦 · 1号楼(办公楼)", "临港仓库 · 1号楼(办公楼)"]
    until = sample.at + timedelta(hours=1)
    for here in (unit, other):
        (row,) = await fetch("select id from devices where unit = $1 order by address limit 1", here)
        scope = Scope(kind=ScopeKind.DEVICE, device=DeviceId(row["id"]))
        await ask(qian.person, scope, "检修", until, Via.CONSOLE)
    masks = await text("屏蔽", qian)
    assert "烽火示范大厦 1号楼" in masks
    assert "临港仓库 1号楼" in masks
    assert "临港仓库" not in (await text("屏蔽"))


async def test_a_key_of_an_earlier_list_masks_what_it_says(sample: StillClock) -> None:
    """Whoever wrote other words meanwhile got another thing of the new list, at the same place."""
    assert sample
    wang = await speaker()
    (first,) = await CHAT.hear(wang, Heard(text="申请屏蔽 感温"))
    key = first.keys[0][0]
    assert "2层茶水间" in key.label
    await CHAT.hear(wang, Heard(text="消火栓泵"))
    (said,) = await CHAT.press(wang, key.verb, key.about, key.argument)
    assert "没有找到" in said.brief
    (again,) = await CHAT.hear(wang, Heard(text="感温"))
    (why,) = await CHAT.press(wang, key.verb, key.about, key.argument)
    assert "2层茶水间" in why.lines[0]
    assert again.keys[0][0].argument == key.argument


def photo() -> Media:
    async def fetch() -> bytes:
        return JPEG

    return Media(kind=MediaKind.PHOTO, name="p.jpg", declared_octets=len(JPEG), fetch=fetch)


async def test_a_photo_whose_caption_asks_for_a_repair_is_the_orders(sample: StillClock) -> None:
    assert sample
    wang = await speaker()
    (where,) = await CHAT.hear(wang, Heard(text="报修 消防水泵漏水", media=(photo(), photo())))
    assert "已收到 2 件佐证" in where.lines[0]
    assert "什么位置" in where.lines[1]
    (opened,) = await CHAT.hear(wang, Heard(text="1号楼水泵房"))
    assert "已报修，工单号 1" in opened.lines[0]
    (order,) = await fetch("select id from work_orders")
    assert len(await evidence_of(ABOUT, order["id"])) == 2


@pytest.mark.parametrize(
    ("written", "asks"), [("投诉 维保人员迟到", "要投诉什么？"), ("状态", "烽火示范大厦"), ("帮助", "您可以")]
)
async def test_a_photo_that_a_command_has_no_use_for_is_said_to_be_lost(
    sample: StillClock, written: str, asks: str
) -> None:
    assert sample
    (saying,) = await CHAT.hear(await speaker(), Heard(text=written, media=(photo(),)))
    assert "附件没有保存" in saying.lines[0]
    assert asks in saying.lines[1]


@pytest.mark.parametrize(
    ("written", "heads"),
    [("/状态 2号楼", "烽火示范大厦 · 2号楼"), ("／状态", "烽火示范大厦 ·"), ("／today", "今天 ·"),
     ("/报警", "✅ 当前没有"), ("/帮助", "您可以"), ("/取消", "没有正在进行的操作")],
)  # fmt: skip
@pytest.mark.parametrize("is_group", [False, True])
async def test_a_word_behind_a_slash_is_a_command(
    sample: StillClock, written: str, heads: str, *, is_group: bool
) -> None:
    """In a group it is all that reaches a bot: people's words do not."""
    assert sample
    there = {"group_unit": await the_unit(), "is_group": True, "by_reply": True} if is_group else {}
    assert (await text(written, await speaker(**there))).startswith(heads)


async def test_a_word_behind_a_slash_is_no_answer_to_a_question(sample: StillClock) -> None:
    assert sample
    wang = await speaker()
    await CHAT.hear(wang, Heard(text="报修"))
    said = await CHAT.hear(wang, Heard(text="/离线"))
    assert "没有离线的设备" in said[0].lines[0]
    assert "请描述故障" in said[1].lines[1]
    assert "已取消" in (await text("/取消", wang))


async def test_what_was_sent_for_something_cancelled_is_let_go_and_counts_no_more(sample: StillClock) -> None:
    """After sixty files nothing could be sent for two days, though the refusal said that cancelling helps."""
    assert sample
    wang = await speaker()
    for _ in range(7):
        await CHAT.hear(wang, Heard(text="报修 水泵漏水", media=tuple(photo() for _ in range(10))))
        assert "已取消" in (await text("取消", wang))
    assert await fetch("select 1 from evidence") == []
    (where,) = await CHAT.hear(wang, Heard(text="报修 水泵漏水", media=(photo(),)))
    assert "已收到 1 件佐证" in where.lines[0]
    await CHAT.hear(wang, Heard(text="泵房"))
    (piece,) = await fetch("select about_kind from evidence")
    assert piece["about_kind"] == ABOUT
