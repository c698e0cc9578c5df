"""What travels in a button: `<prefix>:<verb>:<alarm's uuid as hex>`, at most 64 octets.

The rule: a prefix names one layout for ever. A new layout takes a new prefix; a button whose prefix or verb
is no longer known gets a friendly answer (see routers.talks), for cards stay in chats for years.
"""

from uuid import UUID

from aiogram.filters.callback_data import CallbackData

from backend.chat.model import ANSWER, CANCEL
from backend.delivery.model import Verb


class Press(CallbackData, prefix="a1"):
    """A card's button."""

    verb: Verb
    alarm: UUID


class SurePress(CallbackData, prefix="s1"):
    """The second tap of a verb that is asked twice."""

    verb: Verb
    alarm: UUID


class TalkPress(CallbackData, prefix="t1"):
    """A key that a concept's talk answers: what it asks for, of what, and how (`Key`)."""

    verb: str
    about: UUID | None = None
    argument: str = ""


class BackPress(CallbackData, prefix="b1"):
    """Away from the second step, back to the card's own buttons."""

    alarm: UUID


def is_of_a_dialogue(data: str) -> bool:
    """Whether a button answers a dialogue's question, and so has its place among what was written."""
    prefix, _, rest = data.partition(":")
    return prefix == TalkPress.__prefix__ and rest.partition(":")[0].partition(".")[0] in {ANSWER, CANCEL}
