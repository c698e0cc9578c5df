"""The channel against a Bot API server on loopback: what arrives, what is refused, and that no token leaks."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
import pytest

from backend.core.ids import AlarmId, AttemptId, NoticeId, PersonId, new_id
from backend.core.settings import Secret, Telegram
from backend.core.vocabulary import Severity
from backend.delivery.model import Action, Card, Channel, Delivery, Fact, Refusal, Verb
from backend.demo.carriers.telegram import BotApiServer, Fault, FaultKind, serve
from backend.demo.carriers.telegram.actor import Person
from backend.demo.carriers.telegram.wire import ChatKind
from bots.telegram.channel import TelegramChannel

SECRET = "AAF-very-secret_half"
TOKEN = f"4200:{SECRET}"
WANG = Person(id=1001, first_name="王", last_name="伟")


@pytest.fixture
async def carrier() -> BotApiServer:
    return BotApiServer(TOKEN)


@asynccontextmanager
async def channel_to(base: str, timeout_s: float = 2.0, token: str = TOKEN) -> AsyncIterator[TelegramChannel]:
    async with TelegramChannel(Telegram(token=Secret(token), api_base=base), timeout_s) as channel:
        yield channel


@pytest.fixture
async def base(carrier: BotApiServer) -> AsyncIterator[str]:
    async with serve(carrier) as address:
        yield address


@pytest.fixture
async def channel(base: str) -> AsyncIterator[TelegramChannel]:
    async with channel_to(base) as channel:
        yield channel


def a_card(**changes: Any) -> Card:
    card = Card(
        alarm=AlarmId(new_id()),
        number=12,
        severity=Severity.FIRE,
        icon="🔥",
        headline="火警",
        status="报警中",
        is_active=True,
        unit="示范大厦 <A&B>",
        where="2号楼 5层 走廊 感烟0123",
        what="点型光电感烟火灾探测器",
        facts=(Fact("接收时间", "2026-11-22 14:03:22"),),
        actions=(Action(Verb.ACKNOWLEDGE, "确认", "primary"), Action(Verb.VERDICT_REAL, "真实火警", "danger")),
        raised_at=datetime.fromisoformat("2026-11-22T14:03:22+08:00"),
    )
    return msgspec.structs.replace(card, **changes)


def a_delivery(address: int | str, card: Card | None = None, surface: Any = None) -> Delivery:
    return Delivery(
        attempt=AttemptId(new_id()),
        notice=NoticeId(new_id()),
        person=PersonId(new_id()),
        address=str(address),
        card=card or a_card(),
        surface=surface,
    )


async def refused(work: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await work
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert SECRET not in shown
    assert caught.value.__context__ is None
    return caught.value


async def test_the_class_is_a_channel(channel: Channel) -> None:
    assert (channel.name, channel.can_edit) == ("telegram", True)


async def test_a_card_arrives_as_it_was_drawn(carrier: BotApiServer, channel: TelegramChannel) -> None:
    chat = carrier.act.open_chat(WANG)
    receipt = await channel.send(a_delivery(chat))
    (message,) = carrier.chat_view(chat).messages
    assert receipt.surface == {"chat": chat, "message": message.message_id}
    assert message.text.splitlines() == [
        "🔥 火警 · 报警中",
        "2号楼 5层 走廊 感烟0123",
        "点型光电感烟火灾探测器",
        "示范大厦 <A&B>",
        "🕒 14:03:22 · #12",
        "接收时间: 2026-11-22 14:03:22",
    ]
    assert [[(each.text, each.style) for each in row] for row in message.buttons] == [
        [("确认", "primary")],
        [("真实火警", "danger")],
    ]
    assert message.is_protected


async def test_a_card_is_redrawn_where_it_hangs_and_an_unchanged_one_is_a_success(
    carrier: BotApiServer, channel: TelegramChannel
) -> None:
    chat, card = carrier.act.open_chat(WANG), a_card()
    sent = await channel.send(a_delivery(chat, card))
    same = await channel.edit(a_delivery(chat, card, sent.surface))
    done = msgspec.structs.replace(card, known_by=("王经理 已确认 14:03:40 · Telegram",), actions=())
    again = await channel.edit(a_delivery(chat, done, sent.surface))
    assert sent.surface == same.surface == again.surface
    (message,) = carrier.chat_view(chat).messages
    assert (message.edited_count, message.buttons) == (1, [])
    assert "王经理 已确认 14:03:40" in message.text


async def test_a_restored_card_does_not_ring_the_phone(carrier: BotApiServer, channel: TelegramChannel) -> None:
    chat = carrier.act.open_chat(WANG)
    await channel.send(a_delivery(chat, a_card(is_active=False, status="已恢复")))
    await channel.send(a_delivery(chat))
    assert [each.params["disable_notification"] for each in carrier.requests] == [True, False]


async def test_the_longest_card_is_accepted(carrier: BotApiServer, channel: TelegramChannel) -> None:
    facts = tuple(Fact("<&>", "🔥" * 300) for _ in range(50))
    chat = carrier.act.open_chat(WANG)
    await channel.send(a_delivery(chat, a_card(facts=facts, where="走廊<&>" * 300)))
    (message,) = carrier.chat_view(chat).messages
    assert "走廊<&>" * 300 in message.text


async def test_a_group_that_moved_is_followed_and_the_surface_knows_its_new_id(
    carrier: BotApiServer, channel: TelegramChannel
) -> None:
    group = carrier.act.create_group("班组", [WANG], kind=ChatKind.GROUP)
    sent = await channel.send(a_delivery(group))
    assert sent.surface["chat"] == group
    moved = carrier.act.migrate(group)
    again = await channel.send(a_delivery(group))
    assert again.surface["chat"] == moved
    assert (await refused(channel.edit(a_delivery(group, surface=sent.surface)))).permanent


async def test_the_number_of_an_old_card_is_another_cards_in_the_group_that_moved(
    carrier: BotApiServer, channel: TelegramChannel
) -> None:
    """A supergroup counts its messages anew: a late edit would be written over whatever has that number there."""
    group = carrier.act.create_group("班组", [WANG], kind=ChatKind.GROUP)
    await channel.send(a_delivery(group))
    moved = carrier.act.migrate(group)
    fire = await channel.send(a_delivery(moved, a_card(where="火场")))
    old = {"chat": group, "message": fire.surface["message"]}
    assert (await refused(channel.edit(a_delivery(group, a_card(where="别处"), surface=old)))).permanent
    shown = [each for each in carrier.chat_view(moved).messages if each.is_from_bot]
    assert ["火场" in each.text for each in shown] == [True]


@pytest.mark.parametrize(
    ("fault", "facts"),  # permanent, contact_is_dead, hold_channel, retry_after
    [
        (Fault(kind=FaultKind.HTTP_429, seconds=7), (False, False, True, 7.0)),
        (Fault(kind=FaultKind.HTTP_403), (True, True, False, None)),
        (Fault(kind=FaultKind.HTTP_500), (False, False, False, None)),
        (Fault(kind=FaultKind.DROP_CONNECTION), (False, False, False, None)),
    ],
)
async def test_refusals_are_told_apart(
    carrier: BotApiServer, channel: TelegramChannel, fault: Fault, facts: tuple[bool, bool, bool, float | None]
) -> None:
    chat = carrier.act.open_chat(WANG)
    sent = await channel.send(a_delivery(chat))
    carrier.faults.add(fault)
    for refusal in (
        await refused(channel.send(a_delivery(chat))),
        await refused(channel.edit(a_delivery(chat, surface=sent.surface))),
    ):
        found = (refusal.permanent, refusal.contact_is_dead, refusal.hold_channel, refusal.retry_after)
        assert found == facts
    carrier.faults.clear()
    await channel.send(a_delivery(chat))


async def test_a_carrier_that_stalls_is_given_up_in_time(carrier: BotApiServer, base: str) -> None:
    chat = carrier.act.open_chat(WANG)
    carrier.faults.add(Fault(kind=FaultKind.STALL, seconds=60))
    async with channel_to(base, timeout_s=0.2) as channel, asyncio.timeout(2):
        refusal = await refused(channel.send(a_delivery(chat)))
    assert not refusal.permanent


@pytest.mark.parametrize("address", ["999", "@nobody_here", "no chat at all", ""])
async def test_an_address_that_is_nobodys_is_a_dead_contact(channel: TelegramChannel, address: str) -> None:
    refusal = await refused(channel.send(a_delivery(address)))
    assert refusal.permanent
    assert refusal.contact_is_dead


async def test_a_blocked_bot_is_a_dead_contact(carrier: BotApiServer, channel: TelegramChannel) -> None:
    chat = carrier.act.open_chat(WANG)
    carrier.act.block(chat)
    assert (await refused(channel.send(a_delivery(chat)))).contact_is_dead


async def test_a_revoked_token_holds_the_channel(base: str) -> None:
    async with channel_to(base, token=f"4200:{SECRET}x") as channel:
        refusal = await refused(channel.send(a_delivery(1001)))
    assert refusal.permanent
    assert refusal.hold_channel


@pytest.mark.parametrize("surface", [None, {}, {"chat": 5}, {"message": 5}, {"chat": 5, "message": "x"}])
async def test_a_card_that_was_never_drawn_cannot_be_edited(channel: TelegramChannel, surface: Any) -> None:
    assert (await refused(channel.edit(a_delivery(5, surface=surface)))).permanent


async def test_a_message_that_is_gone_cannot_be_edited(carrier: BotApiServer, channel: TelegramChannel) -> None:
    chat = carrier.act.open_chat(WANG)
    refusal = await refused(channel.edit(a_delivery(chat, surface={"chat": chat, "message": 99})))
    assert refusal.permanent
    assert not refusal.contact_is_dead


@asynccontextmanager
async def a_server_that_answers(octets: bytes) -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(octets)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize(
    ("octets", "permanent"),
    [
        (http("502 Bad Gateway", f"<html>/bot{TOKEN}/sendMessage</html>".encode()), False),
        (http("500 Oops", b'{"ok": false}'), False),
        (http("200 OK", b"[]"), False),
        (http("200 OK", b"\xff\xfe"), False),
        (http("200 OK", b'{"ok": true, "result": 5}'), False),
        (http("418 Teapot", b'{"ok": false, "description": "no"}'), False),
        (http("302 Found", b"", f"Location: ftp://x/bot{TOKEN}/y"), False),
        (http("302 Found", b"", f"Location: http://[bad/bot{TOKEN}/y"), False),
        (b"no http at all\r\n\r\n", False),
        (b"", False),
    ],
)
async def test_whatever_answers_only_refusals_come_out_and_no_token(
    octets: bytes, permanent: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with a_server_that_answers(octets) as base, channel_to(base) as channel:
            refusal = await refused(channel.send(a_delivery(1001)))
    assert refusal.permanent is permanent
    assert SECRET not in caplog.text


@pytest.mark.parametrize("base", ["http://127.0.0.1:1", "no-scheme", "http://[::", "ftp://x"])
async def test_an_unreachable_or_senseless_server_is_a_temporary_refusal_without_the_token(
    base: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with channel_to(base) as channel:
            refusal = await refused(channel.send(a_delivery(1001)))
    assert not refusal.permanent
    assert SECRET not in caplog.text


async def test_an_acceptance_without_ids_is_still_an_acceptance() -> None:
    octets = http("200 OK", b'{"ok": true, "result": {"message_id": null, "new_field": 1}}')
    async with a_server_that_answers(octets) as base, channel_to(base) as channel:
        assert (await channel.send(a_delivery(1001))).surface == {}


async def test_many_sends_at_once_all_arrive(carrier: BotApiServer, channel: TelegramChannel) -> None:
    chats = [carrier.act.open_chat(Person(id=number, first_name="员")) for number in range(2000, 2100)]
    receipts = await asyncio.gather(*(channel.send(a_delivery(chat)) for chat in chats))
    assert [receipt.surface["chat"] for receipt in receipts] == chats


async def test_a_card_for_a_topic_that_is_gone_comes_into_the_group_itself(
    carrier: BotApiServer, channel: TelegramChannel
) -> None:
    group = carrier.act.create_group("班组", [WANG], topics=["报警"])
    receipt = await channel.send(a_delivery(f"{group}/999999"))
    (card,) = [each for each in carrier.chat_view(group).messages if each.is_from_bot]
    assert receipt.surface == {"chat": group, "message": card.message_id}
    assert card.topic is None
