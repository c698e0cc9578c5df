"""What the bot asks of the house, as one struct of callables: tests hand in fakes, `house.the_house` the real ones.

The rule: a right is checked behind these calls, never in a chat. Each may raise Refused.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from backend.chat.service import Conversation
from backend.core.ids import NoticeId, UnitId
from backend.core.vocabulary import Channel
from backend.people.groups import UnitChoice
from backend.people.model import Person


class UseCases(msgspec.Struct, frozen=True, kw_only=True):
    """The conversation with all its talks, and what belongs to Telegram's own ways: linking, groups, cards."""

    conversation: Conversation
    person_of_chat: Callable[[Channel, str], Awaitable[Person | None]]
    link_chat: Callable[[str, Channel, str, str], Awaitable[Person]]
    void_code: Callable[[str], Awaitable[bool]]  #: that others could read; whether it could have linked anybody
    undo_link: Callable[[Channel, str, timedelta], Awaitable[bool]]
    unlink_chat: Callable[[Channel, str], Awaitable[None]]
    mark_contact_failing: Callable[[Channel, str, str], Awaitable[None]]
    mark_contact_well: Callable[[Channel, str], Awaitable[None]]
    contact_works: Callable[[Person, NoticeId], Awaitable[bool]]
    record_stranger: Callable[[str, str, str], Awaitable[None]]  #: account, chat, what was pressed
    card_at: Callable[[int, int], Awaitable[tuple[str, UUID] | None]]  #: what the card at chat and message speaks of
    group_unit: Callable[[str], Awaitable[UnitId | None]]
    units_to_bind: Callable[[Person, str], Awaitable[Sequence[UnitChoice]]]
    bind_group: Callable[[Person, UnitId, str, str, str], Awaitable[None]]  #: unit, chat, topic, title
    unbind_group: Callable[[Person, str], Awaitable[None]]
    mark_group: Callable[[str, bool], Awaitable[None]]
    group_moved: Callable[[str, str], Awaitable[None]]
