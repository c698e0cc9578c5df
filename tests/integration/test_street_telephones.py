"""The street's telephones: one number, whichever carrier reached it; what people do goes back to the carrier."""

from collections.abc import AsyncIterator

import pytest

from backend.core.ids import AttemptId, new_id
from backend.core.settings import Settings, load
from backend.demo import telephones
from backend.demo.carriers.telephony import CannotBeDone, Exchange, TelephoneControl, serve
from workers.channels.aliyun.sms import AliyunSms
from workers.channels.aliyun.voice import AliyunVoice
from workers.channels.ports import Call, Purpose, Sms
from workers.channels.tencent.sms import TencentSms
from workers.channels.words import PARTS, templates

NUMBER = "13800000001"
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


def a_call() -> Call:
    return Call(
        attempt=AttemptId(new_id()),
        number=1,
        phone=f"+86{NUMBER}",
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
