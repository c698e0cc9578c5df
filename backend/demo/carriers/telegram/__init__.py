"""A Telegram Bot API server on loopback: real wire format, real refusals, faults on request.

The rule: what a bot can see here it could have seen from api.telegram.org (Bot API 10.3); what only a test or
the demo may do goes through `/control` (see `control`) or, in process, `BotApiServer.act`.
"""

from backend.demo.carriers.telegram.actor import CannotDo, Person
from backend.demo.carriers.telegram.client import BotApiControl, ControlRefused
from backend.demo.carriers.telegram.faults import Fault, FaultKind
from backend.demo.carriers.telegram.server import BotApiServer
from backend.demo.carriers.telegram.serving import run, serve
from backend.demo.carriers.telegram.street import ButtonView, ChatView, MessageView, NotificationView
from backend.demo.carriers.telegram.traffic import CarrierRequest

__all__ = [
    "BotApiControl",
    "BotApiServer",
    "ButtonView",
    "CannotDo",
    "CarrierRequest",
    "ChatView",
    "ControlRefused",
    "Fault",
    "FaultKind",
    "MessageView",
    "NotificationView",
    "Person",
    "run",
    "serve",
]
