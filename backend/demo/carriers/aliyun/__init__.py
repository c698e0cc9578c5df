"""Aliyun 阿里云 on loopback: SendSms, SingleCallByTts, IvrCall and the four callbacks, as it documents them."""

from backend.demo.carriers.aliyun.server import Account, AliyunCarrier
from backend.demo.carriers.telephony.faults import Fault, FaultKind
from backend.demo.carriers.telephony.phones import CallState, CannotDo, Line, Outcome, Ring, Telephone, Text
from backend.demo.carriers.telephony.serving import serve

__all__ = [
    "Account",
    "AliyunCarrier",
    "CallState",
    "CannotDo",
    "Fault",
    "FaultKind",
    "Line",
    "Outcome",
    "Ring",
    "Telephone",
    "Text",
    "serve",
]
