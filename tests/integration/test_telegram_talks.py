"""Talks over a Bot API server on loopback: a unit's group, photos and voice, replies, limits, codes that are typed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import pytest

from backend.core import clock
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.ids import AlarmId, AttemptId, PersonId, UnitId
from backend.core.settings import Secret, Telegram
from backend.core.vocabulary import Channel
from backend.delivery.carry import Carrier
from backend.demo.carriers.telegram import BotApiServer, serve
from backend.demo.carriers.telegram.actor import Person
from backend.demo.carriers.telegram.wire import ChatKind, MemberStatus
from backend.evidence.service import evidence_of, octets_of
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people import groups
from backend.people import queries as people_queries
from backend.people import service as people
from backend.people.linking import undo_link
from bots.telegram.channel import TelegramChannel
from tests.integration.test_telegram_bot import TOKEN, bot_process, eventually, polling, until
from tests.patience import PATIENCE_S

WANG: Final = Person(id=1001, first_name="王", last_name="伟", username="wangwei")
LI: Final = Person(id=1002, first_name="李")
SMOKE: Final = Subject(
    level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200"
)
#: a picture of one grey pixel, as a phone would send it
JPEG: Final = b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00\xff\xd9"
OGG: Final = b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead" + bytes(40)


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


async def a_fire(door: Any) -> AlarmId:
    await door.hears(StateSaid(subject=SMOKE, state=1 << 1))
    (row,) = await fetch("select id from alarms")
    return AlarmId(row["id"])


async def carry(base: str) -> None:
    """What the fire worker does: every due attempt by Telegram."""
    async with TelegramChannel(polling(base).telegram, 2.0) as channel:
        rows = await fetch("select id from attempts where channel = 'telegram' and state = 'pending' and lane = 'fire'")
        carrier = Carrier("test", {Channel.TELEGRAM: channel}, timeout_s=2.0, concurrency=8)
        await carrier.start()
        try:
            assert await carrier.carry([AttemptId(row["id"]) for row in rows]) > 0
        finally:
            await carrier.stop()


def last_card(carrier: BotApiServer, chat: int) -> int:
    cards = [each for each in carrier.chat_view(chat).messages if each.is_from_bot and "🕒" in each.text]
    return cards[-1].message_id


async def test_a_false_alarm_is_told_with_a_reason_a_photo_and_a_voice_note(
    carrier: BotApiServer, base: str, chat: int, door: Any
) -> None:
    alarm = await a_fire(door)
    async with bot_process(polling(base)):
        await carry(base)
        card = last_card(carrier, chat)
        carrier.act.press(chat, card, text="我已知晓")
        await until(carrier, chat, lambda texts, _: texts[-1].startswith("✅ 已确认"))
        await press_key(base, carrier, chat, f"a1:v-false:{alarm.hex}")
        await until(carrier, chat, lambda texts, _: "误报的原因" in texts[-1])
        carrier.act.press(chat, carrier.chat_view(chat).messages[-1].message_id, text="水汽、粉尘")
        await until(carrier, chat, lambda texts, _: any("记为误报" in text for text in texts))
        carrier.act.send_file(chat, "photo", JPEG, caption="浴室蒸汽")
        await until(carrier, chat, lambda texts, _: "附件 1 件" in texts[-1])
        carrier.act.send_file(chat, "voice", OGG)
        await until(carrier, chat, lambda texts, _: "附件 2 件" in texts[-1])
        carrier.act.press(chat, carrier.chat_view(chat).messages[-1].message_id, text="记为误报")
        await until(carrier, chat, lambda texts, _: any("已记录：误报" in text for text in texts))
    pieces = await evidence_of("alarm", alarm)
    assert [each.media_type for each in pieces] == ["image/jpeg", "audio/ogg"]
    assert [await octets_of(each.id) for each in pieces] == [JPEG, OGG]
    row = await fetch_one("select verdict from alarms")
    assert row == {"verdict": "false"}


async def press_key(base: str, carrier: BotApiServer, chat: int, data: str) -> None:
    """A key as it hangs under a card of an earlier revision."""
    from tests.integration.test_telegram_bot import _send_button

    await _send_button(base, chat, data)
    carrier.act.press(chat, carrier.chat_view(chat).messages[-1].message_id)


async def test_a_file_too_large_is_refused_before_it_is_fetched(
    carrier: BotApiServer, base: str, chat: int, door: Any
) -> None:
    alarm = await a_fire(door)
    async with bot_process(polling(base)):
        await press_key(base, carrier, chat, f"t1:a-note:{alarm.hex}:")
        await until(carrier, chat, lambda texts, _: "请写下备注" in texts[-1])
        carrier.act.send_file(chat, "document", b"%PDF-" + bytes(10_000_000))
        await until(carrier, chat, lambda texts, _: "10 MB" in texts[-1])
    assert not [each for each in carrier.requests if each.method == "getFile"]


async def test_a_reply_to_the_card_becomes_a_note(carrier: BotApiServer, base: str, chat: int, door: Any) -> None:
    alarm = await a_fire(door)
    async with bot_process(polling(base)):
        await carry(base)
        carrier.act.send_text(chat, "已派人去看", reply_to=last_card(carrier, chat))
        await until(carrier, chat, lambda texts, _: texts[-1].startswith("📝 已记入"))
    rows = await fetch("select facts->>'note' as note from alarm_entries where kind = 'noted' and alarm = $1", alarm)
    assert rows == [{"note": "已派人去看"}]


async def test_a_group_is_bound_told_of_a_fire_answered_in_and_let_go(
    carrier: BotApiServer, base: str, chat: int, door: Any, unit: dict[str, UUID]
) -> None:
    group = carrier.act.create_group("示范大厦班组", [WANG, LI], topics=["报警"])
    topic = next(iter(carrier.chat_view(group).topics))
    async with bot_process(polling(base)):
        carrier.act.send_text(group, "/bind", user_id=LI.id, topic=topic)
        await until(carrier, group, lambda texts, _: any("尚未绑定人员" in text for text in texts))
        carrier.act.send_text(group, "/bind", user_id=WANG.id, topic=topic)
        await until(carrier, group, lambda texts, _: texts[-1:] and texts[-1].startswith("✅ 此群已绑定"))
        alarm = await a_fire(door)
        await carry(base)
        (card,) = [each for each in carrier.chat_view(group).messages if "🕒" in each.text]
        assert card.topic == topic
        carrier.act.press(group, card.message_id, text="我已知晓", user_id=LI.id)
        await until(carrier, group, lambda _, answers: any("未绑定人员" in answer for answer in answers))
        carrier.act.press(group, card.message_id, text="我已知晓", user_id=WANG.id)
        await until(carrier, group, lambda _, answers: answers[-1] == "已确认")
        carrier.act.send_text(group, "/alarms", user_id=WANG.id, topic=topic)
        await until(carrier, group, lambda texts, _: texts[-1].startswith("当前报警 1 条"))
        assert carrier.chat_view(group).messages[-1].topic == topic
        carrier.act.block(group, user_id=WANG.id)
        await eventually(
            "select 1 from contact_points where address like $1 and failing_since is not null", f"{group}/%"
        )
        carrier.act.unblock(group, user_id=WANG.id)
        await eventually("select 1 from contact_points where address like $1 and failing_since is null", f"{group}/%")
        carrier.act.send_text(group, "/unbind", user_id=WANG.id)
        await until(carrier, group, lambda texts, _: texts[-1].startswith("已解除绑定"))
    known = await fetch(
        "select p.name from acknowledgements k join people p on p.id = k.person where k.alarm = $1", alarm
    )
    assert known == [{"name": "王经理"}]
    assert all(reach.channel is not Channel.TELEGRAM or reach.address == str(chat)
               for reach in await people_queries.recipients(UnitId(unit["unit"])))  # fmt: skip
    acts = [msgspec.json.decode(row["facts"]) for row in await fetch("select facts from ledger where kind = 'action'")]
    pressed = [each for each in acts if each["what"] == "chat.stranger_pressed"]
    assert [(each["account"], each["chat"]) for each in pressed] == [(str(LI.id), str(group))]
    assert {"group.bound", "group.removed", "group.let_in", "group.unbound"} <= {each["what"] for each in acts}


async def test_who_does_not_administer_the_group_binds_nothing_over_the_wire(
    carrier: BotApiServer, base: str, chat: int
) -> None:
    assert chat
    group = carrier.act.create_group("别人的群", [LI, WANG])
    async with bot_process(polling(base)):
        carrier.act.send_text(group, "/bind", user_id=WANG.id)
        await until(carrier, group, lambda texts, _: texts[-1:] == ["只有群管理员可以绑定此群"])
        carrier.act.set_member(group, WANG.id, MemberStatus.ADMINISTRATOR)
        carrier.act.send_text(group, "/bind", user_id=WANG.id)
        await until(carrier, group, lambda texts, _: texts[-1:] and texts[-1].startswith("✅ 此群已绑定"))


async def test_a_basic_group_that_grows_keeps_its_unit_under_its_new_number(
    carrier: BotApiServer, base: str, chat: int, door: Any
) -> None:
    assert chat
    group = carrier.act.create_group("班组", [WANG], kind=ChatKind.GROUP)
    async with bot_process(polling(base)):
        carrier.act.send_text(group, "/bind", user_id=WANG.id)
        await until(carrier, group, lambda texts, _: texts[-1:] and texts[-1].startswith("✅ 此群已绑定"))
        new = carrier.act.migrate(group)
        await eventually("select 1 from chat_groups where chat = $1", str(new))
        await a_fire(door)
        await carry(base)
    assert last_card(carrier, new)
    assert await groups.group_of(Channel.TELEGRAM, str(group)) is None


async def test_a_typed_code_links_works_once_and_its_link_is_undone(
    carrier: BotApiServer, base: str, unit: dict[str, UUID]
) -> None:
    code = await people.new_code(PersonId(unit["manager"]), "telegram_typed")
    me = carrier.act.open_chat(WANG)
    async with bot_process(polling(base)):
        carrier.act.send_text(me, code.lower().replace("-", " "))
        await until(carrier, me, lambda texts, _: any("已绑定：王经理" in text for text in texts))
        carrier.act.press(me, carrier.chat_view(me).messages[-1].message_id, text="↩ 撤销绑定（10 分钟内）")
        await until(carrier, me, lambda _, answers: answers[-1:] == ["已撤销绑定，此处不再收到报警。"])
        carrier.act.send_text(me, f"/link {code}")
        await until(carrier, me, lambda texts, _: "验证码无效" in texts[-1])
    assert await people.person_of_chat(Channel.TELEGRAM, str(WANG.id)) is None
    stored = await fetch("select digest from one_time_codes where purpose = 'telegram_typed'")
    assert code not in str(stored)


async def test_an_account_that_was_anothers_until_a_link_made_by_mistake_is_theirs_again(
    carrier: BotApiServer, base: str, chat: int, add_person: Callable[..., Awaitable[UUID]], unit: dict[str, UUID]
) -> None:
    li = await add_person("li", "李值班", "unit_duty", unit["unit"])
    code = await people.new_code(PersonId(li), "telegram")
    async with bot_process(polling(base)):
        carrier.act.start(WANG, code)
        await until(carrier, chat, lambda texts, _: any("已绑定：李值班" in text for text in texts))
        carrier.act.press(chat, carrier.chat_view(chat).messages[-1].message_id, text="↩ 撤销绑定（10 分钟内）")
        await until(carrier, chat, lambda _, answers: answers[-1:] == ["已撤销，此账号仍绑定：王经理"])
    person = await people.person_of_chat(Channel.TELEGRAM, str(WANG.id))
    assert person is not None
    assert person.name == "王经理"
    ways = await fetch(
        "select person, failure from contact_points where channel = 'telegram' and address = $1", str(chat)
    )
    assert {row["person"]: row["failure"] for row in ways} == {unit["manager"]: None, li: "unlinked"}


async def test_a_link_older_than_ten_minutes_is_not_undone_by_its_key(chat: int) -> None:
    assert chat
    with clock.use(clock.StillClock(clock.now() + timedelta(minutes=10, seconds=1))):
        assert not await undo_link(Channel.TELEGRAM, str(WANG.id), timedelta(minutes=10))
    assert await people.person_of_chat(Channel.TELEGRAM, str(WANG.id)) is not None


async def test_an_update_that_comes_twice_and_late_is_done_once(
    carrier: BotApiServer, base: str, chat: int, door: Any
) -> None:
    alarm = await a_fire(door)
    async with bot_process(polling(base)):
        await press_key(base, carrier, chat, f"t1:a-note:{alarm.hex}:")
        await until(carrier, chat, lambda texts, _: "请写下备注" in texts[-1])
        carrier.act.send_text(chat, "看过了")
        await until(carrier, chat, lambda texts, _: texts[-1].startswith("📝 已记入"))
    # as if the process had died between the last one and its mark
    await execute(
        "update chat_updates set handled_at = null where update_id = (select max(update_id) from chat_updates)"
    )
    async with bot_process(polling(base)):
        await eventually("select 1 from chat_updates having bool_and(handled_at is not null)")
    assert len(await fetch("select 1 from alarm_entries where kind = 'noted'")) == 1


async def test_answers_keep_the_flood_limits_and_all_arrive(carrier: BotApiServer, base: str, chat: int) -> None:
    carrier.account.limits.enforced = True
    before = len(carrier.chat_view(chat).messages)
    async with bot_process(polling(base)):
        for _ in range(3):
            carrier.act.send_text(chat, "/help")
        async with asyncio.timeout(PATIENCE_S):
            while len([each for each in carrier.chat_view(chat).messages[before:] if each.is_from_bot]) < 3:
                await asyncio.sleep(0.02)
    sent = [each.answered_monotonic for each in carrier.requests if each.method == "sendMessage"]
    assert all(each.status == 200 for each in carrier.requests if each.method == "sendMessage"), "no 429 was met"
    assert len(sent) == 3


async def test_by_webhook_a_talk_goes_as_by_polling(carrier: BotApiServer, base: str, chat: int, door: Any) -> None:
    from litestar import Litestar

    from bots.telegram.app import build_hearing
    from bots.telegram.webhook import webhook_lifespan, webhook_route
    from tests.integration.test_telegram_bot import web_process

    alarm = await a_fire(door)
    telegram = Telegram(token=Secret(TOKEN), api_base=base, webhook_secret=Secret("hook-secret"))
    bot, hearing = build_hearing(telegram)
    app = Litestar([webhook_route(telegram.webhook_secret, hearing)], openapi_config=None)
    async with web_process(app) as public_url, webhook_lifespan(bot, hearing):
        await bot.set_webhook(url=f"{public_url}/hooks/telegram", secret_token="hook-secret")
        await press_key(base, carrier, chat, f"t1:a-note:{alarm.hex}:")
        await until(carrier, chat, lambda texts, _: "请写下备注" in texts[-1])
        carrier.act.send_text(chat, "看过了")
        await until(carrier, chat, lambda texts, _: texts[-1].startswith("📝 已记入"))
    assert len(await fetch("select 1 from alarm_entries where kind = 'noted'")) == 1


async def test_a_key_pressed_in_a_group_that_is_no_longer_bound_shows_nothing_there(
    carrier: BotApiServer, base: str, chat: int, door: Any
) -> None:
    assert chat
    alarm = await a_fire(door)
    group = carrier.act.create_group("谁都在的群", [WANG, LI])
    async with bot_process(polling(base)):
        for key in ("t1:st::", f"t1:history:{alarm.hex}:", "t1:st-day::"):
            before = len(carrier.chat_view(group).notifications)
            await press_key(base, carrier, group, key)
            await until(carrier, group, lambda _, answers, n=before: len(answers) > n)  # type: ignore[misc]
            assert "尚未绑定" in carrier.chat_view(group).notifications[-1].text
    assert all("示范大厦" not in each.text for each in carrier.chat_view(group).messages)
