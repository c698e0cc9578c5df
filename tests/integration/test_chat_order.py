"""What one person sends in one breath is taken in its order: photos, then "that's all"; a tap, then its words."""

from typing import Any

from backend.core.db.engine import fetch
from backend.core.ids import AlarmId
from backend.demo.carriers.telegram import BotApiServer, Fault, FaultKind
from backend.evidence.service import evidence_of
from backend.monitoring.model import StateSaid
from tests.integration.test_telegram_bot import bot_process, polling, until
from tests.integration.test_telegram_talks import JPEG, SMOKE, base, carrier, chat, press_key

__all__ = ["base", "carrier", "chat"]


async def test_photos_that_are_still_on_their_way_are_kept_though_the_last_key_was_pressed_after_them(
    carrier: BotApiServer, base: str, chat: int, door: Any
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=1 << 1))
    (row,) = await fetch("select id from alarms")
    alarm = AlarmId(row["id"])

    def newest_with(label: str) -> int:
        return next(
            each.message_id for each in reversed(carrier.chat_view(chat).messages)
            if any(key.text == label for keys in each.buttons for key in keys)
        )  # fmt: skip

    async with bot_process(polling(base)):
        await press_key(base, carrier, chat, f"a1:v-false:{alarm.hex}")
        await until(carrier, chat, lambda texts, _: "误报的原因" in texts[-1])
        carrier.act.press(chat, carrier.chat_view(chat).messages[-1].message_id, text="水汽、粉尘")
        await until(carrier, chat, lambda texts, _: any("记为误报" in text for text in texts))
        carrier.faults.add(Fault(kind=FaultKind.STALL, method="getFile", seconds=0.4))
        for caption in ("浴室蒸汽", "吊顶", "探测器"):
            carrier.act.send_file(chat, "photo", JPEG, caption=caption)
        carrier.act.press(chat, newest_with("记为误报"), text="记为误报")
        await until(carrier, chat, lambda texts, _: any("已记录：误报" in text for text in texts))
    assert len(await evidence_of("alarm", alarm)) == 3
