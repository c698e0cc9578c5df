"""Complaints in any chat: 投诉, 反馈, 我的投诉; a handler's queue; keys under a card; a reply to one is an answer."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

from backend.alarms.card import COMPLAIN as OF_ALARM
from backend.chat.model import Command, Heard, Key, Said, Saying, Speaker, Talk
from backend.complaints import handling, service
from backend.complaints.card import rating_keys
from backend.complaints.chat_acts import ACTS, COMMAND_WORDS, done
from backend.complaints.chat_filing import (
    FILING,
    begin_complaint,
    begin_feedback,
    begin_of_alarm,
    begin_of_order,
    chat_of,
    kept,
    units_of,
)
from backend.complaints.chat_pressing import (
    PIECE,
    WORDED,
    begins,
    pieces_in,
    press_piece,
    press_rate,
    press_settle,
    press_take,
    press_transfer,
)
from backend.complaints.model import NoSuchComplaint
from backend.complaints.queries import ClockOut, ComplaintLine, ComplaintStory, complaint_story, complaints_for
from backend.core.errors import BadInput, NotAllowed
from backend.core.i18n import N_, labelled, translate
from backend.evidence.model import EvidenceId
from backend.people.model import Right
from backend.work_orders.card import COMPLAIN as ORDER_VERB
from backend.work_orders.card import SHOW as SHOW_ORDER

_MOST: Final = 8
_MOST_READ: Final = 300
_STORY: Final = 8
#: characters of what was filed, of the newest words, of the others: together they fit in one message
_FILED, _NEWEST, _SHORT = 700, 1600, 100
_FORM: Final = "%m-%d %H:%M"
_KEYS_A_ROW: Final = 2
_PIECES_A_ROW: Final = 4


def _word(speaker: Speaker, message: str, **values: object) -> str:
    return translate(message, speaker.language, **values)


def _alone(speaker: Speaker) -> None:
    """Complaints are shown to their own people; a group is no place for them."""
    if speaker.is_group:
        raise NotAllowed(N_("请在与机器人的私聊中查看"))


def alone(press: Callable[[Speaker, UUID | None, str], Awaitable[Said]]) -> Callable[..., Awaitable[Said]]:
    """A key that is answered in a private chat only."""

    async def pressed(speaker: Speaker, about: UUID | None, argument: str) -> Said:
        _alone(speaker)
        return await press(speaker, about, argument)

    return pressed


async def my_complaints(speaker: Speaker, rest: str) -> Said:
    """我的投诉: what the speaker filed, open ones first; with a number that one."""
    _alone(speaker)
    lines = await complaints_for(speaker.person, "all", own=True, limit=_MOST_READ)
    if rest.strip():
        return await show(speaker, _numbered(lines, rest), "")
    nothing = N_("您还没有提交过投诉或反馈。发送“投诉”或“反馈”开始。")
    if not await units_of(speaker):
        nothing = N_("只有联网单位的人员可以提交投诉或反馈")
    return _listed(speaker, lines, nothing)


async def queue(speaker: Speaker, rest: str) -> Said:
    """投诉处理: what a handler has to do, the nearest deadline first; with a number any that there is."""
    _alone(speaker)
    if not speaker.person.may(Right.HANDLE_COMPLAINTS, None):
        raise NotAllowed(N_("您没有进行此操作的权限"))
    if rest.strip():
        return await show(speaker, _numbered(await complaints_for(speaker.person, "all", limit=_MOST_READ), rest), "")
    lines = await complaints_for(speaker.person, "open", limit=_MOST_READ)
    return _listed(speaker, lines, N_("没有待处理的投诉或反馈。"))


def _numbered(lines: Sequence[ComplaintLine], asked: str) -> UUID:
    """By its number: "TS-20261126-001"; by its last digits the newest that has them. Raises `NoSuchComplaint`."""
    name = asked.strip().removeprefix("#").upper()
    last = name.lstrip("0") if name.isascii() and name.isdecimal() else None
    for each in sorted(lines, key=lambda line: line.filed_at, reverse=True):
        if name == each.number or (last is not None and each.number.rpartition("-")[2].lstrip("0") == last):
            return each.id
    raise NoSuchComplaint(N_("没有这条投诉或反馈"))


def _listed(speaker: Speaker, lines: Sequence[ComplaintLine], nothing: str) -> Saying:
    if not lines:
        return Saying(lines=(_word(speaker, nothing),))
    shown, more = lines[:_MOST], len(lines) - _MOST
    said = [
        f"{_mark(each)} {each.number} · {each.kind_word} · {each.state_word}{_due(speaker, each)}" for each in shown
    ]
    if more > 0:
        said.append(_word(speaker, N_("另有 {count} 条：在此命令后写编号即可查看。"), count=more))
    keys = [Key(each.number, "c-show", each.id) for each in shown]
    return Saying(lines=tuple(said), keys=tuple(tuple(keys[at : at + 2]) for at in range(0, len(keys), _KEYS_A_ROW)))


def _mark(line: ComplaintLine) -> str:
    if line.breaches:
        return "🔴"
    return "⏸" if line.is_waiting else "📮"


def _due(speaker: Speaker, line: ComplaintLine) -> str:
    clock = _running(line)
    if clock is None:
        return ""
    return " · " + _word(speaker, N_("{time} 前"), time=clock.due_at.strftime(_FORM))


def _running(line: ComplaintLine) -> ClockOut | None:
    """The deadline that is next."""
    if line.state in {"settled", "withdrawn", "rated", "closed"}:
        return None
    return line.reply if line.reply.done_at is None else line.settlement


async def show(speaker: Speaker, about: UUID | None, _: str) -> Said:
    """One complaint: how it stands, what happened last, and what the speaker may do."""
    _alone(speaker)
    if about is None:
        raise BadInput(N_("没有找到"))
    told = await complaint_story(speaker.person, about)
    line = told.line
    head = [
        f"📮 {line.number} · {line.kind_word} · {line.state_word}",
        line.about_words,
        f"{line.unit_name} · {line.complainant}" + (f" → {line.assignee}" if line.assignee else ""),
        *_clock_lines(speaker, line),
    ]
    orders = [f"🔧 #{each.number} {_cut(each.what, _SHORT)} · {each.state_word}" for each in told.orders]
    shown = tuple((Key(f"🔧 #{each.number}", SHOW_ORDER, each.id),) for each in told.orders if each.may_open)
    asked = ((Key(_word(speaker, N_("开工单")), "c-order", line.id),),) if told.may_order else ()
    lines = tuple(each for each in (*head, *orders, *_story(told, speaker.language)) if each)
    return Saying(lines=lines, keys=(*_keys(speaker, line), *_pieces(told), *asked, *shown))


def _story(told: ComplaintStory, language: str) -> list[str]:
    """What was filed, and what happened last: the newest words nearly whole, so that a message has room for all."""
    number = {piece.id: at for at, piece in enumerate(pieces_in(told), 1)}
    newest = next((each.id for each in reversed(told.entries) if each.text), None)
    said = []
    for at, each in enumerate((*told.entries[:1], *told.entries[1:][-_STORY:])):
        text = _cut(each.text, _NEWEST if each.id == newest else _FILED if at == 0 else _SHORT)
        what = " ".join(part for part in (each.at.strftime(_FORM), each.who, each.word, each.detail) if part)
        words = labelled(what, text, language) if text else what
        said.append(f"{words}{''.join(f' 📎{number[one.id]}' for one in each.evidence)}")
    return said


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _pieces(told: ComplaintStory) -> tuple[tuple[Key, ...], ...]:
    """A key for each of the newest files, by their numbers in the story."""
    every = [Key(f"📎 {at}", PIECE, told.line.id, str(at)) for at in range(1, len(pieces_in(told)) + 1)][-_MOST:]
    return tuple(tuple(every[at : at + _PIECES_A_ROW]) for at in range(0, len(every), _PIECES_A_ROW))


def _clock_lines(speaker: Speaker, line: ComplaintLine) -> list[str]:
    clock = _running(line)
    if clock is None:
        return []
    if clock.is_paused:
        words = N_("⏸ 等待您补充，办结时限暂停") if line.is_mine else N_("⏸ 等待投诉人补充，办结时限暂停")
        return [_word(speaker, words)]
    due = _word(speaker, N_("时限 {time}"), time=clock.due_at.strftime(_FORM))
    return [f"{'🔴' if clock.is_missed else '⏱'} {due}"]


def _keys(speaker: Speaker, line: ComplaintLine) -> tuple[tuple[Key, ...], ...]:
    def key(label: str, verb: str, style: str = "plain") -> Key:
        return Key(_word(speaker, label), verb, line.id, "", style)

    rows: list[tuple[Key, ...]] = []
    if line.may_reply:
        rows += [
            (key(N_("答复"), "c-reply", "primary"), key(N_("请补充"), "c-ask")),
            (key(N_("办结"), "c-settle"), key(N_("转交"), "c-transfer")),
        ]
    if line.may_handle:
        rows.append((key(N_("接手"), "c-take"), key(N_("备注"), "c-note")))
    if line.may_answer:
        rows.append((key(N_("补充说明"), "c-answer", "primary"), key(N_("撤回"), "c-withdraw")))
    if line.may_rate:
        rows.append(tuple(Key(each.label, each.verb, line.id, each.argument) for each in rating_keys()))
    if line.may_reopen:
        rows.append((key(N_("重新打开"), "c-reopen"),))
    return tuple(rows)


async def on_reply(speaker: Speaker, about: UUID, heard: Heard) -> Said:
    """A reply to a complaint's card: the complainant's words, or the handler's answer."""
    line = (await complaint_story(speaker.person, about)).line
    if not line.is_mine and not line.may_handle:
        raise NotAllowed(N_("您没有进行此操作的权限"))
    if line.is_mine and not line.may_answer:
        over = N_("该投诉已办结，如不满意可以重新打开") if line.may_reopen else N_("办结已超过 15 天，请重新提交投诉")
        return Saying(lines=(_word(speaker, over),), keys=_keys(speaker, line))
    pieces = [EvidenceId(UUID(each)) for each in await kept(speaker, heard.media)]
    text = heard.text.strip() or (_word(speaker, N_("（见附件）")) if pieces else "")
    if line.is_mine:
        chat = chat_of(speaker)
        return done(speaker, await service.answer(speaker.person, about, text, speaker.via, pieces, chat=chat))
    return done(speaker, await handling.reply(speaker.person, about, text, speaker.via, pieces))


COMPLAINTS: Final = Talk(
    concept="complaints",
    commands=(
        Command(
            name="complain",
            words=COMMAND_WORDS["complain"],
            help=N_("投诉：报警、工单、人员或其他"),
            do=begin_complaint,
            right=Right.COMPLAIN,
        ),
        Command(
            name="feedback",
            words=COMMAND_WORDS["feedback"],
            help=N_("反馈：表扬、咨询或建议"),
            do=begin_feedback,
            right=Right.COMPLAIN,
        ),
        Command(
            name="complaints",
            words=COMMAND_WORDS["complaints"],
            help=N_("我的投诉和反馈"),
            do=my_complaints,
            right=Right.COMPLAIN,
        ),
        Command(
            name="complaint_queue",
            words=COMMAND_WORDS["complaint_queue"],
            help=N_("待处理的投诉和反馈"),
            do=queue,
            right=Right.HANDLE_COMPLAINTS,
        ),
    ),
    presses={
        **{verb: begins(verb) for verb in WORDED},
        OF_ALARM.verb: begin_of_alarm,
        ORDER_VERB: begin_of_order,
        "c-rate": press_rate,
        "c-settle": press_settle,
        "c-transfer": press_transfer,
        "c-take": press_take,
        "c-show": show,
        PIECE: alone(press_piece),
    },
    dialogues=(*FILING, *ACTS),
    replies={"complaint": on_reply},
)
