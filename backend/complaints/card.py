"""The neutral Card of a complaint: what its complainant is told, and what its handler is. Pure.

Nothing internal stands on any card: one may be shown on a lock screen.
"""

from enum import StrEnum
from typing import Final

import msgspec

from backend.complaints.model import STATE_LABELS, Complaint, State
from backend.core.clock import in_zone
from backend.core.i18n import N_, translate
from backend.core.ids import AlarmId
from backend.core.vocabulary import COMPLAINT_LABELS, Severity
from backend.delivery.model import Card, Fact, Key

_ICON: Final = "📮"
_FORM: Final = "%Y-%m-%d %H:%M"
#: so much of a text stands in the card's own lines; what is longer is told in full below
_BRIEF: Final = 60


class Told(StrEnum):
    """Why somebody is told of a complaint."""

    REPLY = "reply"
    ASKED = "asked"
    SETTLED = "settled"
    REOPENED = "reopened"
    ASSIGNED = "assigned"
    HEARD = "heard"
    WITHDRAWN = "withdrawn"
    REMINDER = "reminder"
    BREACH = "breach"
    UNREACHED = "unreached"
    RATED = "rated"
    NOBODY = "nobody"
    TAKEN = "taken"  #: never told: how an older card reads when another handler has it


_HEADLINES: Final = {
    Told.REPLY: N_("您的投诉或反馈有了答复"),
    Told.ASKED: N_("请补充说明"),
    Told.SETTLED: N_("已办结，请评价"),
    Told.REOPENED: N_("投诉被重新打开"),
    Told.ASSIGNED: N_("新的投诉或反馈"),
    Told.HEARD: N_("投诉人有补充"),
    Told.WITHDRAWN: N_("投诉人已撤回"),
    Told.REMINDER: N_("投诉即将超时"),
    Told.BREACH: N_("投诉已超过时限"),
    Told.UNREACHED: N_("投诉人联系不上"),
    Told.RATED: N_("投诉人已评价"),
    Told.NOBODY: N_("有投诉无人可受理，请指派处理人"),
    Told.TAKEN: N_("该投诉已由他人处理"),
}
#: what only the provider's people are told
_TO_COMPLAINANT: Final = frozenset({Told.REPLY, Told.ASKED, Told.SETTLED})
_STARS: Final = tuple("12345")


def complaint_card(complaint: Complaint, told: Told, text: str, unit: str, language: str) -> Card:
    """The card for whoever is told. `NOBODY` goes to the duty desk, which learns the number and nothing of it."""

    def word(label: str) -> str:
        return translate(label, language)

    is_bare = told is Told.NOBODY
    kind = word(COMPLAINT_LABELS[complaint.kind])
    is_own = told in _TO_COMPLAINANT
    brief = "" if is_bare else text[:_BRIEF]
    facts = [Fact(word(N_("内容")), text)] if len(text) > _BRIEF and not is_bare else []
    if complaint.about_words and not is_own and not is_bare:
        facts.insert(0, Fact(word(N_("关于")), complaint.about_words))
    return Card(
        alarm=AlarmId(complaint.id),
        about="complaint",
        number=int(complaint.number.rpartition("-")[2]),
        severity=Severity.ABNORMAL,
        icon=_ICON,
        headline=word(_HEADLINES[told]),
        status=word(STATE_LABELS[complaint.state]),
        is_active=False,
        banner=word(N_("含不当用语")) if complaint.is_flagged and told is Told.ASSIGNED else "",
        unit=unit,
        # a text message has room for this line and the headline only
        where=f"{complaint.number} {brief}" if is_own else f"{complaint.number} · {kind}",
        what=kind if is_own else brief,
        facts=(*facts, *_deadlines(complaint, told, language)),
        keys=keys_of(told, language),
        raised_at=in_zone(complaint.filed_at, complaint.timezone),
        revision=complaint.revision,
    )


def taken_card(complaint: Complaint, by: str, unit: str, language: str) -> Card:
    """How the card of a handler reads when another one has the complaint: who, and no words of the complainant's."""
    card = complaint_card(complaint, Told.TAKEN, "", unit, language)
    return msgspec.structs.replace(card, facts=(Fact(translate(N_("处理人"), language), by), *card.facts))


def _deadlines(complaint: Complaint, told: Told, language: str) -> list[Fact]:
    if told in _TO_COMPLAINANT or told in {Told.RATED, Told.WITHDRAWN}:
        return []
    round_, zone = complaint.round, complaint.timezone
    facts = [Fact(translate(N_("办结时限"), language), in_zone(round_.settle_due_at, zone).strftime(_FORM))]
    if round_.replied_at is None:
        due = in_zone(round_.reply_due_at, zone).strftime(_FORM)
        facts.insert(0, Fact(translate(N_("首次答复时限"), language), due))
    return facts


def keys_of(told: Told, language: str) -> tuple[tuple[Key, ...], ...]:
    """The keys under a card: its complainant's, or its handler's."""

    def key(label: str, verb: str, argument: str = "", style: str = "plain") -> Key:
        return Key(translate(label, language), verb, argument=argument, style=style)

    if told in {Told.REPLY, Told.ASKED}:
        return ((key(N_("补充说明"), "c-answer", style="primary"), key(N_("查看"), "c-show")),)
    if told is Told.SETTLED:
        return (rating_keys(), (key(N_("重新打开"), "c-reopen"), key(N_("查看"), "c-show")))
    if told is Told.TAKEN:
        return ((key(N_("接手"), "c-take"), key(N_("查看"), "c-show")),)
    if told in {Told.NOBODY, Told.RATED, Told.WITHDRAWN}:
        return ()
    return handler_keys(language)


def rating_keys() -> tuple[Key, ...]:
    """One key for each degree of satisfaction."""
    return tuple(Key(f"{each} ★", "c-rate", argument=each) for each in _STARS)


def handler_keys(language: str) -> tuple[tuple[Key, ...], ...]:
    """What a handler may do with an open one."""

    def key(label: str, verb: str, style: str = "plain") -> Key:
        return Key(translate(label, language), verb, style=style)

    return (
        (key(N_("接手"), "c-take"), key(N_("答复"), "c-reply", "primary")),
        (key(N_("请补充"), "c-ask"), key(N_("办结"), "c-settle")),
        (key(N_("转交"), "c-transfer"), key(N_("备注"), "c-note"), key(N_("查看"), "c-show")),
    )


def is_over(complaint: Complaint) -> bool:
    """Whether it was rated or closed."""
    return complaint.state in {State.RATED, State.CLOSED}
