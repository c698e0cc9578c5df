"""What work orders bring to every chat (工单): commands, a key for each act, dialogues, replies to a card.

The rule: no right is asked here; every key and word comes to a use case of `service`, which asks for it.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import msgspec

from backend.alarms.model import NoSuchAlarm
from backend.alarms.queries import alarm_for
from backend.chat.model import Answers, Begin, Command, Heard, Said, Saying, Speaker, Talk
from backend.core.errors import NotAllowed, NotFound
from backend.core.i18n import N_
from backend.core.ids import AlarmId
from backend.core.vocabulary import Severity
from backend.people.model import Right
from backend.work_orders.card import NEW, PHOTO, SHOW, VERBS
from backend.work_orders.chat_dialogues import (
    DIALOGUES,
    FROM_ALARM,
    NEW_HERE,
    NEW_TOLD,
    PROOF,
    TO,
    WAIT,
    WHY,
    begun,
    opened,
    take_loose,
    take_proof,
    units_to_order,
)
from backend.work_orders.chat_dialogues import NEW as NEW_SOMEWHERE
from backend.work_orders.chat_finishing import FINISHING, FINISHING_DIALOGUE
from backend.work_orders.chat_showing import PIECE, STORY, show_piece, show_story, showing_keys
from backend.work_orders.chat_words import MOST_LISTED, known, listed, say, stands, whole
from backend.work_orders.model import Act, NoSuchOrder, Proof
from backend.work_orders.opening import checked, open_from_alarm
from backend.work_orders.queries import order_for, order_numbered, order_view, orders_for, orders_of_alarm
from backend.work_orders.rules import offered_acts, standing
from backend.work_orders.service import add_note, perform, proofs_of

Press = Callable[[Speaker, UUID | None, str], Awaitable[Said]]
_LONGEST_NUMBER: Final = 9
_ALL: Final = frozenset({"全部", "all"})
#: what is asked before an act is done; the acts that are not here are done at once
_ASKED_BY: Final = {
    Act.DECLINE: WHY,
    Act.WAIVE_TEST: WHY,
    Act.SEND_BACK: WHY,
    Act.WITHDRAW: WHY,
    Act.DISPATCH: TO,
    Act.REASSIGN: TO,
    Act.WAIT: WAIT,
    Act.FINISH: FINISHING,
}


def _press(act: Act) -> Press:
    """What the key of an act does: at once, or after its question."""

    async def at_once(speaker: Speaker, about: UUID | None, _: str) -> Said:
        order = await perform(speaker.person, known(about), act, speaker.via)
        return stands(speaker, order)

    async def asked(speaker: Speaker, about: UUID | None, _: str) -> Said:
        order = await order_for(speaker.person, known(about))
        theirs = offered_acts(order, standing(order, speaker.person), speaker.person.id)
        if act not in theirs and not (act is Act.DECLINE and Act.STEP_ASIDE in theirs):
            return stands(speaker, await perform(speaker.person, order.id, act, speaker.via))  # says why not
        return Begin(dialogue=_ASKED_BY[act], answers=begun(order.id, act))

    return asked if act in _ASKED_BY else at_once


def _here(press: Press) -> Press:
    """The same press; in a unit's group of that unit's orders alone, for an older card may still hang there."""

    async def inside(speaker: Speaker, about: UUID | None, argument: str) -> Said:
        await _check_here(speaker, known(about))
        return await press(speaker, about, argument)

    return inside


async def _check_here(speaker: Speaker, about: UUID) -> None:
    if speaker.group_unit is not None and (await order_for(speaker.person, about)).unit != speaker.group_unit:
        raise NoSuchOrder(N_("没有这张工单"))


async def _arrive(speaker: Speaker, about: UUID | None, _: str) -> Said:
    """到场; where a position is asked for, it is asked for at once."""
    order = await perform(speaker.person, known(about), Act.ARRIVE, speaker.via)
    if Proof.LOCATION in order.needs and Proof.LOCATION not in await proofs_of(order):
        return Begin(dialogue=PROOF, answers=begun(order.id, Act.ARRIVE))
    return stands(speaker, order)


async def _test(speaker: Speaker, about: UUID | None, _: str) -> Said:
    order = await perform(speaker.person, known(about), Act.EXPECT_TEST, speaker.via)
    if order.test_signal_at is not None:
        return stands(speaker, order)
    line = say(speaker, N_("请触发测试，等待信号…收到后将通知您。"))
    return Saying(lines=(line,), keys=stands(speaker, order).keys, brief=line)


async def _show(speaker: Speaker, about: UUID | None, _: str) -> Said:
    return await _whole(speaker, known(about))


async def _whole(speaker: Speaker, order: UUID) -> Saying:
    view = await order_view(speaker.person, order)
    saying = whole(speaker, view)
    return msgspec.structs.replace(saying, keys=(*saying.keys, showing_keys(speaker, view)))


async def _photo(speaker: Speaker, about: UUID | None, _: str) -> Said:
    order = await order_for(speaker.person, known(about))
    return Begin(dialogue=PROOF, answers={"order": str(order.id)})


async def _new(speaker: Speaker, about: UUID | None, _: str) -> Said:
    """报修: of the alarm whose key was pressed, or by hand."""
    if about is not None:
        alarm = await alarm_for(speaker.person, AlarmId(about))
        if speaker.group_unit not in {None, alarm.unit}:
            raise NoSuchAlarm(N_("没有这条报警"))
        live = [each for each in await orders_of_alarm(speaker.person, alarm.id) if not each.is_final]
        if live:
            return await _whole(speaker, live[0].id)
        if alarm.severity is Severity.OFFLINE:  # all there is to say is known: one tap
            order, is_new = await open_from_alarm(speaker.person, alarm.id, speaker.via)
            return opened(speaker, order, is_new=is_new)
        return Begin(dialogue=FROM_ALARM, answers={"alarm": str(about)})
    return await _by_hand(speaker, "")


async def _by_hand(speaker: Speaker, words: str) -> Said:
    """What stood behind 报修 is what is broken; nobody writes it twice."""
    units = await units_to_order(speaker)
    if not units:
        raise NotFound(N_("没有您可以报修的联网单位"))
    told: Answers = {"what": words} if (words := checked(words)) else {}
    if len(units) > 1:
        return Begin(dialogue=NEW_SOMEWHERE, answers=told)
    return Begin(dialogue=NEW_TOLD if told else NEW_HERE, answers={"unit": str(units[0].id), **told})


async def _orders(speaker: Speaker, rest: str) -> Said:
    """/orders: mine; 全部: all that are open; a number: that one. A unit's group hears of that unit alone."""
    words, unit = rest.strip().removeprefix("#"), speaker.group_unit
    if words.isdecimal() and len(words) <= _LONGEST_NUMBER:
        order = await order_numbered(speaker.person, int(words))
        if speaker.group_unit not in {None, order.unit}:
            raise NoSuchOrder(N_("没有这张工单"))
        return await _whole(speaker, order.id)
    if unit is not None and not speaker.person.may(Right.SEE, unit):  # that there are none is not theirs to be told
        raise NotAllowed(N_("您没有此单位的查看权限"))
    if words in _ALL:
        return listed(
            speaker, await orders_for(speaker.person, "open", unit=unit, limit=MOST_LISTED + 1), N_("未结束的工单：")
        )
    mine = await orders_for(speaker.person, "mine", unit=unit, limit=MOST_LISTED + 1)
    if not mine:
        return Saying(lines=(say(speaker, N_("没有需要您处理的工单。发送“工单 全部”查看所有未结束的工单。")),))
    return listed(speaker, mine, N_("需要您处理的工单："))


async def _repair(speaker: Speaker, rest: str) -> Said:
    return await _by_hand(speaker, rest)


async def _reply(speaker: Speaker, about: UUID, heard: Heard) -> Said:
    """A reply to an order's card: files and a position are its evidence, words a line of its story."""
    await _check_here(speaker, about)
    count = await take_proof(speaker, about, heard)
    if heard.text.strip() and not heard.media:
        await add_note(speaker.person, about, heard.text, speaker.via)
    order = await order_for(speaker.person, about)
    words = N_("已记入工单 {number}") if count or heard.text.strip() else N_("请发送照片、语音、位置或文字")
    return Saying(lines=(say(speaker, words, number=order.number),))


_OF_AN_ORDER: Final[dict[str, Press]] = {
    **{VERBS[act]: _press(act) for act in VERBS},
    VERBS[Act.ARRIVE]: _arrive,
    VERBS[Act.EXPECT_TEST]: _test,
    SHOW: _show,
    PHOTO: _photo,
    STORY: show_story,
    PIECE: show_piece,
}
WORK_ORDERS: Final = Talk(
    concept="work_orders",
    commands=(
        Command(
            name="orders", words=("工单", "orders", "work orders"), help=N_("我的工单；“工单 全部”或“工单 12”"),
            do=_orders, right=Right.SEE,
        ),
        Command(
            name="repair", words=("报修", "repair"), help=N_("报修 3楼水泵漏水：登记一张工单"), do=_repair,
            right=Right.ORDER,
        ),
    ),
    presses={**{verb: _here(press) for verb, press in _OF_AN_ORDER.items()}, NEW: _new},
    dialogues=(*DIALOGUES, FINISHING_DIALOGUE),
    replies={"order": _reply},
    loose=take_loose,
)  # fmt: skip
