"""The street's telephones: one number, whichever carrier reached it; what people do goes back to the carrier."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from backend.core import clock
from backend.core.ids import AttemptId, new_id
from backend.core.settings import Settings, load
from backend.demo import telephones
from backend.demo.carriers.telephony import CannotBeDone, Exchange, TelephoneControl, serve
from backend.demo.carriers.telephony.exchange import Connected
from backend.demo.carriers.twilio import TwilioServer
from backend.demo.carriers.twilio.server import API_PATH
from tests.patience import PATIENCE_S
from workers.channels.aliyun.sms import AliyunSms
from workers.channels.aliyun.voice import AliyunVoice
from workers.channels.ports import Call, Purpose, Sms
from workers.channels.tencent.sms import TencentSms
from workers.channels.twilio.client import TwilioSms, TwilioVoice
from workers.channels.words import PARTS, templates

NUMBER = "13800000001"
ABROAD = "+4915228817386"
VALUES = {"where": "1号楼 2层 走廊", "what": "感烟探测器", "time": "14:03:22", "unit": "示范大厦", "code": "7K"}


class Town:
    """The exchange, the settings of a provider who sends by it, and the street's way to its telephones."""

    def __init__(self, base: str, exchange: Exchange, settings: Settings, control: TelephoneControl) -> None:
        self.base = base
        self.exchange = exchange
        self.settings = settings
        self.control = control


def settings_at(base: str) -> Settings:
    return load(None, telephones.environment(base, "a" * 32) | {"FENGHUO_HTTP_PORT": "1"})


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    exchange = telephones.build_exchange(settings_at("http://127.0.0.1:1"))
    async with serve(exchange) as base, TelephoneControl(base) as control:
        yield Town(base, exchange, settings_at(base), control)


def a_text(**changes: object) -> Sms:
    given = {"attempt": AttemptId(new_id()), "number": 1, "phone": f"+86{NUMBER}", "purpose": Purpose.FIRE, "text": ""}
    return Sms(**{**given, "parts": tuple((name, VALUES[name]) for name in PARTS), **changes})  # type: ignore[arg-type]


def a_call(phone: str = f"+86{NUMBER}") -> Call:
    return Call(
        attempt=AttemptId(new_id()),
        number=1,
        phone=phone,
        purpose=Purpose.FIRE,
        language="zh_CN",
        sentence="",
        prompt="",
        parts=(("where", "一号楼二层走廊"), ("what", "火警"), ("unit", "示范大厦"), ("time", "十四点零三分")),
        keys=("1", "2", "3", "*"),
    )


def test_the_demonstration_has_filed_the_templates_word_for_word() -> None:
    names = {name: f"${{{name}}}" for name in telephones.VARIABLES}
    assert telephones.VARIABLES == PARTS
    assert {purpose: text.format(**names) for purpose, text in telephones.TEXTS.items()} == templates()


async def test_one_telephone_shows_the_texts_of_both_carriers(town: Town) -> None:
    for client in (AliyunSms(town.settings.aliyun, 5), TencentSms(town.settings.tencent, 5)):
        await client.open()
        await client.send(a_text())
        await client.close()
    seen = await town.control.telephone(NUMBER)
    assert [text.carrier for text in seen.texts] == ["aliyun", "tencent"]
    assert seen.texts[0].text == seen.texts[1].text
    assert seen.texts[0].text.startswith("【烽火】火警 1号楼 2层 走廊")
    changes = await town.control.changes(0)
    assert (changes.version > 0, changes.numbers) == (True, [NUMBER])


async def test_a_call_rings_hears_keys_and_ends(town: Town) -> None:
    client = AliyunVoice(town.settings.aliyun, 5)
    await client.open()
    await client.call(a_call())
    await client.close()
    (ringing,) = (await town.control.telephone(NUMBER)).calls
    assert (ringing.state, ringing.said.startswith("一号楼二层走廊，火警")) == ("ringing", True)
    (answered,) = (await town.control.does(NUMBER, "press", "1")).calls
    assert (answered.state, answered.pressed) == ("answered", "1")
    (ended,) = (await town.control.does(NUMBER, "hang_up")).calls
    assert (ended.state, ended.outcome) == ("ended", "heard")
    with pytest.raises(CannotBeDone):
        await town.control.does(NUMBER, "press", "1")


async def test_a_telephone_that_never_got_a_text_has_nothing_to_reply_to(town: Town) -> None:
    with pytest.raises(CannotBeDone, match="no text"):
        await town.control.does(NUMBER, "reply", "1")
    with pytest.raises(CannotBeDone, match="no such deed"):
        await town.control.does(NUMBER, "sing")


async def test_the_exchange_knows_twilio_by_its_path_and_nobody_by_any_other(town: Town) -> None:
    client = TwilioSms(town.settings.twilio, town.settings.public_url, 5)
    await client.send(a_text(phone=ABROAD, text="FIRE 1st floor"))
    await client.close()
    (text,) = (await town.control.telephone(ABROAD)).texts
    assert (text.carrier, text.text) == ("twilio", "FIRE 1st floor")
    assert (await town.control.changes(0)).numbers == [ABROAD]
    async with httpx.AsyncClient(base_url=town.base, trust_env=False) as stranger:
        unsigned = await stranger.post(
            f"{API_PATH}Accounts/{telephones.ACCOUNT_SID}/Messages.json", data={"To": ABROAD}
        )
        assert (unsigned.status_code, unsigned.json()["code"]) == (401, 20003)
        auth = (telephones.ACCOUNT_SID, "a" * 32)
        lost = await stranger.post(f"{API_PATH}Accounts/{telephones.ACCOUNT_SID}/Faxes.json", auth=auth)
        assert (lost.status_code, lost.json()["code"]) == (404, 20404)
        elsewhere = await stranger.post("/2011-01-01/Accounts/x/Messages.json", auth=auth)
        assert elsewhere.json() == {"detail": "no carrier of this exchange is meant"}


async def test_a_call_from_each_carrier_comes_to_one_telephone(town: Town) -> None:
    for client in (
        AliyunVoice(town.settings.aliyun, 5),
        TwilioVoice(town.settings.twilio, town.settings.public_url, 5),
    ):
        await client.call(a_call())
        await client.close()
    calls = (await town.control.telephone(NUMBER)).calls
    assert [call.carrier for call in calls] == ["aliyun", "twilio"]


async def test_a_call_that_nobody_takes_ends_when_the_time_is_up_that_it_was_to_ring() -> None:
    now = clock.now()
    twilio = TwilioServer(telephones.ACCOUNT_SID, "a" * 32, now=lambda: now)
    exchange = Exchange([Connected("twilio", twilio, path=API_PATH)], now=lambda: now)
    async with serve(exchange) as base:
        settings = settings_at(base)
        client = TwilioVoice(settings.twilio, "http://127.0.0.1:1", 5)
        await client.call(a_call(ABROAD))
        await client.close()
        ringing = asyncio.create_task(exchange.let_ring_out())
        (call,) = twilio.calls.values()
        assert call.rings_for == timedelta(seconds=settings.twilio.ring_s)
        now += call.rings_for - timedelta(seconds=1)
        await asyncio.sleep(0)
        assert exchange.telephone(ABROAD).calls[0].state == "ringing"
        now += timedelta(seconds=1)
        async with asyncio.timeout(PATIENCE_S):
            while exchange.telephone(ABROAD).calls[0].outcome != "not_answered":
                await asyncio.sleep(0.01)
        ringing.cancel()
