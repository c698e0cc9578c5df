"""What telephone carriers have in common: telephones that ring, caps for each number, faults, callbacks, serving."""

from backend.demo.carriers.telephony.control import CannotBeDone, TelephoneControl
from backend.demo.carriers.telephony.exchange import Exchange, TelephoneView
from backend.demo.carriers.telephony.serving import serve

__all__ = ["CannotBeDone", "Exchange", "TelephoneControl", "TelephoneView", "serve"]
