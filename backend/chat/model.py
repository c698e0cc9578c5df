"""Saying, Key, Command, Dialogue: what a conversation is, whichever chat carries it. Pure.

A concept (alarms, work orders, complaints …) brings a `Talk`: its commands, its buttons, its dialogues as tables of
steps. A chat (`bots/telegram`) only draws a `Saying` and hands back what it heard. A right is never checked in a chat.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from backend.core.i18n import DEFAULT_LANGUAGE
from backend.core.ids import UnitId
from backend.core.vocabulary import Via
from backend.delivery.model import Key
from backend.evidence.model import MediaKind
from backend.people.model import Person

__all__ = [
    "ANSWER", "CANCEL", "END", "LONGEST_ARGUMENT", "LONGEST_VERB",
    "Answers", "Begin", "Command", "Dialogue", "Draft", "Heard", "Key", "Location", "Media", "MediaKind", "Next",
    "Picture", "Said", "Saying", "Speaker", "Step", "Talk", "tail_of",
]  # fmt: skip

#: longest argument of a key: with verb and id it must fit in Telegram's 64 octets
LONGEST_ARGUMENT: Final = 10
LONGEST_VERB: Final = 12


def tail_of(of: UUID) -> str:
    """What of an id goes into a key: its random end. A list may change before a key is pressed, an id does not."""
    return of.hex[-LONGEST_ARGUMENT:]


class Picture(msgspec.Struct, frozen=True):
    """A picture to show with a saying, or by its media type another file: a voice note, a paper."""

    octets: bytes
    media_type: str = "image/png"
    name: str = "picture.png"


class Saying(msgspec.Struct, frozen=True, kw_only=True):
    """What is said: lines in the hearer's language, rows of keys below, perhaps a picture.

    `in_place`: an answer to a press replaces the message that was pressed, where the chat can.
    `brief`: an answer to a press that is shown as a passing word; `lines` may be empty then.
    """

    lines: tuple[str, ...] = ()
    keys: tuple[tuple[Key, ...], ...] = ()
    picture: Picture | None = None
    brief: str = ""
    in_place: bool = False
    is_alert: bool = False  #: `brief` must be dismissed by hand


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    """Who is speaking, and where: the person behind the account, never the account itself."""

    person: Person
    via: Via
    chat: str  #: the conversation's key in its channel: the chat's address, with the topic in a group
    language: str = DEFAULT_LANGUAGE
    group_unit: UnitId | None = None  #: of a group that is bound to a unit
    is_group: bool = False
    by_reply: bool = False  #: of people who talk there the chat hands on commands and replies alone


class Location(msgspec.Struct, frozen=True):
    """Where somebody says they are; degrees, WGS 84."""

    latitude: float
    longitude: float


class Media(msgspec.Struct, frozen=True):
    """A file that came with a message; `fetch` brings its octets or raises Refused."""

    kind: MediaKind
    name: str
    declared_octets: int
    fetch: Callable[[], Awaitable[bytes]]


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A message as any chat brings it."""

    text: str = ""
    media: tuple[Media, ...] = ()
    location: Location | None = None
    #: of a reply: what the message that was answered spoke of ("alarm" and its id), where it is known
    about: tuple[str, UUID] | None = None
    sent_at: datetime | None = None
    is_late: bool = False  #: sent at once with others that were answered before this came
    lacks: bool = False  #: something came along that no concept can keep: a video


#: what was answered so far, by names the dialogue chooses
Answers = dict[str, str | int | float | list[str]]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A dialogue under way (草稿): which step waits, and what was answered so far. It survives a restart."""

    id: UUID
    dialogue: str
    step: str
    answers: Answers = {}
    began_at: datetime


#: what a step's hearing comes to: the next step's name, or END with what is said last
END: Final = ""


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """Where a dialogue goes on. `step` END ends it, and then `saying` is the last word.

    `answers` are added to those there are. Before END `saying` (if any) is said before the next step asks. Staying on
    a step to say what was wrong with an answer is `Next(step=<the same>, saying=…)`.
    """

    step: str
    answers: Answers = {}
    saying: Saying | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One question of a dialogue: how it is asked, what a message or a key answers.

    `hear` takes a message; `press` the argument of one of the step's own keys (verb ANSWER). None: not taken here, and
    the question is asked again.
    """

    name: str
    ask: Callable[[Speaker, Draft], Awaitable[Saying]]
    hear: Callable[[Speaker, Draft, Heard], Awaitable[Next]] | None = None
    press: Callable[[Speaker, Draft, str], Awaitable[Next]] | None = None
    takes_files: bool = False  #: what comes with words is kept; else the person is told that it is not


class Dialogue(msgspec.Struct, frozen=True, kw_only=True):
    """A short conversation of a few steps; its first is where it begins. Anybody may leave with 取消 / /cancel."""

    name: str
    steps: tuple[Step, ...]


#: verbs of a dialogue's own keys: `about` is the draft's id
ANSWER: Final = "answer"
CANCEL: Final = "cancel"


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """Instead of a Saying: begin this dialogue, with these answers known already."""

    dialogue: str
    answers: Answers = {}


Said = Saying | Begin


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Something people can ask for by a word: `/name` or one of `words` at the start of a message.

    `do` gets what followed the word. `right`: shown in the help only to who has it anywhere (None: everybody);
    the door itself is in the use case.
    """

    name: str  #: "complain": the slash command, [a-z_]{1,32}
    words: tuple[str, ...]  #: ("投诉",)
    help: str  #: a Chinese sentence of the catalogue
    do: Callable[[Speaker, str], Awaitable[Said]]
    right: str | None = None
    in_menu: bool = True


class Talk(msgspec.Struct, frozen=True, kw_only=True):
    """What one concept brings to every chat. `presses`: by verb, what a key does."""

    concept: str
    commands: tuple[Command, ...] = ()
    presses: Mapping[str, Callable[[Speaker, UUID | None, str], Awaitable[Said]]] = {}
    dialogues: tuple[Dialogue, ...] = ()
    #: a reply to a card of this concept: by the card's `about` word
    replies: Mapping[str, Callable[[Speaker, UUID, Heard], Awaitable[Said]]] = {}
    #: a file or a place that came without a word of what it is for, in a private chat; None: not ours either
    loose: Callable[[Speaker, Heard], Awaitable[Said | None]] | None = None
