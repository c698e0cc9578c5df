"""Twilio: its signature, its error codes, what it is told to say, what it needs to be set up."""

from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.errors import BadSettings
from backend.core.ids import AttemptId, new_id
from backend.core.settings import Secret, Settings, Sms, Twilio, Voice
from backend.delivery.model import RefusalKind
from workers.channels.ports import Call, Purpose
from workers.channels.twilio.errors import KINDS, refusal_of
from workers.channels.twilio.signing import is_signed, sign
from workers.channels.twilio.twiml import answering, calling, texting
from workers.channels.vendors import sms_channel, voice_channel

#: the example in Twilio's own description and in its libraries' tests
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FIELDS = {
    "CallSid": ["CA1234567890ABCDE"],
    "Digits": ["1234"],
    "From": ["+14158675309"],
    "To": ["+18005551212"],
    "Caller": ["+14158675309"],
}
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
SID = f"AC{'0' * 32}"


def test_the_signature_of_twilios_own_example_is_reproduced() -> None:
    assert sign("12345", URL, FIELDS) == SIGNATURE
    assert is_signed("12345", URL, FIELDS, SIGNATURE)


@pytest.mark.parametrize(
    ("token", "url", "fields", "signature"),
    [
        ("", URL, FIELDS, SIGNATURE),
        ("12345", URL, FIELDS, ""),
        ("12346", URL, FIELDS, SIGNATURE),
        ("12345", URL.replace("https", "http"), FIELDS, SIGNATURE),
        ("12345", URL.replace("bar=2", "bar=3"), FIELDS, SIGNATURE),
        ("12345", URL, FIELDS | {"Digits": ["1"]}, SIGNATURE),
        ("12345", URL, FIELDS | {"More": ["1"]}, SIGNATURE),
        ("12345", URL, FIELDS, SIGNATURE.lower()),
        ("12345", URL, FIELDS, "签名"),
    ],
)
def test_nothing_else_is_taken_for_twilio(token: str, url: str, fields: dict[str, list[str]], signature: str) -> None:
    assert not is_signed(token, url, fields, signature)


def test_a_port_may_be_signed_or_not() -> None:
    for url in ("https://fenghuo.example:443/hooks/x?attempt=1", "https://fenghuo.example/hooks/x?attempt=1"):
        assert is_signed("t", "https://fenghuo.example/hooks/x?attempt=1", {}, sign("t", url, {}))


def test_a_field_that_comes_twice_is_signed_with_each_value_once() -> None:
    assert sign("t", URL, {"a": ["2", "1", "2"]}) == sign("t", URL, {"a": ["1", "2"]})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        *((400, f'{{"code": {code}, "message": "no"}}', kind) for code, kind in KINDS.items()),
        (400, '{"code": 29999, "message": "new"}', RefusalKind.CONTENT),
        (401, "{}", RefusalKind.CONFIGURATION),
        (429, "", RefusalKind.BUSY),
        (500, '{"code": 21211}', RefusalKind.AWAY),
        (502, "<html>", RefusalKind.AWAY),
        (302, "", RefusalKind.CONFIGURATION),
        (400, '{"code": "x"}', RefusalKind.CONTENT),
    ],
)
def test_every_code_has_its_class(status: int, body: str, kind: RefusalKind) -> None:
    refusal = refusal_of(status, body.encode(), 3.0)
    assert refusal.kind is kind
    assert refusal.reason.startswith("twilio: ")
    assert refusal.retry_after == (3.0 if kind is RefusalKind.BUSY else None)


def a_call(**changes: object) -> Call:
    call = Call(
        attempt=AttemptId(new_id()),
        number=7,
        phone="+4915112345678",
        purpose=Purpose.FIRE,
        language="zh_CN",
        sentence="二号楼五层走廊，火警。",
        prompt="按1确认，按2误报。",
        parts=(),
        keys=("1", "2", "3", "*"),
    )
    return msgspec.structs.replace(call, **changes)


def test_a_call_says_the_place_first_and_twice_and_hears_a_key_meanwhile() -> None:
    root = ET.fromstring(calling(a_call(), "https://x.example/key?attempt=7&y=1"))
    gather = root[0]
    assert (gather.tag, gather.get("input"), gather.get("numDigits"), gather.get("method")) == (
        "Gather",
        "dtmf",
        "1",
        "POST",
    )
    assert gather.get("action") == "https://x.example/key?attempt=7&y=1"
    said = gather[0]
    assert said.text == "二号楼五层走廊，火警。 二号楼五层走廊，火警。 按1确认，按2误报。"
    assert said.get("language") == "cmn-CN"
    assert [each.tag for each in root] == ["Gather", "Gather", "Say"]


def test_a_restoration_is_only_said() -> None:
    root = ET.fromstring(calling(a_call(keys=(), prompt="", language="en"), "https://x.example/"))
    assert [(each.tag, each.get("language")) for each in root] == [("Say", "en-US")]


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=60))
def test_whatever_a_panel_says_the_document_stays_well_formed(words: str) -> None:
    root = ET.fromstring(answering(words, "zh_CN", words, "https://x.example/?a=1&b=<2>"))
    assert all((each.text or "") == words for each in root.iter("Say"))
    assert "".join(each.text or "" for each in ET.fromstring(texting(words)).iter("Message")) == words


def test_an_unknown_vendor_or_one_that_is_not_set_up_stops_the_start() -> None:
    with pytest.raises(BadSettings, match=r"section \[sms\]: no vendor nobody; known: .*twilio"):
        sms_channel(Settings(sms=Sms(vendors=("nobody",))))
    with pytest.raises(BadSettings, match=r"\[twilio\] account_sid is not set"):
        sms_channel(Settings(sms=Sms(vendors_abroad=("twilio",))))
    twilio = Twilio(account_sid=SID, auth_token=Secret("t"))
    with pytest.raises(BadSettings, match=r"\[twilio\] sender is not set"):
        sms_channel(Settings(sms=Sms(vendors_abroad=("twilio",)), twilio=twilio))
    twilio = Twilio(account_sid=SID, auth_token=Secret("t"), sender=f"MG{'0' * 32}")
    with pytest.raises(BadSettings, match=r"\[twilio\] caller is not set"):
        voice_channel(Settings(voice=Voice(vendors_abroad=("twilio",)), twilio=twilio))


def test_without_vendors_there_is_no_channel() -> None:
    assert sms_channel(Settings()) is None
    assert voice_channel(Settings()) is None
