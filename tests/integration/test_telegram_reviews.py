"""Status, digests, masks and duty by the real bot over a Bot API server: words, keys, a picture, a place."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import pytest
from PIL import Image

from backend.alarms import status_drill
from backend.core.db.engine import execute, fetch
from backend.core.ids import AttemptId
from backend.core.vocabulary import Channel, Via
from backend.delivery.carry import Carrier
from backend.demo.carriers.telegram import BotApiServer, MessageView
from backend.demo.carriers.telegram.actor import Person
from backend.people import service as people
from backend.people.queries import person_by_code
from backend.registry.importing import import_path
from backend.work_orders.model import Proof
from backend.work_orders.opening import Opening, open_order
from bots.telegram.channel import TelegramChannel
from tests.integration.test_duty import the_unit
from tests.integration.test_duty_checks import on_rota
from tests.integration.test_facilities import SAMPLE
from tests.integration.test_status_review import tell_level
from tests.integration.test_telegram_bot import bot_process, eventually, polling, until
from tests.integration.test_telegram_talks import base, carrier
from tests.integration.test_work_orders_in_telegram import Phone

__all__ = ["base", "carrier"]
ACCOUNTS: Final = {"wang": 5001, "li": 5002, "zhao": 5003, "qian": 5004}


class Handset(Phone):
    """A sample person's Telegram."""

    def says(self, text: str) -> None:
        self.carrier.act.send_text(self.chat, text)

    @property
    def last(self) -> MessageView | None:
        return next((each for each in reversed(self._messages()) if each.is_from_bot), None)

    async def asks(self, text: str, words: str) -> MessageView:
        """Writes, and waits for an answer that is newer than what was written."""
        self.says(text)
        return await self._newest(words, since=max(each.message_id for each in self._messages()))

    async def shows_next(self, words: str) -> MessageView:
        """The newest of the bot's messages as it comes to read so: a new one, or one that was changed."""
        return await self._newest(words, since=0)

    def _messages(self) -> list[MessageView]:
        return self.carrier.chat_view(self.chat).messages

    async def _newest(self, words: str, since: int) -> MessageView:
        def is_shown(_: list[str], __: list[str]) -> bool:
            return self.last is not None and words in self.last.text and self.last.message_id > since

        try:
            await until(self.carrier, self.chat, is_shown)
        except TimeoutError:
            view = self.carrier.chat_view(self.chat)
            said = [(each.text, each.edited_count) for each in view.messages]
            raise AssertionError(f"{words!r} was not shown, but {said}, {view.notifications}") from None
        assert self.last is not None
        return self.last


Street = Callable[[str], Awaitable[Handset]]


@pytest.fixture
async def street(database: str, carrier: BotApiServer) -> Street:
    """The sample, and a linked chat for whoever is asked for."""
    assert database
    await import_path(SAMPLE)
    await execute("delete from contact_points where channel = 'telegram'")

    async def open_chat(code: str) -> Handset:
        who = Person(id=ACCOUNTS[code], first_name=code)
        chat = carrier.act.open_chat(who)
        key = await people.new_code((await person_by_code(code)).id, "telegram")
        await people.link_chat(key, Channel.TELEGRAM, str(who.id), str(chat))
        return Handset(carrier, chat)

    return open_chat


@asynccontextmanager
async def carrying(base: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """What the workers do: every due attempt by Telegram."""
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(TelegramChannel(polling(base).telegram, 2.0))
        carrier = Carrier("test", {Channel.TELEGRAM: channel}, timeout_s=2.0, concurrency=4)
        await carrier.start()
        stack.push_async_callback(carrier.stop)

        async def carry() -> None:
            rows = await fetch("select id from attempts where channel = 'telegram' and state = 'pending'")
            await carrier.carry([AttemptId(row["id"]) for row in rows])

        yield carry


async def test_status_leads_down_by_words_and_keys_to_a_picture_whose_octets_are_the_charts(
    street: Street, carrier: BotApiServer, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[bytes] = []
    chart_of = status_drill.chart_of

    async def remembered(*asked: Any) -> bytes | None:
        octets = await chart_of(*asked)
        drawn.append(octets or b"")
        return octets

    monkeypatch.setattr(status_drill, "chart_of", remembered)
    for reading in (120, 130, 90):
        at = await tell_level(reading)
    async with bot_process(polling(base)):
        wang = await street("wang")
        first = await wang.asks("状态", "设备在线")
        await wang.presses("1号楼(办公楼)")
        building = await wang.shows_next("1号楼(办公楼)")
        assert building.message_id == first.message_id, "the pressed message is changed, and none added"
        shown = await wang.asks(f"状态 {at.description}", "近24小时趋势")
        assert shown.is_photo
        assert shown.file_path
        stored = carrier.account.files.at_path(shown.file_path)
        assert stored is not None
        assert [stored.upload.octets] == drawn
        assert Image.open(io.BytesIO(drawn[0])).format == "PNG"
        (sent,) = [each for each in carrier.requests if each.method == "sendPhoto"]
        assert len(sent.files) == 1, "a multipart upload"
        await wang.presses("返回系统")
        await until(carrier, wang.chat, lambda _, __: wang.last is not None and not wang.last.is_photo)
        assert wang.last is not None
        assert wang.last.message_id > shown.message_id, "a picture can't become a text: a new message comes"
        answers = {"离线": "没有离线的设备", "屏蔽": "没有屏蔽，也没有演练", "今天": "今天", "本周": "本周"}
        for words, answer in answers.items():
            await wang.asks(words, answer)
        await wang.asks("状态 月亮", "没有找到“月亮”")


async def test_a_digest_is_wished_for_by_a_key_and_stopped_by_a_word(street: Street, base: str) -> None:
    async with bot_process(polling(base)):
        wang = await street("wang")
        await wang.asks("简报", "您没有订阅简报")
        await wang.presses("18:00")
        await wang.shows_next("已订阅")
        await eventually("select 1 from digest_wishes where minute = 1080")
        await wang.asks("简报 25:99", "时间")
        await wang.asks("简报 关", "已停止简报")


async def test_a_handover_is_signed_from_two_phones(street: Street, base: str) -> None:
    async with bot_process(polling(base)):
        li, wang = await street("li"), await street("wang")
        await li.asks("交接班", "没有未完成的交接班")
        await li.presses("开始交班")
        await li.shows_next("未关闭的报警 0")
        await li.presses("写备注")
        await li.shows_next("请写备注")
        await li.asks("泵房漏水，已报修", "已保存备注")
        await li.presses("签字交班")
        await li.shows_next("已签字，等待接班人签字")
        await wang.asks("/handover", "泵房漏水，已报修")
        await wang.presses("签字接班")
        await wang.shows_next("已接班")
        await li.asks("值班日志", "接班人已签字")
    (row,) = await fetch("select state, decided_via from handovers")
    assert (row["state"], row["decided_via"]) == ("taken", "telegram")


async def test_a_duty_check_is_asked_in_one_chat_and_answered_under_its_card_in_another(
    street: Street, base: str
) -> None:
    await on_rota("li")
    async with bot_process(polling(base)), carrying(base) as carry:
        wang, li = await street("wang"), await street("li")
        await wang.asks("查岗", "请选择答复时限")
        await wang.presses("10 分钟")
        await wang.shows_next("⏳ #1")
        await carry()
        await li.presses("我在岗")
        await eventually("select 1 from duty_checks where state = 'answered' and answered_via = 'telegram'")
        await wang.asks("查岗", "答复 李值班")


async def test_a_mask_is_asked_for_in_one_chat_and_approved_under_its_card_in_another(
    street: Street, base: str
) -> None:
    async with bot_process(polling(base)), carrying(base) as carry:
        zhao, wang = await street("zhao"), await street("wang")
        await zhao.asks("/mask 感烟探测器 5层会议室", "请选择")
        await zhao.presses("感烟探测器 5层会议室")
        await zhao.shows_next("为什么屏蔽")
        await zhao.asks("粉尘施工", "到什么时候")
        await zhao.presses("4 小时")
        await zhao.shows_next("须另一人批准")
        await zhao.presses("申请屏蔽")
        await zhao.shows_next("等待另一人批准")
        await carry()
        await wang.shows("请批准屏蔽")
        await wang.presses("批准")
        await wang.shows_next("屏蔽 #1：屏蔽中")
    (row,) = await fetch("select m.state, p.code from masks m join people p on p.id = m.decided_by")
    assert (row["state"], row["code"]) == ("active", "wang")


async def test_a_place_that_is_sent_becomes_the_orders_evidence(
    street: Street, carrier: BotApiServer, base: str
) -> None:
    async with bot_process(polling(base)), carrying(base) as carry:
        zhao = await street("zhao")
        manager = await person_by_code("wang")
        opening = Opening(unit=await the_unit(), what="泵房漏水", needs=(Proof.LOCATION,))
        await open_order(manager, opening, Via.PHONE)
        await carry()
        await zhao.shows("泵房漏水")
        await zhao.presses("接单")
        await zhao.shows_next("已接单")
        await zhao.presses("到场")
        await zhao.shows_next("还需要：")
        carrier.act.send_location(zhao.chat, 31.2304, 121.4737)
        await zhao.shows("已收到 1 件佐证")
        await zhao.presses("发送完毕")
        await zhao.shows("工单 1：处理中")
    rows = await fetch("select facts->>'latitude' as latitude, via from work_order_entries where kind = 'location'")
    assert [(float(row["latitude"]), row["via"]) for row in rows] == [(31.2304, "telegram")]
