"""What Tencent Cloud calls back with: status reports and replies. Parsing only."""

from collections.abc import Sequence
from typing import Final

from backend.delivery.carrier_words import CarrierSaid, Said
from workers.channels.inbound import Entry, Heard, Replied, field, heard_in, moment
from workers.channels.tencent.sms import NAME

#: the answer that Tencent takes for "received"
ANSWER: Final = {"result": 0, "errmsg": "OK"}
_DELIVERED: Final = "SUCCESS"
#: words of `description` that say the number itself is no good
_DEAD_WORDS: Final = ("空号", "号码不存在", "停机", "黑名单")


def statuses(body: bytes) -> list[Heard]:
    """短信下发状态: what became of messages. `sid` is the SerialNo of the answer."""
    return heard_in(body, _status)


def replies(body: bytes) -> list[Heard]:
    """短信回复: a message that somebody sent us."""
    return heard_in(body, _reply)


def _status(entry: Entry) -> Sequence[Heard]:
    state, serial = field(entry, "report_status"), field(entry, "sid")
    if not state or not serial:
        return []
    is_delivered = state == _DELIVERED
    description = field(entry, "description")
    said = CarrierSaid(
        vendor=NAME,
        said=Said.DELIVERED if is_delivered else Said.UNDELIVERED,
        id=serial,
        phone=_phone(entry),
        code=field(entry, "errmsg"),
        reason="" if is_delivered else description or field(entry, "errmsg"),
        at=moment(field(entry, "user_receive_time")),
        contact_is_dead=not is_delivered and any(word in description for word in _DEAD_WORDS),
    )
    return [said]


def _reply(entry: Entry) -> Sequence[Heard]:
    phone, text = _phone(entry), field(entry, "text")
    if not phone or not text:
        return []
    at = moment(field(entry, "time"))
    return [Replied(vendor=NAME, phone=phone, text=text, extend=field(entry, "extend"), at=at)]


def _phone(entry: Entry) -> str:
    mobile, nation = field(entry, "mobile"), field(entry, "nationcode")
    return mobile if not mobile or mobile.startswith("+") or not nation else f"+{nation.removeprefix('+')}{mobile}"
