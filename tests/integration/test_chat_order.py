"""What one person sends in one breath is taken in its order: photos, then "that's all"; a tap, then its words."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import pytest

from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId, PersonId
from backend.core.vocabulary import Channel
from backend.demo.carriers.telegram import BotApiServer, Fault, FaultKind, serve
from backend.demo.carriers.telegram.actor import Person
from backend.evidence.service import evidence_of
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people import service as people
from tests.integration.test_telegram_bot import TOKEN, bot_process, polling, until

WANG: Final = Person(id=1001, first_name="王", last_name="伟", username="wangwei")
SMOKE: Final = Subject(
    level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200"
)
JPEG: Final = b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00\xff\xd9"


@pytest.fixture
async def carrier() -> BotApiServer:
    return BotApiServer(TOKEN)


@pytest.fixture
async def base(carrier: BotApiServer) -> AsyncIterator[str]:
    async with serve(carrier) as address:
        yield address


@pytest.fixture
async def chat(carrier: BotApiServer, unit: dict[str, UUID]) -> int:
    """王经理's private chat, linked."""
    await execute("delete from contact_points where channel = 'telegram'")
    chat = carrier.act.open_chat(WANG)
    code = await people.new_code(PersonId(unit["manager"]), "telegram")
    await people.link_chat(code, Channel.TELEGRAM, str(WANG.id), str(chat))
    return chat


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
        from tests.integration.test_telegram_talks import press_key

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
