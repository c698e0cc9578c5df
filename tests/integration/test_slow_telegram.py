"""A Telegram that answers no more: what people asked for is done once, however long their answer hangs."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from backend.core.db.engine import fetch
from backend.demo.carriers.telegram import BotApiServer
from bots.telegram import updates
from bots.telegram.app import build_hearing
from tests.integration.test_telegram_bot import polling
from tests.integration.test_telegram_talks import a_fire, base, carrier, chat
from tests.patience import PATIENCE_S

__all__ = ["base", "carrier", "chat"]


async def test_a_note_whose_answer_hangs_is_written_once(
    carrier: BotApiServer, base: str, chat: int, door: Any, unit: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "_ANSWERING_S", 0.2)
    alarm = await a_fire(door)
    bot, hearing = build_hearing(polling(base).telegram)
    ways = bot.session

    async def hang(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(type(ways), "make_request", hang)

    async def heard(number: int, what: dict[str, Any]) -> None:
        raw = {"update_id": number, **what}
        await hearing.take(raw)
        await hearing.handle(raw)

    who = {"id": 1001, "is_bot": False, "first_name": "王"}
    where = {"id": chat, "type": "private", "first_name": "王"}
    key = {"id": "1", "from": who, "chat_instance": "1", "data": f"t1:a-note:{alarm.hex}:",
           "message": {"message_id": 5, "date": 1, "chat": where, "text": "x"}}  # fmt: skip
    await heard(900_001, {"callback_query": key})
    words = {"message_id": 6, "date": 1, "chat": where, "from": who, "text": "看过了"}
    async with asyncio.timeout(PATIENCE_S):
        await heard(900_002, {"message": words})
    for _ in range(2):
        await hearing.pick_up()
        await hearing.drain()
    assert len(await fetch("select 1 from alarm_entries where kind = 'noted'")) == 1
    assert await fetch("select 1 from chat_updates where handled_at is null") == []
    assert await fetch("select 1 from chat_drafts") == []
    await bot.session.close()
