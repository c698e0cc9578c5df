"""Tencent Cloud 腾讯云 SMS on loopback: SendSms, status reports and replies, as its documentation has them."""

from backend.demo.carriers.telephony.faults import Fault, FaultKind
from backend.demo.carriers.telephony.phones import Telephone, Text
from backend.demo.carriers.telephony.serving import serve
from backend.demo.carriers.tencent.server import Account, TencentCarrier

__all__ = ["Account", "Fault", "FaultKind", "Telephone", "TencentCarrier", "Text", "serve"]
