"""A work order's neutral Card, in a person's language and the unit's zone, with the keys its talk answers. Pure."""

from datetime import datetime
from typing import Final

import msgspec

from backend.core.clock import in_zone
from backend.core.i18n import N_, in_a_row, translate
from backend.core.ids import AlarmId, PersonId
from backend.core.vocabulary import SEVERITY_LABELS, Severity
from backend.delivery.model import Card, Fact, Key
from backend.work_orders.model import (
    ACT_LABELS,
    ORIGIN_LABELS,
    PROOF_LABELS,
    STATE_LABELS,
    WAIT_LABELS,
    Act,
    Origin,
    State,
    WorkOrder,
)
from backend.work_orders.rules import due_at, is_untaken

ICON: Final = "🔧"
_FORM: Final = "%Y-%m-%d %H:%M"
#: between the parts of what an alarm says, and before what a person said beside it
_PART: Final = " · "
_SAID: Final = "："
#: what travels in a key, by act; short, and never given another meaning
VERBS: Final = {
    Act.ACCEPT: "o-take",
    Act.DECLINE: "o-decline",
    Act.REASSIGN: "o-reassign",
    Act.DISPATCH: "o-dispatch",
    Act.SET_OUT: "o-go",
    Act.ARRIVE: "o-arrive",
    Act.WAIT: "o-wait",
    Act.RESUME: "o-resume",
    Act.EXPECT_TEST: "o-test",
    Act.WAIVE_TEST: "o-waive",
    Act.FINISH: "o-done",
    Act.VERIFY: "o-verify",
    Act.SEND_BACK: "o-back",
    Act.CLOSE: "o-close",
    Act.WITHDRAW: "o-withdraw",
}
SHOW: Final = "o-show"
PHOTO: Final = "o-photo"
NEW: Final = "o-new"
#: answered by the talk about complaints, where there is one
COMPLAIN: Final = "c-of-order"
#: what a card offers by its state: the rights are asked for when it is pressed
_KEYS: Final[dict[State, tuple[tuple[Act | str, ...], ...]]] = {
    State.OPEN: ((Act.DISPATCH,),),
    State.DISPATCHED: ((Act.ACCEPT, Act.DECLINE), (Act.REASSIGN,)),
    State.DECLINED: ((Act.DISPATCH,),),
    State.ACCEPTED: ((Act.SET_OUT, Act.ARRIVE), (Act.WAIT, Act.REASSIGN)),
    State.ON_THE_WAY: ((Act.ARRIVE,), (Act.REASSIGN,)),
    State.ON_SITE: ((PHOTO, Act.EXPECT_TEST), (Act.WAIT, Act.FINISH)),
    State.WAITING: ((Act.RESUME, PHOTO), (Act.REASSIGN,)),
    State.DONE: ((Act.VERIFY, Act.SEND_BACK),),
    State.SENT_BACK: ((Act.SET_OUT, Act.ARRIVE), (Act.DISPATCH,)),
    State.VERIFIED: ((Act.CLOSE, Act.SEND_BACK),),
}
#: of one who waits and was not there yet
_WAITING_ELSEWHERE: Final = ((Act.SET_OUT, Act.REASSIGN),)
_PRIMARY: Final = frozenset({Act.ACCEPT, Act.ARRIVE, Act.FINISH, Act.VERIFY, Act.RESUME, Act.DISPATCH})
_ENDED: Final = frozenset({State.CLOSED, State.WITHDRAWN})
#: work that the unit can be content with or not
_JUDGED: Final = frozenset({State.DONE, State.VERIFIED, State.CLOSED})


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What a card needs beside the order: its unit's words and people's names."""

    unit: str
    zone: str
    names: dict[PersonId, str]


def keys_of(order: WorkOrder, language: str) -> tuple[tuple[Key, ...], ...]:
    """The rows of buttons of an order as it stands, and one that shows all of it."""
    is_testable = order.at is not None and order.test_signal_at is None
    is_elsewhere = order.state is State.WAITING and order.arrived_at is None
    rows = [
        tuple(_key(each, language) for each in row if each is not Act.EXPECT_TEST or is_testable)
        for row in (_WAITING_ELSEWHERE if is_elsewhere else _KEYS.get(order.state, ()))
    ]
    last = [Key(translate(N_("工单详情"), language), SHOW)]
    if order.state in _JUDGED or order.overdue_at is not None:
        last.append(Key(translate(N_("投诉"), language), COMPLAIN))
    return (*(row for row in rows if row), tuple(last))


def _key(each: Act | str, language: str) -> Key:
    if not isinstance(each, Act):
        return Key(translate(N_("拍照"), language), each)
    return Key(translate(ACT_LABELS[each], language), VERBS[each], style="primary" if each in _PRIMARY else "plain")


def what_words(order: WorkOrder, language: str) -> str:
    """What is to be done in a language: what an alarm said is in our words, part by part; a person's words stay."""
    if order.origin not in {Origin.ALARM, Origin.LINK}:
        return order.what
    ours, colon, said = order.what.partition(_SAID)
    words = _PART.join(translate(part, language) for part in ours.split(_PART))
    return translate(N_("{what}：{said}"), language, what=words, said=said) if colon else words


def order_card(order: WorkOrder, around: Around, language: str) -> Card:
    """The card of `order` as it stands."""
    return Card(
        alarm=AlarmId(order.id),
        about="order",
        number=order.number,
        severity=loudness(order),
        icon=ICON,
        headline=translate(N_("工单：{state}"), language, state=translate(STATE_LABELS[order.state], language)),
        status=translate(STATE_LABELS[order.state], language),
        is_active=order.state not in _ENDED,
        banner=_banner(order, language),
        unit=around.unit,
        where=order.where,
        what=what_words(order, language),
        facts=tuple(_facts(order, around, language)),
        raised_at=in_zone(order.opened_at, around.zone),
        revision=order.revision,
        keys=keys_of(order, language),
    )


def loudness(order: WorkOrder) -> Severity:
    """How its card sounds: work on a fire is urgent, and is no fire; only an alarm rings like one."""
    return Severity.ABNORMAL if order.severity is Severity.FIRE else order.severity


def _banner(order: WorkOrder, language: str) -> str:
    words = []
    if order.overdue_at is not None:
        words.append(translate(N_("已超过约定完成时间"), language))
    if order.accept_step >= 2 and is_untaken(order):
        words.append(translate(N_("无人接单"), language))
    return " · ".join(words)


def _facts(order: WorkOrder, around: Around, language: str) -> list[Fact]:
    def at(moment: datetime, form: str = _FORM) -> str:
        return in_zone(moment, around.zone).strftime(form)

    facts = [
        (N_("来源"), translate(ORIGIN_LABELS[order.origin], language)),
        (N_("级别"), translate(SEVERITY_LABELS[order.severity], language)),
        (N_("开始时间"), at(order.since_at)),
        (N_("约定完成"), at(due_at(order, order.paused_since or order.agreed_at))),
    ]
    if order.needs:
        facts.append(
            (N_("所需佐证"), in_a_row((translate(PROOF_LABELS[each], language) for each in order.needs), language))
        )
    people = [around.names.get(each, "") for each in order.offered]
    if order.assignee is not None:
        facts.append((N_("维保人员"), around.names.get(order.assignee, "")))
    elif people:
        facts.append((N_("已派给"), in_a_row(people, language)))
    if order.wait_reason is not None:
        facts.append((N_("挂起原因"), translate(WAIT_LABELS[order.wait_reason], language)))
    facts += [(label, test) for label, test in (_test(order, around, language),) if test]
    if order.done_at is not None:
        facts.append((N_("完成时间"), at(order.done_at)))
    if order.verified_by is not None:
        facts.append((N_("验收人"), around.names.get(order.verified_by, "")))
    if order.ended_why:
        facts.append((N_("撤回原因"), order.ended_why))
    return [Fact(translate(label, language), value) for label, value in facts]


def _test(order: WorkOrder, around: Around, language: str) -> tuple[str, str]:
    """What the wire test came to, to the second."""
    label = N_("测试信号")
    if order.test_signal_at is not None:
        time = in_zone(order.test_signal_at, around.zone).strftime("%H:%M:%S")
        said = in_a_row((translate(each, language) for each in order.test_said.split("\n") if each), language)
        return label, translate(N_("已收到 {time} {said}"), language, time=time, said=said).strip()
    if order.test_waived_by is not None:
        return label, translate(N_("免测：{name}"), language, name=around.names.get(order.test_waived_by, ""))
    if order.test_asked_at is not None and order.state is State.ON_SITE and order.test_until_at is not None:
        until = in_zone(order.test_until_at, around.zone).strftime("%H:%M:%S")
        return label, translate(N_("请触发测试，等待信号（至 {time}）"), language, time=until)
    return label, ""
