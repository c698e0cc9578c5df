"""Aliyun's and Tencent Cloud's clients against their servers on loopback: what arrives, what is refused and as what."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.errors import BadSettings
from backend.core.ids import AttemptId, new_id
from backend.core.settings import Aliyun, Secret, Tencent
from backend.delivery.model import RefusalKind
from backend.demo.carriers import aliyun, tencent
from backend.demo.carriers.aliyun import AliyunCarrier, Fault, FaultKind, serve
from backend.demo.carriers.tencent import TencentCarrier
from tests.patience import PATIENCE_S
from workers.channels.aliyun import refusals as aliyun_refusals
from workers.channels.aliyun.sms import AliyunSms
from workers.channels.aliyun.voice import AliyunVoice
from workers.channels.ports import Call, Purpose, Sms, VendorRefusal
from workers.channels.tencent import refusals as tencent_refusals
from workers.channels.tencent.sms import TencentSms
from workers.channels.words import KEYS, templates

PARTS = (("where", "2号楼 5层~*'()&=+%"), ("what", "感烟"), ("time", "14:03:22"), ("unit", "单位A"), ("code", "7K"))
PHONE = "+8613800000001"
VENDOR_S = 2.0  #: how long a vendor is waited for; one of them stalls
SAID = "${where}，${what}。${unit}，${time}。按1确认"
SMS_CODES = {f"SMS_{purpose}": text for purpose, text in templates().items()}


def an_sms(**changes: Any) -> Sms:
    text = "【烽火】火警 2号楼 5层~*'()&=+% 感烟 14:03:22 单位A 请立即核实 回复1确认 2误报 码7K"
    sms = Sms(attempt=AttemptId(new_id()), number=272, phone=PHONE, purpose=Purpose.FIRE, text=text, parts=PARTS)
    return msgspec.structs.replace(sms, **changes)


def a_call(**changes: Any) -> Call:
    call = Call(
        attempt=AttemptId(new_id()), number=272, phone=PHONE, purpose=Purpose.FIRE, language="zh_CN", sentence="",
        prompt="", parts=PARTS[:4], keys=KEYS,
    )  # fmt: skip
    return msgspec.structs.replace(call, **changes)


@pytest.fixture
def still() -> Iterator[StillClock]:
    one = StillClock(datetime(2026, 11, 25, 6, tzinfo=UTC))
    with clock.use(one):
        yield one


class Aliyuns:
    """The carrier and both clients."""

    def __init__(self, carrier: AliyunCarrier, sms: AliyunSms, voice: AliyunVoice, settings: Aliyun) -> None:
        self.carrier = carrier
        self.sms = sms
        self.voice = voice
        self.settings = settings


@pytest.fixture
async def ali(still: StillClock) -> AsyncIterator[Aliyuns]:
    account = aliyun.Account(
        key_id="LTAI1",
        key_secret="secret-1",
        sign_names=("烽火",),
        sms_templates=SMS_CODES,
        voice_templates={"TTS_1": SAID, "TTS_9": "谢谢"},
        numbers=("02512345678",),
    )
    carrier = AliyunCarrier(account)
    async with serve(carrier) as base:
        settings = Aliyun(
            key_id="LTAI1", key_secret=Secret("secret-1"), sign_name="烽火", sms_fire="SMS_fire",
            sms_restored="SMS_unfiled", voice_mode="ivr", voice_fire="TTS_1", voice_thanks="TTS_9",
            show_number="02512345678", sms_base=base, voice_base=base,
        )  # fmt: skip
        async with AliyunSms(settings, VENDOR_S) as sms, AliyunVoice(settings, VENDOR_S) as voice:
            yield Aliyuns(carrier, sms, voice, settings)


@pytest.fixture
async def tencent_carrier(still: StillClock) -> TencentCarrier:
    filed = {str(n): text for n, text in enumerate(templates("{{{index}}}").values())}
    account = tencent.Account(
        secret_id="AKID1", secret_key="secret-1", app_id="1400", sign_names=("烽火",), templates=filed
    )
    return TencentCarrier(account)


@pytest.fixture
async def ten(tencent_carrier: TencentCarrier) -> AsyncIterator[TencentSms]:
    async with serve(tencent_carrier) as base:
        settings = Tencent(
            secret_id="AKID1",
            secret_key=Secret("secret-1"),
            app_id="1400",
            sign_name="烽火",
            sms_fire="0",
            api_base=base,
        )
        async with TencentSms(settings, VENDOR_S) as sms:
            yield sms


async def refusal(doing: Any) -> VendorRefusal:
    with pytest.raises(VendorRefusal) as caught:
        await doing
    return caught.value


async def test_a_text_arrives_as_it_was_written(ali: Aliyuns, ten: TencentSms, tencent_carrier: TencentCarrier) -> None:
    taken = await ali.sms.send(an_sms())
    (text,) = ali.carrier.phone(PHONE).texts
    assert (taken.vendor, taken.id, text.text, text.out_id) == ("aliyun", text.id, an_sms().text, "7K")
    taken = await ten.send(an_sms())
    (text,) = tencent_carrier.phone(PHONE).texts
    assert (taken.vendor, taken.id, text.text, text.out_id) == ("tencent", text.id, an_sms().text, "7K")


async def test_a_call_rings_says_the_message_and_hears_a_key(ali: Aliyuns) -> None:
    taken = await ali.voice.call(a_call())
    phone = ali.carrier.phone(PHONE)
    assert phone.ringing is not None
    assert phone.ringing.id == taken.id
    assert phone.ringing.said.startswith("2号楼 5层")
    await phone.answers_and_presses("1")
    assert [push.kind for push in ali.carrier.pushing.held] == ["call-report", "voice-report"]


async def test_without_a_menu_the_call_only_speaks(ali: Aliyuns) -> None:
    plain = msgspec.structs.replace(ali.settings, voice_mode="tts", show_number="")
    async with AliyunVoice(plain, PATIENCE_S) as voice:
        await voice.call(a_call())
    await ali.carrier.phone(PHONE).answers_and_presses("1")
    assert [push.kind for push in ali.carrier.pushing.held] == ["voice-report"]
    assert ali.carrier.requests[-1].headers["x-acs-action"] == "SingleCallByTts"


def codes(table: dict[str, RefusalKind], kind: RefusalKind) -> list[str]:
    return [code for code, means in table.items() if means is kind]


@pytest.mark.parametrize("kind", sorted(set(aliyun_refusals.CODES.values())))
async def test_every_code_of_aliyun_is_its_kind(ali: Aliyuns, kind: RefusalKind) -> None:
    for code in codes(aliyun_refusals.CODES, kind):
        message = "触发小时级流控Permits:5"
        ali.carrier.faults.add(Fault(kind=FaultKind.BUSINESS, code=code, message=message, times=2))
        for doing in (ali.sms.send(an_sms()), ali.voice.call(a_call())):
            refused = await refusal(doing)
            assert (refused.kind, refused.code) == (kind, code)
            assert refused.retry_after == (3600 if kind is RefusalKind.LIMIT else None)


@pytest.mark.parametrize("kind", sorted(set(tencent_refusals.CODES.values())))
async def test_every_code_of_tencent_is_its_kind(
    ten: TencentSms, tencent_carrier: TencentCarrier, kind: RefusalKind
) -> None:
    for code in codes(tencent_refusals.CODES, kind):
        tencent_carrier.faults.add(Fault(kind=FaultKind.BUSINESS, code=code, times=1))
        refused = await refusal(ten.send(an_sms()))
        assert (refused.kind, refused.code, refused.retry_after) == (kind, code, tencent_refusals.WINDOWS.get(code))


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("isv.NEW", 200, RefusalKind.CONFIGURATION), ("isp.NEW", 200, RefusalKind.AWAY),
        ("Throttling.New", 400, RefusalKind.BUSY), ("New", 503, RefusalKind.AWAY),
        ("New", 400, RefusalKind.CONFIGURATION),
    ],
)  # fmt: skip
def test_codes_of_aliyun_that_are_new_to_us_are_read_by_their_family(code: str, status: int, kind: RefusalKind) -> None:
    assert aliyun_refusals.kind_of(code, status) is kind


def test_codes_of_tencent_that_are_new_to_us_are_read_by_their_family() -> None:
    said = ("InternalError.New", "InvalidParameterValue.New", "RequestLimitExceeded.New", "LimitExceeded.New")
    assert [tencent_refusals.kind_of(code) for code in said] == [
        RefusalKind.AWAY, RefusalKind.CONTENT, RefusalKind.BUSY, RefusalKind.CONFIGURATION,
    ]  # fmt: skip


FAULTS = [
    (Fault(kind=FaultKind.HTTP, status=500), RefusalKind.AWAY),
    (Fault(kind=FaultKind.HTTP, status=503), RefusalKind.AWAY),
    (Fault(kind=FaultKind.HTTP, status=429), RefusalKind.BUSY),
    (Fault(kind=FaultKind.HTTP, status=403), RefusalKind.CONFIGURATION),
    (Fault(kind=FaultKind.STALL, seconds=60), RefusalKind.UNKNOWN),
    (Fault(kind=FaultKind.DROP, is_carried_out=True), RefusalKind.UNKNOWN),
    (Fault(kind=FaultKind.NONSENSE), RefusalKind.UNKNOWN),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
async def test_what_goes_wrong_on_the_way_says_whether_it_may_have_been_sent(
    ali: Aliyuns, ten: TencentSms, tencent_carrier: TencentCarrier, fault: Fault, kind: RefusalKind
) -> None:
    ali.carrier.faults.add(msgspec.structs.replace(fault))
    tencent_carrier.faults.add(msgspec.structs.replace(fault))
    refused = [await refusal(each.send(an_sms())) for each in (ali.sms, ten)]
    assert [each.kind for each in refused] == [kind, kind]
    assert all("secret-1" not in str(each) and "1380" not in str(each) for each in refused)


async def test_a_carrier_that_is_not_there_was_surely_not_asked(ali: Aliyuns) -> None:
    gone = msgspec.structs.replace(ali.settings, sms_base="http://127.0.0.1:9")
    async with AliyunSms(gone, PATIENCE_S) as sms:
        assert (await refusal(sms.send(an_sms()))).kind is RefusalKind.AWAY


async def test_a_wrong_secret_is_found_by_the_carriers_own_check(
    ali: Aliyuns, ten: TencentSms, tencent_carrier: TencentCarrier
) -> None:
    async with AliyunSms(msgspec.structs.replace(ali.settings, key_secret=Secret("another")), PATIENCE_S) as sms:
        assert (await refusal(sms.send(an_sms()))).code == "SignatureDoesNotMatch"
    wrong = msgspec.structs.replace(ten.settings, secret_key=Secret("another"))
    async with TencentSms(wrong, PATIENCE_S) as other:
        assert (await refusal(other.send(an_sms()))).code == "AuthFailure.SignatureFailure"
    assert ali.carrier.phones == tencent_carrier.phones == {}


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"parts": (*PARTS[:4],)}, RefusalKind.CONTENT, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"parts": (("where", "http://a.cn"), *PARTS[1:])}, RefusalKind.CONTENT, "isv.PARAM_NOT_SUPPORT_URL"),
        ({"parts": (("where", "长" * 36), *PARTS[1:])}, RefusalKind.CONTENT, "isv.PARAM_LENGTH_LIMIT"),
        ({"phone": "+8612"}, RefusalKind.CONTACT, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"purpose": Purpose.RESTORED}, RefusalKind.CONFIGURATION, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"purpose": Purpose.STORM}, RefusalKind.CONTENT, ""),
        ({"phone": "+447700900123"}, RefusalKind.CONTENT, ""),
    ],
)
async def test_what_the_carrier_itself_finds_wrong(
    ali: Aliyuns, change: dict[str, Any], kind: RefusalKind, code: str
) -> None:
    refused = await refusal(ali.sms.send(an_sms(**change)))
    assert (refused.kind, refused.code) == (kind, code)


async def test_the_caps_of_a_number_are_refused_until_their_window_ends(
    ali: Aliyuns, ten: TencentSms, still: StillClock
) -> None:
    await ali.voice.call(a_call())
    await ali.carrier.phone(PHONE).does_not_answer()
    refused = await refusal(ali.voice.call(a_call()))
    assert (refused.kind, refused.retry_after) == (RefusalKind.LIMIT, 60)
    await ten.send(an_sms())
    assert (await refusal(ten.send(an_sms()))).retry_after == 30
    for _ in range(50):
        await ali.sms.send(an_sms())
    assert (await refusal(ali.sms.send(an_sms()))).retry_after == 86_400
    still.advance(timedelta(minutes=1))
    await ali.voice.call(a_call())
    await ten.send(an_sms())
    still.advance(timedelta(days=1))
    await ali.sms.send(an_sms())


async def test_without_credentials_there_is_no_client() -> None:
    for make in (lambda: AliyunSms(Aliyun(), 1), lambda: AliyunVoice(Aliyun(), 1), lambda: TencentSms(Tencent(), 1)):
        with pytest.raises(BadSettings):
            make()
