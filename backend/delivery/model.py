"""Card, Action, Notice, Channel: what people are told and by what way. Pure.

A Card is data. Features write Cards, delivery carries them, channels draw them, answers come back as Actions
(house.md §2).
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from backend.core.i18n import DEFAULT_LANGUAGE
from backend.core.ids import AlarmId, AttemptId, NoticeId, PersonId
from backend.core.vocabulary import Channel as ChannelName
from backend.core.vocabulary import Severity


class Fact(msgspec.Struct, frozen=True):
    """A labelled line of a card, both parts already in the reader's language."""

    label: str
    value: str


class Verb(StrEnum):
    """What a button asks for. The value is what travels in a button, so it stays short and is never reused."""

    ACKNOWLEDGE = "ack"
    VERDICT_REAL = "v-real"
    VERDICT_FALSE = "v-false"
    VERDICT_TEST = "v-test"
    VERDICT_FAULT = "v-fault"
    HISTORY = "history"
    CONTACT_WORKS = "works"  #: of a test card: it came


class Action(msgspec.Struct, frozen=True):
    """A button: what it asks for and its words. `style`: primary, danger, plain."""

    verb: Verb
    label: str
    style: str = "plain"


class Key(msgspec.Struct, frozen=True):
    """A button that a concept's `Talk` answers: its words, what it asks for, of what, and how. `style` as in Action.

    `verb` is what travels, so it stays short and is never given another meaning; `about` is the thing's id. Under a
    card None stands for what the card is about.
    """

    label: str
    verb: str
    about: UUID | None = None
    argument: str = ""
    style: str = "plain"


#: so much of a card's line has room in a text message (a template's variable, ../shared/channels/sms-voice.md)
LONGEST_LINE: Final = 35


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alarm as a person reads it, in one language and the unit's zone; the order is experience.md's."""

    alarm: AlarmId
    number: int  #: short number to speak of it
    severity: Severity
    icon: str
    headline: str  #: "火警"
    status: str  #: "报警中" / "已恢复" / "已关闭"
    is_active: bool
    banner: str = ""  #: "未登记设备", "测试", "由文字识别"
    unit: str = ""
    where: str = ""  #: building · floor · zone · description
    what: str = ""  #: component type, value and threshold
    facts: tuple[Fact, ...] = ()
    known_by: tuple[str, ...] = ()  #: "王经理 已确认 14:03:40 · Telegram"
    verdict: str = ""
    actions: tuple[Action, ...] = ()
    raised_at: datetime | None = None
    revision: int = 0
    about: str = "alarm"  #: what `alarm` is the id of: "alarm", "mask", "window", "gap", "order", "complaint", "duty" …
    keys: tuple[tuple[Key, ...], ...] = ()  #: rows of buttons that the concept's Talk answers, below the actions
    short: str = ""  #: what a text message or a call says for `where` when it has no room for all of it
    topic: str = ""  #: which of its concept's messages it is, for whoever draws it again (`revising.revise_each`)


class AttemptState(StrEnum):
    """What became of an attempt, said by what the carrier did."""

    PENDING = "pending"  #: nobody has it, or a lease ran out
    SENDING = "sending"  #: a worker holds a lease
    ACCEPTED = "accepted"  #: the provider took it
    REFUSED = "refused"  #: for good
    SKIPPED = "skipped"  #: not tried, `why` says so


#: from → to; anything else is refused by compare-and-set. Beside it: what a verdict held back waits again when that
#: verdict is undone (`plan.resume_waiting`), which the database knows by its reasons
ATTEMPT_TRANSITIONS: Final = {
    AttemptState.PENDING: {AttemptState.SENDING, AttemptState.SKIPPED},
    AttemptState.SENDING: {AttemptState.ACCEPTED, AttemptState.REFUSED, AttemptState.PENDING},
    AttemptState.ACCEPTED: set[AttemptState](),
    AttemptState.REFUSED: set[AttemptState](),
    AttemptState.SKIPPED: set[AttemptState](),
}


class NoticeKind(StrEnum):
    """Why people are told."""

    RAISED = "raised"
    RESTORED = "restored"
    CONTACT_TEST = "contact_test"  #: somebody tries whether a contact works; it speaks of no alarm
    DESK = "desk"  #: somebody asked the provider's duty desk to take over
    MASK = "mask"  #: about a mask, not an alarm: `notices.alarm` is the mask's id
    WINDOW = "window"  #: about a drill or a test: `notices.alarm` is the window's id
    GAP = "gap"  #: nobody is on duty for a while: `notices.alarm` is the gap warning's id
    DIGEST = "digest"  #: a storm is over: its totals, and what still stands
    ORDER = "order"  #: about a work order: `notices.alarm` is the order's id
    REVIEW = "review"  #: the status digest that a person wished for: `notices.alarm` is the wish's id
    DUTY = "duty"  #: a duty check or a handover: `notices.alarm` is its id
    OVERDUE = "overdue"  #: to the duty desk: the unit was not told in time
    COMPLAINT = "complaint"  #: about a complaint: `notices.alarm` is the complaint's id


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel is handed: the card in the person's language, to whom, and what it drew before."""

    attempt: AttemptId
    notice: NoticeId
    person: PersonId
    address: str
    card: Card
    surface: dict[str, str | int] | None = None  #: what `send` returned earlier; for edits
    number: int = 0  #: the attempt's short number, for carriers that take few characters
    kind: NoticeKind = NoticeKind.RAISED
    language: str = DEFAULT_LANGUAGE
    tries: int = 1  #: this one included
    deadline_at: datetime | None = None

    @property
    def severity(self) -> Severity:
        """How urgent it is."""
        return self.card.severity


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The carrier took it. `surface` is what an edit will need (chat id, message id)."""

    surface: dict[str, str | int]


class RefusalKind(StrEnum):
    """The class of a refusal: what is at fault. `delivery.retrying` says what follows."""

    CONTACT = "contact"  #: the address itself (blocked, gone, no such number), whatever is sent
    CONTENT = "content"  #: our message: a wrong template, a forbidden word
    CONFIGURATION = "configuration"  #: our account with the carrier: a token, a signature, a right
    MONEY = "money"  #: the account is empty
    LIMIT = "limit"  #: a cap of the carrier was reached
    BUSY = "busy"  #: the carrier answers that it can't just now (5xx, throttled; a line that is engaged)
    AWAY = "away"  #: no answer, and the same can be asked again
    UNKNOWN = "unknown"  #: no answer, and the carrier may have taken it


#: where an attempt's surface names the vendors that may have sent it although none took it
PERHAPS: Final = "perhaps"
#: classes that no later try mends
_FOR_GOOD: Final = frozenset(
    {RefusalKind.CONTACT, RefusalKind.CONTENT, RefusalKind.CONFIGURATION, RefusalKind.MONEY, RefusalKind.UNKNOWN}
)


class Refusal(Exception):  # noqa: N818 - what the carrier did
    """The carrier did not take it: its own words, and of which class that is.

    `retry_after`: so many seconds it asked to wait. `hold_channel`: the whole channel must rest for them (Telegram's
    429). A channel that knows no classes says `permanent`, and `contact_is_dead` where the address is refused.
    `perhaps`: vendors that may have sent it all the same; they stand on the attempt, and are not asked again for it.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool | None = None,
        retry_after: float | None = None,
        contact_is_dead: bool = False,
        hold_channel: bool = False,
        kind: RefusalKind | None = None,
        perhaps: Sequence[str] = (),
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.perhaps = tuple(perhaps)
        self.retry_after = retry_after
        self.hold_channel = hold_channel
        self.kind = kind or _kind_of(
            permanent=bool(permanent), contact_is_dead=contact_is_dead, hold_channel=hold_channel
        )
        self.permanent = self.kind in _FOR_GOOD if permanent is None else permanent
        self.contact_is_dead = contact_is_dead or self.kind is RefusalKind.CONTACT


def _kind_of(*, permanent: bool, contact_is_dead: bool, hold_channel: bool) -> RefusalKind:
    """The class of a refusal whose channel names none."""
    if contact_is_dead:
        return RefusalKind.CONTACT
    if hold_channel:
        return RefusalKind.CONFIGURATION if permanent else RefusalKind.LIMIT
    return RefusalKind.CONTENT if permanent else RefusalKind.AWAY


class Channel(Protocol):
    """A way to reach a person. To add one: write this class, list it in backend.main.CHANNELS."""

    @property
    def name(self) -> ChannelName:
        """Which kind of contact it is."""
        ...

    @property
    def can_edit(self) -> bool:
        """Whether a card that was sent can be drawn again."""
        ...

    async def open(self) -> None:
        """Take up connections."""
        ...

    async def send(self, delivery: Delivery) -> Receipt:
        """Hand over a new card. Raises Refusal and nothing else."""
        ...

    async def edit(self, delivery: Delivery) -> Receipt:
        """Redraw the card where `delivery.surface` says. Raises Refusal and nothing else."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


@runtime_checkable
class EditsMany(Protocol):
    """A channel that draws many cards again in one call (our own inbox)."""

    async def edit_many(self, deliveries: Sequence[Delivery]) -> Sequence[Receipt | Refusal]:
        """One answer a delivery, in order."""
        ...


@runtime_checkable
class SendsMany(Protocol):
    """A channel that takes many deliveries in one call (our own inbox)."""

    async def send_many(self, deliveries: Sequence[Delivery]) -> Sequence[Receipt | Refusal]:
        """One answer a delivery, in order."""
        ...
