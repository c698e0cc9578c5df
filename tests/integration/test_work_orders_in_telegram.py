"""A work order in Telegram as a phone shows it: the keys of its card, a photo, the end; by the real bot."""

import asyncio
import struct
import zlib

from backend.core.db.engine import fetch
from backend.core.ids import PersonId, UnitId
from backend.core.settings import Secret, Telegram
from backend.core.vocabulary import Channel, Role, Via
from backend.delivery.carry import Carrier
from backend.demo.carriers.telegram import BotApiServer
from backend.people import service as people
from backend.people.queries import person
from backend.work_orders.opening import Opening, open_order
from bots.telegram.channel import TelegramChannel
from tests.integration.test_telegram_bot import LI, TOKEN, base, bot_process, carrier, polling, unit, until, wang
from tests.patience import PATIENCE_S

__all__ = ["base", "carrier", "unit", "wang"]


def a_picture(side: int = 64) -> bytes:
    """A small grey PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(side)) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class Phone:
    """A person's Telegram: what the bot said last with keys, and a thumb."""

    def __init__(self, carrier: BotApiServer, chat: int) -> None:
        self.carrier = carrier
        self.chat = chat

    async def shows(self, words: str) -> None:
        await until(self.carrier, self.chat, lambda texts, _: any(words in text for text in texts))

    async def presses(self, label: str) -> None:
        """The newest key with these words."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                seen = self.carrier.version
                for message in reversed(self.carrier.chat_view(self.chat).messages):
                    keys = [key.text for row in message.buttons for key in row]
                    if message.is_from_bot and any(label in key for key in keys):
                        text = next(key for key in keys if label in key)
                        self.carrier.act.press(self.chat, message.message_id, text=text)
                        return
                await self.carrier.wait_change(seen, seconds=0.5)


async def test_a_maintainer_takes_photographs_and_finishes_an_order_by_the_keys_under_its_card(
    carrier: BotApiServer, base: str, unit: UnitId, wang: PersonId
) -> None:
    zhao = await people.add_person("zhao", "赵维保", "13800000003", "zh_CN")
    await people.grant(zhao, Role.MAINTAINER, unit)
    code = await people.new_code(zhao, "telegram")
    channel = TelegramChannel(Telegram(token=Secret(TOKEN), api_base=base), 5)
    worker = Carrier("test", {Channel.TELEGRAM: channel}, timeout_s=5, concurrency=2)
    phone = Phone(carrier, LI.id)
    async with bot_process(polling(base)):
        carrier.act.start(LI, code)
        await phone.shows("已绑定：赵维保")
        opening = Opening(unit=unit, what="泵房漏水", where="地下一层泵房")
        order = await open_order(await person(wang), opening, Via.CONSOLE)
        await channel.open()
        await worker.start()
        due = await fetch("select id from attempts where channel = 'telegram' and state = 'pending'")
        await worker.carry([row["id"] for row in due])
        await phone.shows("地下一层泵房")
        await phone.presses("接单")
        await phone.shows("已接单")
        await phone.presses("到场")
        await phone.shows("处理中")
        await phone.presses("完成")
        await phone.shows("请发送修复后的照片")
        carrier.act.send_file(LI.id, "photo", a_picture())
        await phone.shows("已收到 1 件佐证")
        await phone.presses("下一步")
        await phone.presses("没有更换")
        await phone.shows("处理结果")
        carrier.act.send_text(LI.id, "已更换密封圈")
        await phone.shows("待验收")
        await worker.stop()
        await channel.close()
    (row,) = await fetch("select state, assignee from work_orders where id = $1", order.id)
    assert (row["state"], row["assignee"]) == ("done", zhao)
    (piece,) = await fetch("select media_type, about from evidence")
    assert (piece["media_type"], piece["about"]) == ("image/png", order.id)
    rows = await fetch("select distinct via from work_order_entries where person = $1", zhao)
    assert [each["via"] for each in rows] == ["telegram"]
