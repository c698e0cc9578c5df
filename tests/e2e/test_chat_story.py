"""Two stories in chats, as the people of the street live through them: a complaint, and a broken detector.

Real processes, a Bot API server, a device on the wire; pages and the database are only read.
"""

import asyncio
import re
import struct
import uuid
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from backend.core.db.embedded import prepare_postgres
from backend.core.db.engine import database
from backend.core.settings import load
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import open_session

pytestmark = [pytest.mark.alone, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

DETECTOR = (1, 1, 42, 301)
ANSWERED_S = 10.0  #: what runs alone is held to it
NORMAL, FAULT = 0b1, 0b101
HERE = (31.2304, 121.4737)


def a_picture(side: int = 64) -> bytes:
    """A small grey PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(side)) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class Chat:
    """A person's private chat with the bot, read as it is told: what stood there before they acted answers nothing."""

    def __init__(self, street: Any, name: str) -> None:
        self.phone = street.phone(name).telegram
        self.act = street.carrier.act
        self.before: dict[int, Any] = {}  #: the messages when they acted last

    async def reads(self, *words: str, within: float = ANSWERED_S) -> Any:
        """The newest message with all these words that came or changed since they acted, now or soon."""

        def is_it(each: Any) -> bool:
            return each != self.before.get(each.message_id) and all(word in each.text for word in words)

        return await self._newest(is_it, f"message with {words}", within)

    async def says(self, text: str, *then: str) -> Any:
        self._look()
        self.act.send_text(self.phone.account, text)
        return await self.reads(*then)

    async def sends_photo(self, caption: str, *then: str) -> Any:
        self._look()
        self.act.send_file(self.phone.account, "photo", a_picture(), caption=caption)
        return await self.reads(*then)

    async def taps(self, label: str, *then: str) -> Any:
        """The newest key with exactly this label."""
        message = await self._newest(lambda each: label in keys_of(each), f"key {label}", ANSWERED_S)
        self._look()
        self.act.press(self.phone.account, message.message_id, text=label)
        return await self.reads(*then) if then else None

    def _look(self) -> None:
        self.before = {each.message_id: each for each in self.phone.messages()}

    async def _newest(self, is_it: Callable[[Any], bool], what: str, within: float) -> Any:
        try:
            async with asyncio.timeout(within):
                while True:
                    version = self.phone.carrier.version
                    for message in reversed(self.phone.messages()):
                        if is_it(message):
                            return message
                    await self.phone.carrier.wait_change(version, seconds=0.5)
        except TimeoutError:
            shown = "\n---\n".join(f"{each.text} {keys_of(each)}" for each in self.phone.messages()[-4:])
            raise AssertionError(f"no {what} within {within} s; the last ones:\n{shown}") from None


def keys_of(message: Any) -> list[str]:
    return [key.text for row in message.buttons for key in row]


Enter = Callable[[str, SessionKind], Awaitable[httpx.AsyncClient]]


@pytest_asyncio.fixture(loop_scope="session")
async def enter(street: Any) -> AsyncIterator[Enter]:
    """`await enter(code, kind)`: somebody at their desk, or a machine with a token of theirs."""
    async with AsyncExitStack() as open_clients:

        async def come_in(code: str, kind: SessionKind) -> httpx.AsyncClient:
            async with database(load(str(street.data), {"FENGHUO_DATABASE_URL": prepare_postgres(street.data).url})):
                token = await open_session((await person_by_code(code)).id, kind, "test")
            is_desk = kind is SessionKind.CONSOLE
            client = httpx.AsyncClient(
                base_url=street.base,
                cookies={"fenghuo_console": token} if is_desk else None,
                headers=None if is_desk else {"Authorization": f"Bearer {token}"},
                trust_env=False,
                timeout=10,
            )
            return await open_clients.enter_async_context(client)

        yield come_in


def text_of(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


@pytest.mark.clause("5.5")
async def test_a_complaint_is_filed_answered_settled_rated_and_opened_again_in_chats(street: Any, enter: Enter) -> None:
    wang, shou = Chat(street, "王经理"), Chat(street, "周受理")

    # 王经理 files it in the unit's chat: words, a photo, one last look; its number and both deadlines come at once
    await wang.says("投诉", "要投诉什么")
    await wang.taps("其他投诉", "请说明情况")
    await wang.says("昨晚 22:10 值班电话无人接听", "确认提交", "无人接听")
    await wang.sends_photo("通话记录", "确认提交", "附件 1 个")
    told = await wang.taps("提交", "已受理，编号", "前首次答复", "前办结")
    number = re.search(r"TS-\d{8}-\d{3}", told.text)
    assert number is not None
    assert len(re.findall(r"\d\d-\d\d \d\d:\d\d", told.text)) == 2

    # 周受理, at the provider, has it at once, takes it and answers; the answer arrives in 王经理's chat
    await shou.reads(number[0], "无人接听", "首次答复时限", "办结时限")
    await shou.taps("接手", f"✔ {number[0]}：处理中")
    await shou.taps("答复", "请写答复")
    await shou.says("当晚值班员在处置另一起报警，已增派一人", f"✔ {number[0]}：已答复")
    await wang.reads("您的投诉或反馈有了答复", "已增派一人")

    # settled, with the class of its cause and what is done about it
    await shou.taps("办结", "投诉是否成立")
    await shou.taps("成立", "原因类别")
    await shou.taps("响应或到场慢", "改进措施")
    await shou.says("夜班改为双人值守", "办结说明")
    await shou.says("夜班已改为双人值守", "已办结")
    await wang.reads("已办结，请评价", "双人值守")

    # rated with a reason, and opened again: what was is kept
    await wang.taps("2 ★", "您评了 2 分")
    await wang.says("等了两天才有人说", "谢谢您的评价")
    await wang.taps("重新打开", "为什么重新打开")
    await wang.says("今晚又没有人接", "已分派")
    await shou.reads("投诉被重新打开", number[0], "今晚又没有人接")
    await shou.taps("接手", f"✔ {number[0]}：处理中")
    await shou.taps("办结", "投诉是否成立")
    await shou.taps("成立", "原因类别")
    await shou.taps("响应或到场慢", "改进措施")
    await shou.says("值班电话加语音转接", "办结说明")
    await shou.says("值班电话已加转接", "已办结")
    await wang.reads("已办结，请评价", "已加转接")
    await wang.taps("5 ★", "您评了 5 分")
    await wang.taps("问题已解决", "谢谢您的评价")

    # the console tells the same story, in its order
    desk = await enter("shou", SessionKind.CONSOLE)
    listed = await desk.get("/complaints?which=over")
    link = re.search(rf'href="([^"]+)"[^>]*>\s*(?:<[^>]+>\s*)*{number[0]}', listed.text)
    assert link is not None, listed.text[:2000]
    page = text_of(await desk.get(link[1]))
    story = (
        "值班电话无人接听", "当晚值班员在处置另一起报警", "夜班已改为双人值守", "等了两天才有人说", "今晚又没有人接",
        "值班电话已加转接", "问题已解决",
    )  # fmt: skip
    places = [page.find(words) for words in story]
    assert -1 not in places, dict(zip(story, places, strict=True))
    assert places == sorted(places)
    assert "通话记录" in page
    rows = await street.fetch(
        """select r.rating, r.rating_reason, r.cause, r.improvement from complaint_rounds r
           join complaints c on c.id = r.complaint where c.number = $1 order by r.number""",
        number[0],
    )
    assert [(row["rating"], row["cause"], row["improvement"]) for row in rows] == [
        (2, "response", "夜班改为双人值守"),
        (5, "response", "值班电话加语音转接"),
    ]
    assert msgspec.json.decode(await street.answer("ledger", "verify"))["is_good"]


@pytest.mark.clause("5.4.2")
async def test_a_broken_detector_is_repaired_by_the_maintainers_phone_from_the_alarm_to_the_close(
    street: Any, waiting: Any, enter: Enter
) -> None:
    wang, zhao = Chat(street, "孟店长"), Chat(street, "赵维保")
    app = street.phone("孟店长").app
    device = await street.uitd("7b0300000000")
    await device.reports_state(*DETECTOR, state=FAULT)

    # the unit knows, and calls for a repair; the maintainer's phone hears of it
    item = await app.expects("故障", "阅览区")
    alarm = item["alarm"]
    await wang.reads("故障", "阅览区", "报警中")
    await wang.taps("我已知晓", "✅ 已确认")
    await wang.taps("报修", "补充说明故障现象")
    ordered = await wang.taps("直接报修", "已报修，工单号")
    number = int(re.search(r"工单号 (\d+)", ordered.text)[1])  # type: ignore[index]

    # it is on 赵维保's phone: taken, on the way, on site
    await zhao.reads("工单", "阅览区", "约定完成")
    await zhao.taps("接单", f"工单 {number}：已接单")
    await zhao.taps("出发", f"工单 {number}：前往中")
    await zhao.taps("到场", f"工单 {number}：处理中")

    # the broken point is masked for the time of its repair: a fire point, so it takes two people
    (point,) = await street.fetch(
        "select device, component_address as at from components where description like '%阅览区'"
    )
    scope = {"kind": "component", "device": str(point["device"]), "system_type": 1, "system_address": 1,
             "component_address": point["at"]}  # fmt: skip
    keeper, owner = await enter("zhao", SessionKind.API), await enter("meng", SessionKind.API)
    asked = await keeper.post("/api/v1/masks", json={"scope": scope, "reason": "更换探测器", "lasts_minutes": 120})
    assert asked.status_code == 200, asked.text
    mask = asked.json()["id"]
    assert (await owner.post(f"/api/v1/masks/{mask}/approval")).status_code == 200

    # what they send: where they are, what they see
    await zhao.taps("拍照", "请发送照片、语音或位置")
    zhao.act.send_location(zhao.phone.account, *HERE)
    await zhao.reads("已收到 1 件佐证")
    before = len(zhao.phone.messages("已收到 1 件佐证"))
    await zhao.sends_photo("底座锈蚀", "已收到 1 件佐证")
    await waiting("the photo", lambda: _more(zhao, before))
    await zhao.taps("发送完毕", f"工单 {number}：处理中")

    # done asks for parts, a word, and then for the component's own word on the wire
    await zhao.taps("完成", f"完成工单 {number}")
    await zhao.taps("下一步", "更换了哪些配件")
    await zhao.says("感烟探测器 x1，底座 x1", "处理结果")
    await zhao.says("已更换探测器和底座", "请触发测试，等待信号")
    await zhao.taps("检查信号并完成")
    await waiting("that it is too early", lambda: _pops_up(zhao, "还没有收到该部件的信号"))
    await device.reports_state(*DETECTOR, state=NORMAL)
    heard = await zhao.reads("测试信号", "已收到")
    assert re.search(r"已收到 \d\d:\d\d:\d\d", heard.text)
    await zhao.taps("检查信号并完成", f"工单 {number}：待验收")

    # the unit verifies: the mask over the point is lifted, the order is closed
    await wang.reads("工单", "待验收")
    await wang.taps("验收通过", f"工单 {number}：已验收")
    (row,) = await street.fetch("select state from masks where id = $1", uuid.UUID(mask))
    assert row["state"] == "lifted"
    await wang.taps("关闭", f"工单 {number}：已关闭")

    # one chain, visible from the alarm and from the order
    story = " ".join(line["text"] for line in (await app.get(f"/alarms/{alarm}")).json()["history"])
    for step in ("已报修，生成工单", "工单"):
        assert step in story, story
    (order,) = await street.fetch("select id from work_orders where number = $1", number)
    chain = (await owner.get(f"/api/v1/work-orders/{order['id']}")).json()
    words = msgspec.json.encode(chain).decode()
    for step in (alarm, "感烟探测器", "底座锈蚀", "已更换探测器和底座", "31.2304"):
        assert step in words, f"{step}: {words}"
    desk = await enter("qian", SessionKind.CONSOLE)
    page = text_of(await desk.get(f"/orders/{order['id']}"))
    for step in ("赵维保", "接单", "到场", "底座", "测试信号", "验收通过", "关闭"):
        assert step in page, f"{step}: {page}"
    assert msgspec.json.decode(await street.answer("ledger", "verify"))["is_good"]


async def _more(chat: Chat, before: int) -> bool:
    return len(chat.phone.messages("已收到 1 件佐证")) > before


async def _pops_up(chat: Chat, words: str) -> bool:
    return any(words in each.text for each in chat.phone.carrier.chat_view(chat.phone.account).notifications)
