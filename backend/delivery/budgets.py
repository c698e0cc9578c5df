"""Carriers' limits as budgets (house.md §3.8), and who of those that ask may be sent now. Pure.

The rule: in no window of a limit's length is more spent than its carrier allows, and what is kept for fire only fire
may spend. What may not go now waits for the window; what waits too long for its use is skipped and says why; what waits
together goes as one message.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from backend.core.i18n import N_
from backend.core.ids import AttemptId, PersonId
from backend.core.settings import Budgets
from backend.core.vocabulary import Channel
from backend.people.rules import CHINA, e164

_FLOOD: Final = "core.telegram.org/bots/faq; grammy.dev/advanced/flood"
_SMS: Final = "help.aliyun.com/document_detail/2881383"
_VOICE: Final = "help.aliyun.com/document_detail/449961"
_SECOND, _MINUTE, _HOUR, _DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
#: between our count and the carrier's clock: a claim is at most a lease older than the request it allows
_SLACK: Final = timedelta(seconds=1)
#: so many non-fire messages of one person and way become one, where they run short or would be late
LEAST_BUNDLED: Final = 2
#: what the log of an account's calls abroad is called, beside that of its calls at home
_ABROAD: Final = "+"


class Scope(StrEnum):
    """Whose messages a limit counts."""

    RECIPIENT = "recipient"  #: one number, chat, robot or address
    GROUP = "group"  #: one group chat
    ACCOUNT = "account"  #: all that we send by this way


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier's limit. `setting` names its number in [budgets]; `burst` the one that fire alone may reach."""

    medium: str  #: the channel's name
    scope: Scope
    setting: str
    window: timedelta
    label: str
    source: str
    burst: str = ""
    slack: timedelta = timedelta()


BUDGETS: Final = (
    Budget(
        medium=Channel.TELEGRAM,
        scope=Scope.RECIPIENT,
        setting="telegram_per_chat_per_second",
        # "about one a second, short bursts are tolerated": the burst is fire's, and the minute below keeps its average
        burst="telegram_fire_per_chat_per_second",
        window=_SECOND,
        label=N_("Telegram 每个会话每秒的条数"),
        source=_FLOOD,
    ),
    Budget(
        medium=Channel.TELEGRAM,
        scope=Scope.RECIPIENT,
        setting="telegram_per_chat_per_minute",
        window=_MINUTE,
        label=N_("Telegram 每个会话每分钟的条数"),
        source=_FLOOD,
    ),
    Budget(
        medium=Channel.TELEGRAM,
        scope=Scope.GROUP,
        setting="telegram_per_group_per_minute",
        window=_MINUTE,
        label=N_("Telegram 每个群每分钟的条数"),
        source=_FLOOD,
    ),
    Budget(
        medium=Channel.TELEGRAM,
        scope=Scope.ACCOUNT,
        setting="telegram_per_second",
        window=_SECOND,
        label=N_("Telegram 机器人每秒的条数"),
        source=_FLOOD,
    ),
    Budget(  # counted for the number alone: never more than the carrier's own, which counts by template as well
        medium=Channel.SMS,
        scope=Scope.RECIPIENT,
        setting="sms_per_number_per_day",
        window=_DAY,
        slack=_SLACK,
        label=N_("短信每个号码 24 小时的条数"),
        source=_SMS,
    ),
    Budget(
        medium=Channel.VOICE,
        scope=Scope.RECIPIENT,
        setting="voice_per_callee_per_minute",
        window=_MINUTE,
        slack=_SLACK,
        label=N_("语音每个被叫每分钟的次数"),
        source=_VOICE,
    ),
    Budget(
        medium=Channel.VOICE,
        scope=Scope.RECIPIENT,
        setting="voice_per_callee_per_hour",
        window=_HOUR,
        slack=_SLACK,
        label=N_("语音每个被叫每小时的次数"),
        source=_VOICE,
    ),
    Budget(
        medium=Channel.VOICE,
        scope=Scope.RECIPIENT,
        setting="voice_per_callee_per_day",
        window=_DAY,
        slack=_SLACK,
        label=N_("语音每个被叫 24 小时的次数"),
        source=_VOICE,
    ),
    Budget(  # two calls in the same second from one number are both blocked
        medium=Channel.VOICE,
        scope=Scope.ACCOUNT,
        setting="voice_per_second",
        window=_SECOND,
        slack=_SLACK,
        label=N_("语音主叫号码每秒的次数"),
        source=_VOICE,
    ),
    Budget(
        medium=Channel.WEBHOOK,
        scope=Scope.RECIPIENT,
        setting="webhook_per_address_per_second",
        window=_SECOND,
        label=N_("推送接口每个地址每秒的条数"),
        source="our own: a neighbour's system is not flooded",
    ),
    Budget(
        medium="wecom",
        scope=Scope.RECIPIENT,
        setting="wecom_per_robot_per_minute",
        window=_MINUTE,
        slack=_SLACK,
        label=N_("企业微信每个机器人每分钟的条数"),
        source="work.weixin.qq.com, group robots",
    ),
    Budget(  # beyond it the robot is mute for ten minutes
        medium="dingtalk",
        scope=Scope.RECIPIENT,
        setting="dingtalk_per_robot_per_minute",
        window=_MINUTE,
        slack=_SLACK,
        label=N_("钉钉每个机器人每分钟的条数"),
        source="open.dingtalk.com, custom robots, errcode 130101",
    ),
)


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A budget with this house's numbers."""

    scope: Scope
    label: str
    window: timedelta
    plain: int  #: most in a window for anything that is no fire
    fire: int  #: most in a window, fire included
    low: float  #: the share of `plain` below which messages are spread and told together

    @property
    def pace(self) -> timedelta:
        """The wait between two messages that are spread evenly over the window."""
        return self.window / self.plain


Limits = Mapping[str, tuple[Limit, ...]]


def limits_of(numbers: Budgets) -> dict[str, tuple[Limit, ...]]:
    """Every medium's limits by the settings, 0 being none; a medium without any (the app's inbox) is not in it."""
    found: dict[str, tuple[Limit, ...]] = {}
    for budget in BUDGETS:
        most = int(getattr(numbers, budget.setting))
        if not most:
            continue
        limit = Limit(
            scope=budget.scope,
            label=budget.label,
            window=budget.window + budget.slack,
            plain=max(1, most - int(most * numbers.fire_reserve)),
            fire=max(most, int(getattr(numbers, budget.burst))) if budget.burst else most,
            low=numbers.low_share,
        )
        found[str(budget.medium)] = (*found.get(str(budget.medium), ()), limit)
    return found


#: the share of what is not fire's that edits may have; the rest is left to new messages
_EDITS: Final = {Scope.GROUP: 0.5, Scope.ACCOUNT: 0.75}


def for_edits(limits: Limits) -> dict[str, tuple[Limit, ...]]:
    """What cards that are drawn again may spend of a group's room, and of all there is.

    A person's own chat takes short bursts, and who knows is shown there at once.
    """
    return {
        medium: tuple(
            msgspec.structs.replace(each, plain=max(1, int(each.plain * _EDITS[each.scope])), low=0.0)
            for each in some
            if each.scope in _EDITS
        )
        for medium, some in limits.items()
    }


class Spent(NamedTuple):
    """One message that counts: when, in microseconds since 1970, and whether it was a fire's."""

    at: int
    is_fire: bool

    @property
    def number(self) -> int:
        """As it is stored."""
        return self.at * 2 + self.is_fire


def spent_of(number: int) -> Spent:
    """From what is stored."""
    return Spent(number >> 1, bool(number & 1))


#: in the order of their times
Log = list[Spent]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that wants to be sent now."""

    attempt: AttemptId
    person: PersonId
    medium: str
    address: str
    is_fire: bool
    useful_until: datetime
    deadline_at: datetime | None = None
    may_join: bool = True  #: whether it may become a part of another one's message

    @property
    def whose(self) -> tuple[PersonId, str, str]:
        """Messages of one person by one way are told together."""
        return self.person, self.medium, self.address


class Word(StrEnum):
    """What an attempt that asked is told."""

    GO = "go"
    WAIT = "wait"
    SKIP = "skip"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """May it be sent now, when else, and by which limit not."""

    word: Word
    at: datetime
    limit: str = ""
    is_low: bool = False


def keys_of(limits: Limits, medium: str, address: str) -> dict[str, tuple[Limit, ...]]:
    """The logs in which a message counts, each with its limits."""
    is_group = medium == Channel.TELEGRAM and address.startswith("-")
    # a topic has no limits of its own: Telegram counts its messages as the group's
    whose = address.partition("/")[0] if is_group else address
    found: dict[str, tuple[Limit, ...]] = {}
    for limit in limits.get(medium, ()):
        if limit.scope is Scope.GROUP and not is_group:
            continue
        key = _account(medium, address) if limit.scope is Scope.ACCOUNT else f"{medium}/{whose}"
        found[key] = (*found.get(key, ()), limit)
    return found


def _account(medium: str, address: str) -> str:
    """The account's log. Calls abroad come from another vendor's number (`vendors_abroad`), so they count apart."""
    is_abroad = medium == Channel.VOICE and not e164(address).startswith(CHINA)
    return f"{medium}/{_ABROAD if is_abroad else ''}"


def decide(asks: Sequence[Ask], logs: dict[str, Log], limits: Limits, now: datetime) -> dict[AttemptId, Answer]:
    """Answer everyone, fire first, and enter into `logs` what goes. A wait is behind those who wait already."""
    answers: dict[AttemptId, Answer] = {}
    waiting: dict[tuple[PersonId, str, str], int] = {}
    for ask in sorted(asks, key=lambda each: not each.is_fire):
        keys = keys_of(limits, ask.medium, ask.address)
        free = max((_free(limit, logs.get(key, []), ask, now) for key, some in keys.items() for limit in some),
                   key=lambda each: each.at, default=Answer(word=Word.GO, at=now))  # fmt: skip
        if free.word is Word.GO:
            low = any(_is_low(limit, logs.get(key, []), now) for key, some in keys.items() for limit in some)
            answers[ask.attempt] = Answer(word=Word.GO, at=now, is_low=low)
            for key in keys:
                insort(logs.setdefault(key, []), Spent(_micros(now), ask.is_fire), key=_at)
            continue
        pace = max(limit.pace for some in keys.values() for limit in some if limit.label == free.limit)
        place = waiting.get(ask.whose, 0)
        waiting[ask.whose] = place + 1
        at = free.at + pace * place
        word = Word.WAIT if at <= ask.useful_until else Word.SKIP
        answers[ask.attempt] = Answer(word=word, at=at, limit=free.limit)
    return answers


def _free(limit: Limit, log: Log, ask: Ask, now: datetime) -> Answer:
    """When this limit has room: now, or the moment its window lets enough go."""
    most = limit.fire if ask.is_fire else limit.plain
    inside = _inside(limit, log, now)
    at = _moment(log[-most].at) + limit.window if inside >= most else now
    if not ask.is_fire and inside and _is_low(limit, log, now):
        at = max(at, _moment(log[-1].at) + limit.pace)
    return Answer(word=Word.GO if at <= now else Word.WAIT, at=at, limit=limit.label)


def _is_low(limit: Limit, log: Log, now: datetime) -> bool:
    """Whether little is left for what is no fire. A limit of one is never low: it is free or it is not."""
    left = limit.plain - _inside(limit, log, now)
    return limit.plain > 1 and left < limit.plain * limit.low


def _inside(limit: Limit, log: Log, now: datetime) -> int:
    """How many the window before `now` holds, with those that another worker's clock put a moment after it."""
    return len(log) - bisect_right(log, _micros(now - limit.window), key=_at)


def _at(spent: Spent) -> int:
    return spent.at


def gather(asks: Sequence[Ask], answers: Mapping[AttemptId, Answer]) -> dict[AttemptId, list[AttemptId]]:
    """Who of those that go might take others along, with those others: where messages run short or would be late."""
    groups: dict[tuple[PersonId, str, str], list[Ask]] = {}
    for ask in asks:
        if not ask.is_fire and ask.may_join:
            groups.setdefault(ask.whose, []).append(ask)
    found: dict[AttemptId, list[AttemptId]] = {}
    for group in groups.values():
        going = [each.attempt for each in group if answers[each.attempt].word is Word.GO]
        staying = [each for each in group if answers[each.attempt].word is not Word.GO]
        if going and (answers[going[-1]].is_low or any(_is_late(each, answers[each.attempt]) for each in staying)):
            found[going[-1]] = [each.attempt for each in staying]
    return found


def _is_late(ask: Ask, answer: Answer) -> bool:
    return answer.word is Word.SKIP or answer.at > (ask.deadline_at or ask.useful_until)


def pruned(log: Iterable[Spent], limits: Iterable[Limit], now: datetime) -> Log:
    """What some window still counts."""
    longest = max((limit.window for limit in limits), default=timedelta())
    since = _micros(now - longest)
    return [each for each in log if each.at > since]


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
