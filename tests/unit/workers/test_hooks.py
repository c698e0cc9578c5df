"""What carriers call back with, read leniently: documented bodies, odd ones, and none that breaks anything."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.delivery.carrier_words import CarrierSaid, Said
from workers.channels.aliyun import hooks as aliyun
from workers.channels.inbound import BadCallback, Pressed, Replied
from workers.channels.tencent import hooks as tencent
from workers.channels.web import ALIYUN, TENCENT

READERS = [*ALIYUN.values(), *TENCENT.values()]
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)
KNOWN = st.sampled_from(
    ["phone_number", "success", "err_code", "biz_id", "out_id", "call_id", "status_code", "dtmf", "callee", "mobile",
     "sid", "report_status", "text", "content", "dest_code", "nationcode", "send_time"]
)  # fmt: skip


def body(*entries: dict[str, Any]) -> bytes:
    return msgspec.json.encode(entries)


def test_aliyuns_receipt_is_read_with_its_time_in_china() -> None:
    entry = {
        "phone_number": "13800000001", "report_time": "2026-11-25 22:00:03",
        "success": True, "err_code": "DELIVERED", "err_msg": "用户接收成功", "biz_id": "99^0", "out_id": "7K",
    }  # fmt: skip
    assert aliyun.sms_reports(body(entry)) == [
        CarrierSaid(
            vendor="aliyun", said=Said.DELIVERED, id="99^0", number=272, phone="13800000001", code="DELIVERED",
            at=datetime(2026, 11, 25, 14, 0, 3, tzinfo=UTC),
        )
    ]  # fmt: skip


@pytest.mark.parametrize(("code", "meaning"), aliyun.CALL_RESULTS.items())
def test_every_result_of_a_call_means_something(code: str, meaning: tuple[Said, str]) -> None:
    (said,) = aliyun.voice_reports(body({"call_id": "c1", "status_code": code, "callee": "1", "out_id": "7K"}))
    assert isinstance(said, CarrierSaid)
    assert (said.said, said.reason) == meaning
    assert said.contact_is_dead == (code in {"200004", "200011"})


@pytest.mark.parametrize("name", ["dtmf", "digits"])
def test_a_key_comes_in_either_field_during_the_call_and_after_it(name: str) -> None:
    during = {"call_id": "c1", "status_code": "300000", "out_id": "7K", name: "*1"}
    assert [each.digit for each in aliyun.call_reports(body(during)) if isinstance(each, Pressed)] == ["*", "1"]
    after = aliyun.voice_reports(body({"call_id": "c1", "status_code": "200000", "out_id": "7K", name: "1"}))
    assert [type(each) for each in after] == [CarrierSaid, Pressed]


def test_other_steps_of_a_call_mean_nothing_to_us() -> None:
    assert aliyun.call_reports(body({"call_id": "c1", "status_code": "100000", "out_id": "7K"})) == []


def test_a_reply_keeps_its_destination() -> None:
    (up,) = aliyun.sms_ups(body({"phone_number": "13800000001", "content": "1", "dest_code": "10690550272"}))
    assert up == Replied(vendor="aliyun", phone="13800000001", text="1", extend="10690550272")
    reply = {"extend": "0272", "mobile": "13800000001", "nationcode": "86", "sign": "烽火", "text": "1", "time": "x"}
    assert tencent.replies(msgspec.json.encode(reply)) == [
        Replied(vendor="tencent", phone="+8613800000001", text="1", extend="0272")
    ]


def test_tencents_failure_says_why_and_whether_the_number_is_dead() -> None:
    entry = {
        "user_receive_time": "2026-11-25 22:00:03", "nationcode": "86", "mobile": "13800000001",
        "report_status": "FAIL", "errmsg": "UNDELIV", "description": "空号", "sid": "2028:1",
    }  # fmt: skip
    (said,) = tencent.statuses(body(entry))
    assert isinstance(said, CarrierSaid)
    assert (said.said, said.id, said.reason, said.contact_is_dead) == (Said.UNDELIVERED, "2028:1", "空号", True)


def test_a_bad_entry_takes_no_good_one_with_it() -> None:
    good = {"biz_id": "1", "success": "true", "err_code": "DELIVERED"}
    found = aliyun.sms_reports(body({}, {"biz_id": None}, good, {"success": True}))
    assert [each.id for each in found if isinstance(each, CarrierSaid)] == ["1"]


@pytest.mark.parametrize("raw", [b"", b"{", b"1", b'"x"', b"[]", b"[1]", b"\xff", b"[" * 100_000, b"null"])
@pytest.mark.parametrize("read", READERS)
def test_what_is_no_callback_is_refused_clearly(read: Any, raw: bytes) -> None:
    with pytest.raises(BadCallback):
        read(raw)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(KNOWN, JSON), min_size=1, max_size=3), st.sampled_from(READERS))
def test_no_fields_of_any_kind_break_the_reading(entries: list[dict[str, Any]], read: Any) -> None:
    read(msgspec.json.encode(entries))
