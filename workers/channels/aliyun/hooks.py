"""What Aliyun calls back with: SmsReport, SmsUp, VoiceReport, VoiceCallReport. Parsing only; lenient as the notes say.

Aliyun documents no signature for these: the token in the address is all that speaks for it, so a receipt moves evidence
only, and an answer counts for the owner of the telephone it is about.
"""

from collections.abc import Sequence
from typing import Final

from backend.core.i18n import N_
from backend.delivery.carrier_words import CarrierSaid, Said
from workers.channels.aliyun.client import NAME
from workers.channels.inbound import (
    Entry,
    Heard,
    Pressed,
    Replied,
    field,
    flag,
    heard_in,
    keys,
    moment,
    number_in,
)

#: the answer that Aliyun takes for "received"; anything else makes it call again
ANSWER: Final = {"code": 0, "msg": "成功"}
KEY_PRESSED: Final = "300000"
#: what a call came to, in words: `status_code` of VoiceReport
CALL_RESULTS: Final = {
    "200000": (Said.HEARD, ""),
    "200008": (Said.HEARD, N_("未按键")),
    "200001": (Said.UNDELIVERED, N_("提前挂断")),
    "200002": (Said.UNDELIVERED, N_("占线")),
    "200003": (Said.UNDELIVERED, N_("无人接听")),
    "200004": (Said.UNDELIVERED, N_("空号")),
    "200005": (Said.UNDELIVERED, N_("无法接通")),
    "200007": (Said.UNDELIVERED, N_("不在服务区")),
    "200010": (Said.UNDELIVERED, N_("关机")),
    "200011": (Said.UNDELIVERED, N_("停机")),
    "200121": (Said.UNDELIVERED, N_("并发超限")),
}
#: results that say the number itself is no good
DEAD_NUMBERS: Final = frozenset({"200004", "200011", "MOBILE_NOT_ON_SERVICE", "MOBILE_IN_BLACK"})


def sms_reports(body: bytes) -> list[Heard]:
    """SmsReport: what became of messages."""
    return heard_in(body, _sms_report)


def sms_ups(body: bytes) -> list[Heard]:
    """SmsUp: messages that people sent us."""
    return heard_in(body, _sms_up)


def voice_reports(body: bytes) -> list[Heard]:
    """VoiceReport: what became of calls; the keys are told once more."""
    return heard_in(body, _voice_report)


def call_reports(body: bytes) -> list[Heard]:
    """VoiceCallReport: what happens during calls, keys among it."""
    return heard_in(body, _call_report)


def _sms_report(entry: Entry) -> Sequence[Heard]:
    code, is_delivered = field(entry, "err_code"), flag(entry, "success")
    if not field(entry, "biz_id", "out_id"):
        return []
    said = CarrierSaid(
        vendor=NAME,
        said=Said.DELIVERED if is_delivered else Said.UNDELIVERED,
        id=field(entry, "biz_id"),
        number=number_in(entry, "out_id"),
        phone=field(entry, "phone_number"),
        code=code,
        reason="" if is_delivered else field(entry, "err_msg") or code,
        at=moment(field(entry, "report_time")),
        contact_is_dead=code in DEAD_NUMBERS and not is_delivered,
    )
    return [said]


def _sms_up(entry: Entry) -> Sequence[Heard]:
    phone = field(entry, "phone_number")
    if not phone or not field(entry, "content"):
        return []
    at = moment(field(entry, "send_time"))
    extend = field(entry, "dest_code")
    return [Replied(vendor=NAME, phone=phone, text=field(entry, "content"), extend=extend, at=at)]


def _voice_report(entry: Entry) -> Sequence[Heard]:
    code, call = field(entry, "status_code"), field(entry, "call_id")
    if not (call or field(entry, "out_id")) or not code:
        return []
    said, reason = CALL_RESULTS.get(code, (Said.UNDELIVERED, field(entry, "status_msg") or code))
    report = CarrierSaid(
        vendor=NAME,
        said=said,
        id=call,
        number=number_in(entry, "out_id"),
        phone=field(entry, "callee"),
        code=code,
        reason=reason,
        at=moment(field(entry, "end_time")),
        contact_is_dead=code in DEAD_NUMBERS,
    )
    return [report, *_keys_of(entry)]


def _call_report(entry: Entry) -> Sequence[Heard]:
    """Every step of a call is told; only keys mean something to us."""
    if field(entry, "status_code") != KEY_PRESSED:
        return []
    return _keys_of(entry)


def _keys_of(entry: Entry) -> list[Heard]:
    """The reference names the field `dtmf`, the page for beginners `digits`."""
    return [
        Pressed(
            vendor=NAME,
            digit=digit,
            id=field(entry, "call_id"),
            number=number_in(entry, "out_id"),
            phone=field(entry, "callee"),
            at=moment(field(entry, "status_time", "end_time")),
        )
        for digit in keys(entry, "dtmf", "digits")
    ]
