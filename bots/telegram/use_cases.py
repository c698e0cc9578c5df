"""What the bot asks of the house, as one struct of callables: tests hand in fakes, `app.the_house` the real ones.

The rule: a right is checked behind these calls, never in a chat. Each may raise Refused.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from backend.alarms.model import Acknowledged
from backend.core.ids import AlarmId, NoticeId
from backend.core.vocabulary import Channel, Verdict, Via
from backend.delivery.model import Card
from backend.people.model import Person


class UseCases(msgspec.Struct, frozen=True, kw_only=True):
    """The calls, by the names they have in people.service and alarms."""

    person_of_chat: Callable[[Channel, str], Awaitable[Person | None]]
    link_chat: Callable[[str, Channel, str, str], Awaitable[Person]]
    unlink_chat: Callable[[Channel, str], Awaitable[None]]
    mark_contact_failing: Callable[[Channel, str, str], Awaitable[None]]
    mark_contact_well: Callable[[Channel, str], Awaitable[None]]
    acknowledge: Callable[[Person, AlarmId, Via], Awaitable[Acknowledged]]
    judge: Callable[[Person, AlarmId, Verdict, Via], Awaitable[object]]
    contact_works: Callable[[Person, NoticeId], Awaitable[bool]]
    card: Callable[[Person, AlarmId, str], Awaitable[Card]]
    active_cards: Callable[[Person, str, int], Awaitable[Sequence[Card]]]  #: in a language, at most so many
    history: Callable[[Person, AlarmId, str], Awaitable[Sequence[str]]]  #: lines in a language, oldest first
