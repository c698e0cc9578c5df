"""A Twilio server on loopback: the REST API's forms and answers, signed callbacks, telephones that can be answered.

The rule: what a client sees here it could have seen from api.twilio.com (version 2010-04-01). What people do with
their telephones goes through the server's own methods: `answer`, `press`, `hang_up`, `reply`, …
"""

from backend.demo.carriers.twilio.calls import CallState, PhoneCall
from backend.demo.carriers.twilio.faults import Fault, FaultKind
from backend.demo.carriers.twilio.server import Text, TwilioServer
from backend.demo.carriers.twilio.serving import serve

__all__ = ["CallState", "Fault", "FaultKind", "PhoneCall", "Text", "TwilioServer", "serve"]
