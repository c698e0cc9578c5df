"""A text as Twilio knows it, a call, and the TwiML that a call runs through: what is said, which key is waited for."""

from enum import StrEnum
from typing import Final
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

import msgspec

from backend.demo.carriers.telephony.phones import CallState, Outcome, Ring, Text

_LONGEST_TWIML: Final = 4000
_VERBS: Final = frozenset({"Say", "Gather", "Hangup", "Pause"})


class CallStatus(StrEnum):
    """Twilio's CallStatus."""

    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"


_STATUS_WHILE: Final = {CallState.RINGING: CallStatus.RINGING, CallState.ANSWERED: CallStatus.IN_PROGRESS}
#: what a call came to; after any other outcome it was completed
_STATUS_AFTER: Final = {
    Outcome.BUSY: CallStatus.BUSY,
    Outcome.NOT_ANSWERED: CallStatus.NO_ANSWER,
    Outcome.OFF: CallStatus.NO_ANSWER,
    Outcome.NO_SUCH_NUMBER: CallStatus.FAILED,
}


class BadTwiml(ValueError):  # noqa: N818 - the fact
    """The document is none that can be run."""


class Verb(msgspec.Struct, frozen=True):
    """One thing to do: say something, perhaps waiting for a key."""

    said: tuple[str, ...] = ()
    action: str | None = None  #: where a key goes
    is_end: bool = False


class TwilioText(Text, kw_only=True):
    """A text message with the number it came from, and where to say what became of it."""

    sender: str
    callback: str = ""


class PhoneCall(Ring, kw_only=True):
    """A call that runs through TwiML."""

    sender: str
    form: dict[str, str]
    todo: list[Verb]
    heard: list[str] = msgspec.field(default_factory=list)  #: everything that was said since it was taken
    answered_by: str = "human"
    action: str | None = None  #: where a key pressed now goes
    key_status: int = 0  #: what was answered to the last key
    sequence: int = 0
    is_over: bool = False  #: the last word is said

    @property
    def status(self) -> CallStatus:
        """How Twilio names where it is."""
        if self.outcome is None:
            return _STATUS_WHILE[self.state]
        return _STATUS_AFTER.get(self.outcome, CallStatus.COMPLETED)

    def go_on(self) -> str:
        """Say what is next, up to where a key is waited for; after the last word the call is over."""
        said: list[str] = []
        self.action = None
        while self.todo and self.action is None:
            verb = self.todo.pop(0)
            said.extend(verb.said)
            self.action = verb.action
            if verb.is_end:
                self.todo.clear()
        self.heard.extend(said)
        self.is_over = self.action is None
        return " ".join(said)


def first_words(todo: list[Verb]) -> str:
    """What whoever takes the call hears first, up to where a key is waited for."""
    said: list[str] = []
    for verb in todo:
        said.extend(verb.said)
        if verb.action is not None or verb.is_end:
            break
    return " ".join(said)


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
    """The words of a document that answers a text; empty when it says nothing. Raises BadTwiml."""
    try:
        root = ET.fromstring(text.encode())  # noqa: S314 - on loopback, and what our own hook answered
    except ET.ParseError as error:
        raise BadTwiml(str(error)) from None
    return "".join(each.text or "" for each in root.iter("Message"))


def _verb(element: ET.Element, base: str) -> Verb:
    said = tuple(each.text or "" for each in element.iter("Say"))
    if element.tag == "Gather":
        return Verb(said=said, action=urljoin(base, element.get("action", "")))
    return Verb(said=said, is_end=element.tag == "Hangup")
