"""A call and the TwiML it runs through: what was said, and which key is waited for. Pure."""

from enum import StrEnum
from typing import Final
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

import msgspec

_LONGEST_TWIML: Final = 4000
_VERBS: Final = frozenset({"Say", "Gather", "Hangup", "Pause"})


class CallState(StrEnum):
    """Twilio's CallStatus."""

    QUEUED = "queued"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"


class BadTwiml(ValueError):  # noqa: N818 - the fact
    """The document is none that can be run."""


class Verb(msgspec.Struct, frozen=True):
    """One thing to do: say something, perhaps waiting for a key."""

    said: tuple[str, ...] = ()
    action: str | None = None  #: where a key goes
    is_end: bool = False


class PhoneCall(msgspec.Struct, kw_only=True):
    """A call as its telephone knows it."""

    sid: str
    to: str
    from_: str
    form: dict[str, str]
    todo: list[Verb]
    state: CallState = CallState.QUEUED
    said: list[str] = msgspec.field(default_factory=list)
    action: str | None = None  #: where a key pressed now goes
    sequence: int = 0

    @property
    def is_ringing(self) -> bool:
        """Whether it can be answered."""
        return self.state is CallState.QUEUED

    def go_on(self) -> None:
        """Say what is next, up to where a key is waited for; after the last word the call is over."""
        self.action = None
        while self.todo:
            verb = self.todo.pop(0)
            self.said.extend(verb.said)
            if verb.is_end:
                self.todo.clear()
            if verb.action is not None:
                self.action = verb.action
                return
        self.state = CallState.COMPLETED


def read_twiml(text: str, base: str = "") -> list[Verb]:
    """The verbs of a document. Raises BadTwiml."""
    if len(text) > _LONGEST_TWIML:
        raise BadTwiml("longer than 4000 characters")
    try:
        root = ET.fromstring(text.encode())  # noqa: S314 - on loopback, and what our own client sent
    except ET.ParseError as error:
        raise BadTwiml(str(error)) from None
    if root.tag != "Response" or any(each.tag not in _VERBS for each in root):
        raise BadTwiml("no Response, or a verb that is not known here")
    return [_verb(each, base) for each in root]


def read_message(text: str) -> str:
    """The words of a document that answers a text; empty when it says nothing."""
    root = ET.fromstring(text.encode())  # noqa: S314 - on loopback, and what our own hook answered
    return "".join(each.text or "" for each in root.iter("Message"))


def _verb(element: ET.Element, base: str) -> Verb:
    said = tuple(each.text or "" for each in element.iter("Say"))
    if element.tag == "Gather":
        return Verb(said=said, action=urljoin(base, element.get("action", "")))
    return Verb(said=said, is_end=element.tag == "Hangup")
