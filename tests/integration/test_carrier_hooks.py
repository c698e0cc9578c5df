"""The whole way: an alarm, a text or a call by its vendor, what the person does, and back by the hook."""

from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from backend.api import build_app
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.ids import new_id
from backend.core.live import Listener
from backend.core.settings import Aliyun, RedisSection, Secret, Settings, Tencent
from backend.core.vocabulary import Channel
from backend.delivery.carrier_words import settle_early_words
from backend.delivery.carry import Carrier
from backend.delivery.model import Delivery, Receipt
from backend.demo.carriers import aliyun, tencent
from backend.demo.carriers.telephony.serving import serve
from backend.monitoring.model import Level, StateSaid, Subject
from workers.channels.aliyun.sms import AliyunSms
from workers.channels.aliyun.voice import AliyunVoice
from workers.channels.ports import Purpose
from workers.channels.tencent.sms import TencentSms
from workers.channels.web import carrier_routes
from workers.channels.words import call_of, sms_of, templates

PHONE = "+8613800000001"
TOKEN = "a-token-that-nobody-guesses"
SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
FIRE = 1 << 1
SETTINGS = Settings(
    aliyun=Aliyun(
        key_id="LTAI1", key_secret=Secret("s"), sign_name="烽火", sms_fire="fire", has_extend_codes=True,
        voice_mode="ivr", voice_fire="v", voice_thanks="t", show_number="025", hook_token=Secret(TOKEN),
    ),
    tencent=Tencent(
        secret_id="AKID1", secret_key=Secret("s"), app_id="1400", sign_name="烽火", sms_fire="7",
        hook_token=Secret(TOKEN),
    ),
)  # fmt: skip


def voice_at(base: str) -> Aliyun:
    return msgspec.structs.replace(SETTINGS.aliyun, voice_base=base)


class Way:
    """A channel with one vendor."""

    can_edit = False

    def __init__(self, name: Channel, vendor: Any) -> None:
        self.name = name
        self.vendor = vendor

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, delivery: Delivery) -> Receipt:
        if self.name is Channel.VOICE:
            taken = await self.vendor.call(call_of(delivery))
        else:
            taken = await self.vendor.send(sms_of(delivery, sign="烽火"))
        return Receipt(surface={"vendor": taken.vendor, "id": taken.id})

    async def edit(self, delivery: Delivery) -> Receipt:
        raise AssertionError(delivery)


def caller(redis_url: str, settings: Settings = SETTINGS) -> httpx.AsyncClient:
    """A client of our own web process."""
    settings = msgspec.structs.replace(settings, redis=RedisSection(url=Secret(redis_url)))
    app: Any = build_app(settings, routes=carrier_routes(settings), listener=Listener(redis_url))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


class Town:
    """Both carriers, the worker's hands, and our own hooks."""

    def __init__(self, ali: Any, ten: Any, door: Any) -> None:
        self.ali = ali
        self.ten = ten
        self.door = door

    async def burns(self, way: Way) -> None:
        """A fire is told by this way only."""
        await self.door.hears(StateSaid(subject=SMOKE, state=FIRE))
        hands = Carrier("worker-1", {way.name: way}, timeout_s=2, concurrency=4)
        await hands.start()
        rows = await fetch("select id from attempts where channel = $1 and state = 'pending'", str(way.name))
        await hands.carry([row["id"] for row in rows])
        await hands.stop()


@pytest.fixture
async def town(unit: dict[str, UUID], door: Any, redis_url: str) -> Town:
    for channel in (Channel.SMS, Channel.VOICE):
        await execute(
            """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
               values ($1, $2, $3, '13800000001', 1, now(), now())""",
            new_id(), unit["manager"], channel,
        )  # fmt: skip
    account = aliyun.Account(
        key_id="LTAI1", key_secret="s", sign_names=("烽火",), sms_templates={"fire": templates()[Purpose.FIRE]},
        voice_templates={"v": "${where}，${what}。${unit}，${time}。", "t": "谢谢"}, numbers=("025",),
    )  # fmt: skip
    filed = tencent.Account(
        secret_id="AKID1", secret_key="s", app_id="1400", sign_names=("烽火",),
        templates={"7": templates("{{{index}}}")[Purpose.FIRE]},
    )  # fmt: skip
    hooks = "http://127.0.0.1/hooks"
    return Town(
        aliyun.AliyunCarrier(account, f"{hooks}/aliyun/{TOKEN}", client=caller(redis_url)),
        tencent.TencentCarrier(filed, f"{hooks}/tencent/{TOKEN}", client=caller(redis_url)),
        door,
    )


async def known() -> list[str]:
    return [row["via"] for row in await fetch("select via from acknowledgements")]


async def test_a_reply_of_1_to_the_sms_acknowledges(town: Town) -> None:
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(serve(town.ali))
        sms = await stack.enter_async_context(AliyunSms(msgspec.structs.replace(SETTINGS.aliyun, sms_base=base), 2))
        await town.burns(Way(Channel.SMS, sms))
        phone = town.ali.phone(PHONE)
        (text,) = phone.texts
        assert text.text.startswith("【烽火】火警 1号楼 ")
        await phone.replies("1")
        await town.ali.pushing.settled()
    assert await known() == ["sms"]
    assert all(push.is_taken for push in town.ali.pushing.done)
    row = await fetch_one("select state, t6, t7 from attempts where channel = 'sms'")
    assert row is not None
    assert row["state"] == "accepted"
    assert row["t6"] is not None
    assert row["t7"] is not None
    kinds = [each["kind"] for each in await fetch("select kind from receipts order by kind")]
    assert kinds == ["accepted", "delivered", "reply"]


async def test_key_1_during_the_call_acknowledges(town: Town) -> None:
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(serve(town.ali))
        voice = await stack.enter_async_context(
            AliyunVoice(msgspec.structs.replace(SETTINGS.aliyun, voice_base=base), 2)
        )
        await town.burns(Way(Channel.VOICE, voice))
        phone = town.ali.phone(PHONE)
        assert phone.ringing.said.startswith("一号楼 ")
        await phone.presses("1")
        assert await known() == ["voice"], "while the call goes on"
        await phone.answers_and_presses("")
    assert await known() == ["voice"]
    kinds = [each["kind"] for each in await fetch("select kind from receipts order by kind")]
    assert kinds == ["accepted", "heard", "key"], "the key is told twice and kept once"


async def test_a_call_that_nobody_takes_says_so_on_the_alarm(town: Town) -> None:
    town.ali.phone(PHONE).busy()
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(serve(town.ali))
        voice = await stack.enter_async_context(
            AliyunVoice(msgspec.structs.replace(SETTINGS.aliyun, voice_base=base), 2)
        )
        await town.burns(Way(Channel.VOICE, voice))
        await town.ali.pushing.settled()
    rows = await fetch("select facts from receipts where kind = 'undelivered'")
    assert [msgspec.json.decode(row["facts"])["reason"] for row in rows] == ["占线"]
    assert await known() == []


async def test_receipts_that_are_early_late_doubled_and_turned_round_are_harmless(town: Town) -> None:
    town.ten.pushing.is_holding = True
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(serve(town.ten))
        sms = await stack.enter_async_context(TencentSms(msgspec.structs.replace(SETTINGS.tencent, api_base=base), 2))
        await town.burns(Way(Channel.SMS, sms))
        phone = town.ten.phone(PHONE)
        await phone.replies("1")
        await town.ten.pushing.settled()
        pushed = await town.ten.pushing.let_go(times=2, is_reversed=True)
    assert [push.kind for push in pushed] == ["reply", "reply", "status", "status"]
    assert all(push.is_taken for push in pushed)
    await settle_early_words()
    assert await known() == ["sms"]
    kinds = [each["kind"] for each in await fetch("select kind from receipts order by kind")]
    assert kinds == ["accepted", "delivered", "reply"]


@pytest.mark.parametrize("vendor", ["aliyun/%s/sms-report", "aliyun/%s/voice-report", "tencent/%s/status"])
async def test_callbacks_are_refused_without_their_token(database: str, redis_url: str, vendor: str) -> None:
    bare = Settings()
    async with caller(redis_url, bare) as client:
        assert (await client.post(f"/hooks/{vendor % TOKEN}", content=b"[{}]")).status_code == 404
    async with caller(redis_url) as client:
        for wrong in ("x", TOKEN[:-1], TOKEN.upper(), "%E7%81%AB"):
            answer = await client.post(f"/hooks/{vendor % wrong}", content=b"[{}]")
            assert answer.status_code == 404
        assert (await client.post(f"/hooks/{vendor % TOKEN}x", content=b"[{}]")).status_code == 404
        assert (await client.get(f"/hooks/{vendor % TOKEN}")).status_code == 405
        assert (await client.post(f"/hooks/{vendor % TOKEN}", content=b"[{}]")).status_code == 200


async def test_a_callback_that_cant_be_read_is_a_clear_problem(database: str, redis_url: str) -> None:
    async with caller(redis_url) as client:
        address = f"/hooks/aliyun/{TOKEN}/sms-report"
        answer = await client.post(address, content=b"<xml>")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_callback")
        assert (await client.post(address, content=b" " * 1_000_001)).status_code == 413
        assert TOKEN not in answer.text
