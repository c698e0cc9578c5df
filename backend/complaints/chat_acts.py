"""The dialogues that follow a key under a complaint: words for an answer, a question, a note; how it is settled."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Final
from uuid import UUID

import msgspec

from backend.chat.model import (
    ANSWER,
    END,
    Dialogue,
    Draft,
    Heard,
    Key,
    Next,
    Saying,
    Speaker,
    Step,
)
from backend.chat.words import is_one_of
from backend.complaints import handling, service
from backend.complaints.acts import cleaned
from backend.complaints.card import handler_keys, rating_keys
from backend.complaints.chat_filing import chat_of, kept
from backend.complaints.model import (
    ASKED_STATES,
    CAUSE_LABELS,
    OPEN_STATES,
    STATE_LABELS,
    UNTAKEN_STATES,
    CauseClass,
    Complaint,
    Settlement,
)
from backend.complaints.ordering import open_order
from backend.complaints.rows import complaint_for
from backend.core.errors import BadInput
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId
from backend.evidence.model import EvidenceId
from backend.work_orders.model import STATE_LABELS as ORDER_STATES

Act = Callable[[Speaker, UUID, str, Sequence[EvidenceId]], Awaitable[Complaint]]
#: what people write to begin or to look
COMMAND_WORDS: Final = {
    "complain": ("投诉", "我要投诉", "complain", "complaint"),
    "feedback": ("反馈", "建议", "表扬", "feedback"),
    "complaints": ("我的投诉", "my complaints"),
    "complaint_queue": ("投诉处理", "待办投诉", "complaint queue"),
}
#: those that, as a whole message, are never an answer to anybody; 表扬 may well be the reason of a rating
_COMMANDS: Final = tuple(chain.from_iterable(words for name, words in COMMAND_WORDS.items() if name != "feedback"))
_YES: Final = "yes"
_NO: Final = "no"
#: reasons that need no typing; a key carries the first word
_REASONS: Final = {
    "fast": N_("处理及时"),
    "solved": N_("问题已解决"),
    "slow": N_("处理太慢"),
    "unsolved": N_("问题没有解决"),
    "manner": N_("态度不好"),
}


def _word(speaker: Speaker, message: str, **values: object) -> str:
    return translate(message, speaker.language, **values)


def _of(draft: Draft) -> UUID:
    return UUID(str(draft.answers["complaint"]))


def meant(heard: Heard) -> None:
    """Raises `BadInput` for a command: it is no answer to anybody."""
    if is_one_of(heard.text, _COMMANDS):
        raise BadInput(N_("这是一条命令，没有作为内容发出。请先完成下面的操作，或发送“取消”。"))


def done(speaker: Speaker, complaint: Complaint) -> Saying:
    """How it stands after an act."""
    state = _word(speaker, STATE_LABELS[complaint.state])
    line = _word(speaker, N_("✔ {number}：{state}"), number=complaint.number, state=state)
    rows: list[tuple[Key, ...]] = [(Key(_word(speaker, N_("查看")), "c-show"),)]
    if complaint.state in ASKED_STATES and complaint.complainant == speaker.person.id:  # withdrawn: a closure too
        rows.insert(0, rating_keys())
    elif complaint.state in OPEN_STATES and complaint.assignee == speaker.person.id:
        rows = list(handler_keys(speaker.language, may_take=complaint.state in UNTAKEN_STATES))
    return Saying(lines=(line,), keys=tuple(tuple(_key_of(each, complaint) for each in row) for row in rows))


def _key_of(key: Key, complaint: Complaint) -> Key:
    """A card's key, of this complaint."""
    return msgspec.structs.replace(key, about=complaint.id)


async def _heading(speaker: Speaker, draft: Draft) -> str:
    complaint = await complaint_for(speaker.person, _of(draft))
    return complaint.number


def _words_step(question: str, act: Act, *, takes_files: bool = False) -> Step:
    async def ask(speaker: Speaker, draft: Draft) -> Saying:
        return Saying(lines=(f"{await _heading(speaker, draft)} · {_word(speaker, question)}",))

    async def hear(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
        meant(heard)
        if heard.media and not takes_files:
            raise BadInput(N_("这里只能用文字"))
        pieces = [EvidenceId(UUID(each)) for each in await kept(speaker, heard.media)]
        text = heard.text.strip() or (_word(speaker, N_("（见附件）")) if pieces else "")
        return Next(step=END, saying=done(speaker, await act(speaker, _of(draft), text, pieces)))

    return Step(name="words", ask=ask, hear=hear, takes_files=takes_files)


async def _reply(speaker: Speaker, one: UUID, text: str, pieces: Sequence[EvidenceId]) -> Complaint:
    return await handling.reply(speaker.person, one, text, speaker.via, pieces)


async def _ask_back(speaker: Speaker, one: UUID, text: str, pieces: Sequence[EvidenceId]) -> Complaint:
    return await handling.ask_back(speaker.person, one, text, speaker.via, pieces)


async def _note(speaker: Speaker, one: UUID, text: str, pieces: Sequence[EvidenceId]) -> Complaint:
    return await handling.note(speaker.person, one, text, speaker.via, pieces)


async def _answer(speaker: Speaker, one: UUID, text: str, pieces: Sequence[EvidenceId]) -> Complaint:
    return await service.answer(speaker.person, one, text, speaker.via, pieces, chat=chat_of(speaker))


async def _reopen(speaker: Speaker, one: UUID, text: str, pieces: Sequence[EvidenceId]) -> Complaint:
    return await service.reopen(speaker.person, one, text, speaker.via, pieces, chat=chat_of(speaker))


async def _withdraw(speaker: Speaker, one: UUID, text: str, _: Sequence[EvidenceId]) -> Complaint:
    return await service.withdraw(speaker.person, one, text, speaker.via)


async def _order_words(speaker: Speaker, draft: Draft) -> Saying:
    number = await _heading(speaker, draft)
    return Saying(lines=(_word(speaker, N_("{number} · 请写报修内容，工单将派给当班维保人员。"), number=number),))


async def _order(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    meant(heard)
    if heard.media:
        raise BadInput(N_("这里只能用文字"))
    order, is_new = await open_order(speaker.person, _of(draft), heard.text, speaker.via)
    words = N_("已开工单 {number}：{state}") if is_new else N_("已有工单 {number}：{state}")
    state = _word(speaker, ORDER_STATES[order.state])
    line = _word(speaker, words, number=order.number, state=state)
    return Next(
        step=END, saying=Saying(lines=(line,), keys=((Key(_word(speaker, N_("查看")), "c-show", _of(draft)),),))
    )


#: by verb: what is asked for, and what is done with the words
_WORDS: Final = {
    "c-reply": _words_step(N_("请写答复，投诉人会收到。可附照片。"), _reply, takes_files=True),
    "c-ask": _words_step(N_("请写要投诉人补充什么；等待期间办结时限暂停。可附照片。"), _ask_back, takes_files=True),
    "c-note": _words_step(N_("请写内部备注，投诉人看不到。"), _note, takes_files=True),
    "c-answer": _words_step(N_("请补充：可以发文字、照片或语音。"), _answer, takes_files=True),
    "c-reopen": _words_step(N_("请说明为什么重新打开，可附照片。"), _reopen, takes_files=True),
    "c-withdraw": _words_step(N_("请说明为什么撤回。"), _withdraw),
}


# -- how satisfied -----------------------------------------------------------------------------------------------------


async def _ask_reason(speaker: Speaker, draft: Draft) -> Saying:
    number, stars = await _heading(speaker, draft), draft.answers["rating"]
    question = _word(speaker, N_("{number} · 您评了 {stars} 分。请说说理由："), number=number, stars=stars)
    keys = [Key(_word(speaker, label), ANSWER, draft.id, name) for name, label in _REASONS.items()]
    return Saying(lines=(question,), keys=tuple(tuple(keys[at : at + 2]) for at in range(0, len(keys), 2)))


async def _rate(speaker: Speaker, draft: Draft, reason: str) -> Next:
    one = await service.rate(speaker.person, _of(draft), int(draft.answers["rating"]), reason, speaker.via)  # type: ignore[arg-type]
    thanks = _word(speaker, N_("谢谢您的评价。15 天内如有反复，可以重新打开。"))
    keys = ((Key(_word(speaker, N_("重新打开")), "c-reopen", one.id),),)
    return Next(step=END, saying=Saying(lines=(*done(speaker, one).lines, thanks), keys=keys))


async def _hear_reason(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    meant(heard)
    return await _rate(speaker, draft, heard.text)


async def _press_reason(speaker: Speaker, draft: Draft, argument: str) -> Next:
    if argument not in _REASONS:
        raise BadInput(N_("没有找到"))
    return await _rate(speaker, draft, _word(speaker, _REASONS[argument]))


# -- to whom it is handed ----------------------------------------------------------------------------------------------


async def _ask_whom(speaker: Speaker, draft: Draft) -> Saying:
    names = draft.answers["names"]
    assert isinstance(names, list)
    keys = tuple((Key(name, ANSWER, draft.id, str(at)),) for at, name in enumerate(names))
    return Saying(lines=(f"{await _heading(speaker, draft)} · {_word(speaker, N_('转交给谁？'))}",), keys=keys)


async def _hand_over(speaker: Speaker, draft: Draft, argument: str) -> Next:
    ids = draft.answers["ids"]
    if not isinstance(ids, list) or not argument.isdecimal() or int(argument) >= len(ids):
        raise BadInput(N_("没有此投诉处理人"))
    to = PersonId(UUID(ids[int(argument)]))
    return Next(
        step=END, saying=done(speaker, await handling.transfer(speaker.person, _of(draft), to, "", speaker.via))
    )


# -- how it is settled -------------------------------------------------------------------------------------------------


async def _ask_justified(speaker: Speaker, draft: Draft) -> Saying:
    keys = (
        Key(_word(speaker, N_("成立")), ANSWER, draft.id, _YES),
        Key(_word(speaker, N_("不成立")), ANSWER, draft.id, _NO),
    )
    return Saying(lines=(f"{await _heading(speaker, draft)} · {_word(speaker, N_('投诉是否成立？'))}",), keys=(keys,))


async def _justified(_: Speaker, __: Draft, argument: str) -> Next:
    is_so = argument == _YES
    return Next(step="cause" if is_so else "told", answers={"justified": argument})


async def _ask_cause(speaker: Speaker, draft: Draft) -> Saying:
    keys = [Key(_word(speaker, label), ANSWER, draft.id, str(cause)) for cause, label in CAUSE_LABELS.items()]
    rows = tuple(tuple(keys[at : at + 3]) for at in range(0, len(keys), 3))
    return Saying(lines=(_word(speaker, N_("原因类别是？")),), keys=rows)


async def _cause(_: Speaker, __: Draft, argument: str) -> Next:
    if argument not in set(CauseClass):
        raise BadInput(N_("没有找到"))
    return Next(step="improvement", answers={"cause": argument})


async def _ask_improvement(speaker: Speaker, _: Draft) -> Saying:
    return Saying(lines=(_word(speaker, N_("改进措施是什么？（记录在案，计入月报）")),))


async def _improvement(_: Speaker, __: Draft, heard: Heard) -> Next:
    meant(heard)
    words = cleaned(heard.text, lacks=N_("成立的投诉须填写原因类别和改进措施"))
    return Next(step="told", answers={"improvement": words})


async def _ask_told(speaker: Speaker, _: Draft) -> Saying:
    return Saying(lines=(_word(speaker, N_("请写给投诉人的办结说明；之后会请其评价。")),))


async def _settle(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    meant(heard)
    answers = draft.answers
    how = Settlement(
        text=heard.text,
        is_justified=None if "justified" not in answers else answers["justified"] == _YES,
        cause=CauseClass(str(answers["cause"])) if answers.get("cause") else None,
        improvement=str(answers.get("improvement", "")),
    )
    return Next(step=END, saying=done(speaker, await handling.settle(speaker.person, _of(draft), how, speaker.via)))


_TOLD: Final = Step(name="told", ask=_ask_told, hear=_settle)
ACTS: Final = (
    *(Dialogue(name=verb, steps=(step,)) for verb, step in _WORDS.items()),
    Dialogue(name="c-rate", steps=(Step(name="reason", ask=_ask_reason, hear=_hear_reason, press=_press_reason),)),
    Dialogue(name="c-transfer", steps=(Step(name="whom", ask=_ask_whom, press=_hand_over),)),
    Dialogue(
        name="c-settle",
        steps=(
            Step(name="justified", ask=_ask_justified, press=_justified),
            Step(name="cause", ask=_ask_cause, press=_cause),
            Step(name="improvement", ask=_ask_improvement, hear=_improvement),
            _TOLD,
        ),
    ),
    Dialogue(name="c-settle-fb", steps=(_TOLD,)),
    Dialogue(name="c-order", steps=(Step(name="words", ask=_order_words, hear=_order),)),
)
