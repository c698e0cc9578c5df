"""The neutral Card of a complaint: what its complainant is told, and what its handler is. Pure.

Nothing internal stands on any card: one may be shown on a lock screen.
"""

from enum import StrEnum
from typing import Final

import msgspec

from backend.complaints.model import ASKED_STATES, OPEN_STATES, STATE_LABELS, UNTAKEN_STATES, Complaint, State
from backend.core.clock import in_zone
from backend.core.i18n import N_, translate
from backend.core.ids import AlarmId
from backend.core.vocabulary import COMPLAINT_LABELS, Severity
from backend.delivery.model import LONGEST_LINE, Card, Fact, Key

_ICON: Final = "📮"
_FORM: Final = "%Y-%m-%d %H:%M"
_FOUND: Final = N_("该投诉已有人受理")
#: in place of words that would break off; with its number it has room in a text message in every language
_CALLED: Final = N_("内容较长，将来电告知")
#: a first reply that reached nobody does not stop its clock; how it is stopped all the same
_UNANSWERED: Final = N_("未送达，时限继续计时。请致电投诉人，再用“答复”记下通话内容。")
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
    TEXTED = "texted"
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
    Told.TEXTED: N_("短信放不下全部内容，请致电投诉人"),
    Told.RATED: N_("投诉人已评价"),
    Told.NOBODY: N_("有投诉无人可受理，请指派处理人"),
    Told.TAKEN: N_("该投诉已由他人处理"),
}
#: what only the provider's people are told
_TO_COMPLAINANT: Final = frozenset({Told.REPLY, Told.ASKED, Told.SETTLED})
_STARS: Final = tuple("12345")
#: told to whoever has it: as soon as another has it, that is what they say
_TO_ITS_HANDLER: Final = frozenset({Told.ASSIGNED, Told.REMINDER, Told.HEARD, Told.REOPENED})
#: told also to who has it not, and may take it over
_TO_ANY_HANDLER: Final = frozenset({Told.BREACH, Told.UNREACHED, Told.TEXTED})


def complaint_card(complaint: Complaint, told: Told, text: str, unit: str, language: str) -> Card:
    """The card for whoever is told. `NOBODY` goes to the duty desk, which learns the number and nothing of it."""

    def word(label: str) -> str:
        return translate(label, language)

    is_bare = told is Told.NOBODY
    kind = word(COMPLAINT_LABELS[complaint.kind])
    is_own = told in _TO_COMPLAINANT
    brief = "" if is_bare else text[:_BRIEF]
    where = f"{complaint.number} {brief}" if is_own else f"{complaint.number} · {kind}"
    facts = [Fact(word(N_("内容")), text)] if len(text) > _BRIEF and not is_bare else []
    if complaint.about_words and not is_own and not is_bare:
        facts.insert(0, Fact(word(N_("关于")), complaint.about_words))
    if told is Told.UNREACHED and complaint.state in OPEN_STATES and complaint.round.replied_at is None:
        facts.append(Fact(word(N_("首次答复")), word(_UNANSWERED)))
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
        where=where,
        short=f"{complaint.number} {word(_CALLED)}" if is_own and _is_cut(where) else "",
        what=kind if is_own else brief,
        facts=(*facts, *_deadlines(complaint, told, language)),
        keys=keys_of(told, complaint, language),
        topic=f"{told}-{complaint.round.number}",
        raised_at=in_zone(complaint.filed_at, complaint.timezone),
        revision=complaint.revision,
    )


def _is_cut(line: str) -> bool:
    """Whether a text message would break off in the middle: then it says that somebody calls (`chores`)."""
    return len(line.encode("utf-16-le", "surrogatepass")) // 2 > LONGEST_LINE


def card_now(card: Card, complaint: Complaint, language: str, unit: str, by: str, *, is_own: bool) -> Card | None:
    """How a card reads that was drawn earlier; None: as it did.

    `is_own`: it was told to whoever has the complaint now, named `by`. Words stay; what nobody can press any more goes.
    """
    topic, _, number = card.topic.partition("-")
    if topic not in set(Told):  # of a release that wrote none
        return None
    told, is_past = Told(topic), number != str(complaint.round.number)
    if told is Told.NOBODY:
        return _found_somebody(card, complaint, language)
    if not is_past and told in _TO_ITS_HANDLER and not is_own and complaint.assignee is not None:
        return taken_card(complaint, by, unit, language)
    if not is_past and told is Told.TAKEN and is_own:
        return complaint_card(complaint, Told.ASSIGNED, complaint.text, unit, language)
    keys = _only_show(told, language) if is_past else keys_of(told, complaint, language)
    if keys == card.keys:
        return None
    status = card.status if is_past else translate(STATE_LABELS[complaint.state], language)
    return msgspec.structs.replace(card, keys=keys, status=status, revision=complaint.revision)


def _found_somebody(card: Card, complaint: Complaint, language: str) -> Card | None:
    """The duty desk's card, as soon as somebody has it: not who, for the desk learns nothing of a complaint."""
    headline = translate(_FOUND if complaint.assignee is not None else _HEADLINES[Told.NOBODY], language)
    if headline == card.headline:
        return None
    status = translate(STATE_LABELS[complaint.state], language)
    return msgspec.structs.replace(card, headline=headline, status=status, revision=complaint.revision)


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


def _key(language: str, label: str, verb: str, style: str = "plain") -> Key:
    return Key(translate(label, language), verb, style=style)


def _only_show(told: Told, language: str) -> tuple[tuple[Key, ...], ...]:
    """Of the duty desk, which may not read it, not even that."""
    return () if told is Told.NOBODY else ((_key(language, N_("查看"), "c-show"),),)


def keys_of(told: Told, complaint: Complaint, language: str) -> tuple[tuple[Key, ...], ...]:
    """The keys under a card as the complaint stands: its complainant's, or its handler's."""
    show, reopen = _key(language, N_("查看"), "c-show"), _key(language, N_("重新打开"), "c-reopen")
    if told is Told.SETTLED and complaint.state in ASKED_STATES:
        return (rating_keys(), (reopen, show))
    if told is Told.SETTLED and complaint.state not in OPEN_STATES:
        return ((reopen, show),)
    if complaint.state not in OPEN_STATES or told in {Told.NOBODY, Told.SETTLED, Told.RATED, Told.WITHDRAWN}:
        return _only_show(told, language)
    if told in _TO_COMPLAINANT:
        return ((_key(language, N_("补充说明"), "c-answer", "primary"), show),)
    if told is Told.TAKEN:
        return ((_key(language, N_("接手"), "c-take"), show),)
    return handler_keys(language, may_take=complaint.state in UNTAKEN_STATES or told in _TO_ANY_HANDLER)


def rating_keys() -> tuple[Key, ...]:
    """One key for each degree of satisfaction."""
    return tuple(Key(f"{each} ★", "c-rate", argument=each) for each in _STARS)


def handler_keys(language: str, *, may_take: bool) -> tuple[tuple[Key, ...], ...]:
    """What a handler may do with an open one."""
    take = (_key(language, N_("接手"), "c-take"),) if may_take else ()
    return (
        (*take, _key(language, N_("答复"), "c-reply", "primary")),
        (_key(language, N_("请补充"), "c-ask"), _key(language, N_("办结"), "c-settle")),
        (
            _key(language, N_("转交"), "c-transfer"),
            _key(language, N_("备注"), "c-note"),
            _key(language, N_("查看"), "c-show"),
        ),
    )


def is_over(complaint: Complaint) -> bool:
    """Whether it was rated or closed."""
    return complaint.state in {State.RATED, State.CLOSED}
