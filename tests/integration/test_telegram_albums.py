"""Photos that a person sends at once: Telegram brings a message for each, and they are one piece of evidence."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId
from backend.demo.carriers.telegram import BotApiServer, serve
from backend.demo.carriers.telegram.actor import Person
from backend.monitoring.model import StateSaid
from bots.telegram import media, updates
from bots.telegram.inbox import PostgresInbox
from bots.telegram.session import BotApiSession
from tests.integration.chatting import JPEG, TOKEN, Phone, bot_process, carry, link
from tests.integration.test_telegram_talks import SMOKE

WANG = Person(id=1001, first_name="王")
PHOTOS = [JPEG, JPEG + b"\0", JPEG + b"\0\0"]


@pytest.fixture
async def carrier() -> BotApiServer:
    return BotApiServer(TOKEN)


@pytest.fixture
async def base(carrier: BotApiServer) -> AsyncIterator[str]:
    async with serve(carrier) as address:
        yield address


@pytest.fixture
async def wang(carrier: BotApiServer, unit: dict[str, UUID]) -> Phone:
    await execute("delete from contact_points where channel = 'telegram'")
    return await link(carrier, unit["manager"], WANG)


@pytest.fixture
async def fire(door: Any) -> AlarmId:
    await door.hears(StateSaid(subject=SMOKE, state=1 << 1))
    (row,) = await fetch("select id from alarms")
    return AlarmId(row["id"])


def sends(phone: Phone, photos: list[bytes], *, album: str, caption: str = "", reply_to: int | None = None) -> None:
    for number, octets in enumerate(photos):
        words = "" if number else caption
        phone.carrier.act.send_file(phone.chat, "photo", octets, caption=words, album=album, reply_to=reply_to)


async def test_an_album_that_answers_a_step_of_one_message_is_kept_whole_and_answered_once(
    base: str, wang: Phone, fire: AlarmId
) -> None:
    async with bot_process(base):
        await carry(base)
        await wang.presses(f"t1:a-note:{fire.hex}:")
        before = len(wang.texts())
        sends(wang, PHOTOS, album="7", caption="三楼走廊")
        await wang.shows("📝 已记入")
        await wang.settled()
    assert len(wang.texts()) == before + 1, wang.texts()
    assert len(await fetch("select 1 from evidence where about = $1", fire)) == len(PHOTOS)
    assert await fetch("select facts ->> 'note' as it from alarm_entries where kind = 'noted'") == [{"it": "三楼走廊"}]


async def test_an_album_in_reply_to_a_card_is_one_note(base: str, wang: Phone, fire: AlarmId) -> None:
    async with bot_process(base):
        await carry(base)
        card = (await wang.shows("🕒")).message_id
        sends(wang, PHOTOS, album="8", reply_to=card)
        await wang.shows("📝 已记入")
        await wang.settled()
    assert len(await fetch("select 1 from alarm_entries where kind = 'noted' and alarm = $1", fire)) == 1
    assert len(await fetch("select 1 from evidence where about = $1", fire)) == len(PHOTOS)


async def test_a_piece_that_comes_after_its_album_was_answered_is_told_that_it_was_not_kept(
    base: str, wang: Phone, fire: AlarmId
) -> None:
    async with bot_process(base):
        await carry(base)
        await wang.presses(f"t1:a-note:{fire.hex}:")
        sends(wang, PHOTOS[:2], album="9")
        await wang.shows("📝 已记入")
        await wang.settled()
        sends(wang, PHOTOS[2:], album="9")
        await wang.shows("没有保存", "重新发送")
        await wang.settled()
    assert not any("没有听懂" in each for each in wang.texts())
    assert await fetch("select 1 from chat_updates where handled_at is null") == []


def a_piece(update_id: int, album: str, chat: int = 1001) -> dict[str, Any]:
    return {"update_id": update_id, "message": {"chat": {"id": chat}, "media_group_id": album}}


async def test_of_two_pieces_handled_at_once_one_takes_the_album_also_after_a_crash(database: str) -> None:
    assert database
    inbox = PostgresInbox()
    for piece in (a_piece(1, "7"), a_piece(2, "7"), a_piece(3, "7"), a_piece(4, "8"), a_piece(5, "7", chat=1002)):
        await inbox.store(piece["update_id"], piece)
    albums = await asyncio.gather(*(inbox.take_album(number, 1001, "7") for number in (1, 2, 3)))
    taken = [[piece["update_id"] for piece in each.pieces] for each in albums]
    assert sorted(taken) == [[], [], [1, 2, 3]]
    leader = taken.index([1, 2, 3]) + 1
    assert len((await inbox.take_album(leader, 1001, "7")).pieces) == len(PHOTOS), "the same one, after a crash"
    await inbox.mark_handled(1, 2, 3)
    await inbox.store(6, a_piece(6, "7"))
    late = await inbox.take_album(6, 1001, "7")
    assert ([piece["update_id"] for piece in late.pieces], late.is_late) == ([6], True)


async def test_an_album_without_a_question_is_answered_once(base: str, wang: Phone) -> None:
    async with bot_process(base):
        sends(wang, PHOTOS, album="11")
        await wang.shows("没有听懂")
        await wang.settled()
    assert len(wang.texts()) == 1


async def test_a_photo_that_does_not_come_is_refused_in_time_and_is_not_asked_for_again_and_again(
    base: str, wang: Phone, fire: AlarmId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked as if PostgreSQL were away: the person read so each minute for a day, and their other words waited."""
    asked: list[str] = []

    async def hangs(_session: Any, _bot: Any, path: str, _most: int) -> bytes:
        asked.append(path)
        await asyncio.Event().wait()
        return b""

    monkeypatch.setattr(BotApiSession, "fetch", hangs)
    monkeypatch.setattr(updates, "_HANDLING_S", 5.0)
    monkeypatch.setattr(media, "_TO_WRITE_S", 4.5)
    async with bot_process(base):
        await carry(base)
        await wang.presses(f"t1:a-note:{fire.hex}:")
        wang.carrier.act.send_file(wang.chat, "photo", JPEG)
        await wang.shows("无法从 Telegram 取得该文件，请重新发送")
        await wang.settled()
        assert "📝 已记入" in "\n".join(await wang.says("三楼走廊"))
    assert len(asked) == 1
    assert not any("系统正在恢复" in each for each in wang.texts())
