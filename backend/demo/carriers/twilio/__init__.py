"""A Twilio server on loopback: the REST API's forms and answers, signed callbacks, telephones that can be answered.

The rule: what a client sees here it could have seen from api.twilio.com (version 2010-04-01).
"""

from backend.demo.carriers.telephony.faults import Fault, FaultKind
from backend.demo.carriers.telephony.serving import serve
from backend.demo.carriers.twilio.calls import CallStatus, PhoneCall, TwilioText
from backend.demo.carriers.twilio.server import TwilioServer

__all__ = ["CallStatus", "Fault", "FaultKind", "PhoneCall", "TwilioServer", "TwilioText", "serve"]
