"""Alarms in any chat (报警): the card's keys, the list of what is open, a reply as a note; words and steps, no drawing.

The rule: a key asks the use case and says its answer; the card itself is drawn again by delivery, wherever it hangs.
What must be thought about is asked twice (真实火警) or for a reason (误报); a slip is taken back in ten seconds.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from backend.alarms import chat_dialogues as dialogues
from backend.alarms.card import COMPLAIN, alarm_card, verdicts_of
from backend.alarms.colleagues import MOST_TOGETHER, note
from backend.alarms.duty_desk import call_duty_desk
from backend.alarms.model import Acknowledged, Alarm, AlreadyClosed, HistoryLine, NoSuchAlarm
from backend.alarms.queries import Which, alarm_for, alarms_for, history_for
from backend.alarms.service import acknowledge, judge, require_alarm
from backend.alarms.storm_tending import TOGETHER_FACT
from backend.alarms.undoing import UNDO_WITHIN, undo_acknowledgement, undo_verdict
from backend.chat.model import Begin, Command, Heard, Key, Said, Saying, Speaker, Talk
from backend.core import clock
from backend.core.clock import in_zone
from backend.core.errors import NotAllowed, NotFound
from backend.core.i18n import N_, _
from backend.core.ids import AlarmId
from backend.core.vocabulary import VERDICT_LABELS, VIA_LABELS, Verdict
from backend.delivery.model import Action, Card, Verb
from backend.people.doors import units_seen
from backend.people.groups import language_of
from backend.people.model import Right

#: alarms in one list
LISTED: Final = 20
_STORIES_A_ROW: Final = 4
_LONGEST_STORY: Final = 3500  #: UTF-16 units, as Telegram counts
_SURE: Final = "sure"
_ACK: Final = "ack"
_VERDICT: Final = "verdict"
#: the key of each verdict
VERBS_OF: Final = {
    Verdict.REAL: Verb.VERDICT_REAL,
    Verdict.FALSE: Verb.VERDICT_FALSE,
    Verdict.TEST: Verb.VERDICT_TEST,
    Verdict.FAULT: Verb.VERDICT_FAULT,
}
_Act = Callable[[Speaker, UUID | None, str], Awaitable[Said]]


def _alarm(about: UUID | None) -> AlarmId:
    if about is None:
        raise NotFound(N_("没有这条报警"))
    return AlarmId(about)


async def _acknowledge(speaker: Speaker, about: UUID | None, _argument: str) -> Said:
    """我已知晓: a second tap says when it was first said; it is no error."""
    done = await acknowledge(speaker.person, _alarm(about), speaker.via)
    words = _acknowledged(done, speaker)
    if not done.is_new or speaker.is_group:
        return Saying(brief=words)
    alarm = await _seen(speaker, about)
    keys = (*_undo_key(about, _ACK, speaker), *await _others_of_its_storm(alarm, speaker))
    return Saying(brief=words, lines=(_named(N_("✅ 已确认 {alarm}"), alarm, speaker),), keys=keys)


async def _others_of_its_storm(alarm: Alarm, speaker: Speaker) -> tuple[tuple[Key, ...], ...]:
    """A storm's card speaks for many, but who knows of it has said so of one: the others are a tap away."""
    if not any(label == TOGETHER_FACT for label, _value in alarm.facts):
        return ()
    return _together_key(await _open(speaker), speaker, least=1)


def _together_key(alarms: Sequence[Alarm], speaker: Speaker, least: int) -> tuple[tuple[Key, ...], ...]:
    waiting = [each for each in alarms if dialogues.is_for_together(each, speaker)][:MOST_TOGETHER]
    if len(waiting) < least:
        return ()
    return ((Key(_("一并确认 {count} 条（不含火警）", speaker.language, count=len(waiting)), "a-all"),),)


def _acknowledged(done: Acknowledged, speaker: Speaker) -> str:
    """The answer to a tap: one's own acknowledgement first, then who else knows."""
    at, via = _time(done.at, done.timezone), _(VIA_LABELS[done.via], speaker.language)
    own = _("您已于 {at} 确认（{via}）", speaker.language, at=at, via=via)
    if done.is_new or done.is_again:
        own = _("已确认", speaker.language)
    others = [f"{k.name} {_time(k.at, done.timezone)}" for k in done.known_by if k.person != speaker.person.id]
    if not others:
        return own
    return f"{own}\n" + _("也已确认：{names}", speaker.language, names=" · ".join(others))


async def _real(speaker: Speaker, about: UUID | None, argument: str) -> Said:
    """真实火警 calls people out: the first tap only asks again, where the person sees the alarm."""
    if argument == _SURE:
        return await _judged(speaker, about, Verdict.REAL)
    language = await _card_language(speaker)
    card = alarm_card(await _seen(speaker, about), language)
    label = _(VERDICT_LABELS[Verdict.REAL], language)
    sure = Key(_("❗ 再点一次确认：{label}", language, label=label), Verb.VERDICT_REAL, about, _SURE, "danger")
    back = Key(_("↩ 返回", language), "back", about)
    # a group's card is everybody's: who else knows says so meanwhile
    also = [each for each in card.actions if each.verb == Verb.ACKNOWLEDGE and speaker.is_group]
    keys = tuple((Key(each.label, each.verb, about, "", each.style),) for each in also)
    own = _(VERDICT_LABELS[Verdict.REAL], speaker.language)
    brief = _("请再点一次以确认：{label}", speaker.language, label=own)
    return Saying(brief=brief, in_place=True, keys=((sure,), *keys, (back,)))


async def _card_language(speaker: Speaker) -> str:
    """A group's card stays in its own language, whoever taps."""
    of_group = await language_of(speaker.via, speaker.chat.partition("/")[0]) if speaker.is_group else None
    return of_group or speaker.language


async def _back(speaker: Speaker, about: UUID | None, _argument: str) -> Said:
    """Away from the second step: the card's own keys as they are now."""
    card = alarm_card(await _seen(speaker, about), await _card_language(speaker))
    return Saying(brief=_("已返回，未作结论", speaker.language), in_place=True, keys=_keys_of(card, card.actions))


def _keys_of(card: Card, actions: Sequence[Action]) -> tuple[tuple[Key, ...], ...]:
    """A card's keys below a message that is none."""
    keys = [(Key(each.label, each.verb, card.alarm, "", each.style),) for each in actions]
    beside = [tuple(msgspec.structs.replace(key, about=card.alarm) for key in row) for row in card.keys]
    return (*keys, *beside)


def _answers(alarm: Alarm, speaker: Speaker) -> tuple[tuple[Key, ...], ...]:
    """What the speaker may answer: an alarm of a storm, or of before they were linked, has no card in their chat."""
    may = speaker.person.may
    if not may(Right.ACKNOWLEDGE, alarm.unit):
        return ()
    card = alarm_card(alarm, speaker.language)
    is_judge = may(Right.JUDGE, alarm.unit)
    return _keys_of(card, [each for each in card.actions if each.verb == Verb.ACKNOWLEDGE or (
        is_judge and each.verb != Verb.HISTORY)])  # fmt: skip


async def _false(speaker: Speaker, about: UUID | None, _argument: str) -> Said:
    return await dialogues.begin_false(speaker, _alarm(about))


def _verdict(verdict: Verdict) -> _Act:
    async def press(speaker: Speaker, about: UUID | None, _argument: str) -> Said:
        return await _judged(speaker, about, verdict)

    return press


async def _judged(speaker: Speaker, about: UUID | None, verdict: Verdict) -> Said:
    await judge(speaker.person, _alarm(about), verdict, speaker.via)
    return await judged_saying(speaker, _alarm(about), verdict)


async def judged_saying(speaker: Speaker, alarm: AlarmId, verdict: Verdict) -> Saying:
    """What is said after a verdict: that it stands, and how to take it back."""
    brief = _("已记录：{verdict}", speaker.language, verdict=_(VERDICT_LABELS[verdict], speaker.language))
    line = _named(N_("📋 {alarm}"), await _seen(speaker, alarm), speaker)
    return Saying(brief=brief, lines=(f"{line} · {brief}",), keys=_undo_key(alarm, _VERDICT, speaker))


def _undo_key(about: UUID | None, what: str, speaker: Speaker) -> tuple[tuple[Key, ...], ...]:
    return ((Key(_("↩ 撤销（10 秒内）", speaker.language), "undo", about, what),),)


async def _undo(speaker: Speaker, about: UUID | None, argument: str) -> Said:
    """撤销: within ten seconds, of one's own answer."""
    act = undo_verdict if argument == _VERDICT else undo_acknowledgement
    await act(speaker.person, _alarm(about), speaker.via)
    line = _named(N_("↩ 已撤销：{alarm}"), await _seen(speaker, about), speaker)
    return Saying(brief=_("已撤销", speaker.language), lines=(line,), in_place=True)


async def _history(speaker: Speaker, about: UUID | None, _argument: str) -> Said:
    """查看历史: the alarm's story, its end last."""
    alarm = await _seen(speaker, about)
    lines = await history_for(speaker.person, alarm.id, speaker.language)
    if not lines:
        return Saying(brief=_("暂无记录", speaker.language))
    story = _latest([_story_line(line, alarm.place.timezone) for line in lines])
    return Saying(lines=(_named(N_("📜 {alarm}"), alarm, speaker), *story), keys=_answers(alarm, speaker))


def _latest(lines: list[str]) -> list[str]:
    """The end of a story that one message holds, and … where its beginning is left out."""
    left = _LONGEST_STORY
    for place in range(len(lines) - 1, -1, -1):
        left -= len(lines[place].encode("utf-16-le")) // 2 + 1
        if left < 0:
            return ["…", *lines[place + 1 :]]
    return lines


async def _desk(speaker: Speaker, about: UUID | None, _argument: str) -> Said:
    """呼叫值班室: once for each person and alarm."""
    is_new = await call_duty_desk(speaker.person, _alarm(about), speaker.via)
    words = N_("已通知服务机构值班室") if is_new else N_("您已呼叫过值班室，值班室已收到")
    return Saying(brief=_(words, speaker.language))


async def _more(speaker: Speaker, about: UUID | None, _argument: str) -> Said:
    """更多: what is asked for seldom."""
    alarm = await _seen(speaker, about)
    keys: tuple[tuple[Key, ...], ...] = (
        (Key(_("代同事确认", speaker.language), "a-for", alarm.id),),
        (Key(_("添加备注", speaker.language), "a-note", alarm.id),),
    )
    if _just_said(alarm, speaker):
        keys = (*_undo_key(alarm.id, _ACK, speaker), *keys)
    if alarm.verdict is not None and alarm.closed_at is None and speaker.person.may(Right.JUDGE, alarm.unit):
        keys = ((Key(_("更改结论", speaker.language), "a-verdict", alarm.id),), *keys)
    if speaker.person.may(Right.COMPLAIN, alarm.unit):
        keys = (*keys, (Key(_(COMPLAIN.label, speaker.language), COMPLAIN.verb, alarm.id),))
    return Saying(lines=(_named(N_("{alarm}：还可以"), alarm, speaker),), keys=keys)


def _just_said(alarm: Alarm, speaker: Speaker) -> bool:
    """Whether the speaker's own word can still be taken back; in a group no message of its own offers it."""
    since = clock.now() - UNDO_WITHIN
    said = any(each.person == speaker.person.id and each.at >= since for each in alarm.known_by if not each.recorded_by)
    return said and alarm.verdict_by != speaker.person.id


async def _change(speaker: Speaker, about: UUID | None, _argument: str) -> Said:
    """更改结论: what stands, and the others to choose. Raises `NotAllowed`, `AlreadyClosed`."""
    alarm = await _seen(speaker, about)
    await require_alarm(speaker.person, alarm, Right.JUDGE)
    if alarm.closed_at is not None:
        raise AlreadyClosed(N_("该报警已关闭，处置结论不再更改"))
    stands = VERBS_OF.get(alarm.verdict) if alarm.verdict else None
    keys = [
        (Key(_(each.label, speaker.language), each.verb, alarm.id, "", each.style),)
        for each in verdicts_of(alarm)
        if each.verb != stands
    ]
    lines = [_named(N_("📋 {alarm}：改为什么结论？"), alarm, speaker)]
    if alarm.verdict is not None:
        word = _(VERDICT_LABELS[alarm.verdict], speaker.language)
        lines.append(_("现在的结论：{verdict}", speaker.language, verdict=word))
    return Saying(lines=tuple(lines), keys=tuple(keys))


async def _for(speaker: Speaker, about: UUID | None, _argument: str) -> Said:
    return await dialogues.begin_for(speaker, _alarm(about))


async def _note(speaker: Speaker, about: UUID | None, _argument: str) -> Said:
    alarm = await _seen(speaker, about)
    return Begin(dialogue="a-note", answers={"alarm": str(alarm.id)})


async def _all(speaker: Speaker, _about: UUID | None, _argument: str) -> Said:
    return await dialogues.begin_together(speaker, await _open(speaker))


async def _reply(speaker: Speaker, about: UUID, heard: Heard) -> Said:
    """A reply to a card becomes a note on its alarm, with what was sent along."""
    await _here(speaker, about)
    evidence = await dialogues.kept(speaker, heard)
    await note(speaker.person, AlarmId(about), heard.text, evidence, speaker.via)
    return Saying(lines=(_named(N_("📝 已记入 {alarm}"), await _seen(speaker, about), speaker),))


async def _list(speaker: Speaker, words: str) -> Said:
    """Open alarms that the person may see, most urgent first; in a group only its unit's.

    A number after it shows that alarm's story, of closed ones too; words leave those whose line holds them, if any.
    """
    alarms = await _open(speaker)
    number = words.strip().removeprefix("#").strip()
    if number.isascii() and number.isdecimal():
        for alarm in (*alarms, *await _open(speaker, "recent")):
            if str(alarm.number) == number:
                return await _history(speaker, alarm.id, "")
        every = _listed(alarms, speaker)
        lost = _("没有找到“{text}”，请换个说法。", speaker.language, text=words.strip())
        return msgspec.structs.replace(every, lines=(lost, *every.lines))
    said = words.strip().casefold()
    return _listed([each for each in alarms if said in _list_line(each, speaker).casefold()] or alarms, speaker)


def _listed(alarms: list[Alarm], speaker: Speaker) -> Saying:
    if not alarms:
        return Saying(lines=(_("✅ 当前没有您需要关注的报警。", speaker.language),))
    shown = alarms[:LISTED]
    title = _("当前报警 {count} 条：", speaker.language, count=len(shown))
    if len(alarms) > LISTED:
        title = _("当前报警较多，最紧急的 {count} 条：", speaker.language, count=len(shown))
    stories = [Key(f"📜 #{each.number}", Verb.HISTORY, each.id) for each in shown]
    rows = [tuple(stories[at : at + _STORIES_A_ROW]) for at in range(0, len(stories), _STORIES_A_ROW)]
    rows += _together_key(alarms, speaker, least=2)
    return Saying(lines=(title, *(_list_line(each, speaker) for each in shown)), keys=tuple(rows))


async def _together(speaker: Speaker, _rest: str) -> Said:
    return await dialogues.begin_together(speaker, await _open(speaker))


async def _open(speaker: Speaker, which: Which = "active") -> list[Alarm]:
    """In a group nobody is shown what belongs to another unit.

    Raises `NotAllowed`: nobody is told that all is well where they may not look, least of all before others.
    """
    if units_seen(speaker.person) == frozenset():
        raise NotAllowed(N_("您还没有任何单位的查看权限"))
    if speaker.group_unit is not None and not speaker.person.may(Right.SEE, speaker.group_unit):
        raise NotAllowed(N_("您没有此单位的查看权限"))
    if speaker.is_group and speaker.group_unit is None:
        return []
    return await alarms_for(speaker.person, which, 200, speaker.group_unit)


async def _seen(speaker: Speaker, about: UUID | None) -> Alarm:
    return await alarm_for(speaker.person, _alarm(about))


async def _here(speaker: Speaker, about: UUID | None) -> None:
    """In a group only its own unit's alarms are spoken of, though another's cards may hang there from before."""
    if speaker.is_group and (await _seen(speaker, about)).unit != speaker.group_unit:
        raise NoSuchAlarm(N_("没有这条报警"))


def _kept_here(act: _Act) -> _Act:
    async def press(speaker: Speaker, about: UUID | None, argument: str) -> Said:
        await _here(speaker, about)
        return await act(speaker, about, argument)

    return press


def _named(sentence: str, alarm: Alarm, speaker: Speaker) -> str:
    return _(sentence, speaker.language, alarm=named(alarm, speaker.language))


def named(alarm: Alarm, language: str) -> str:
    """As "#12 【演练】火警 2号楼 5层"."""
    card = alarm_card(alarm, language)
    banner = f"【{card.banner}】" if card.banner else ""
    return f"#{card.number} {banner}{card.headline} {card.where}"


def _list_line(alarm: Alarm, speaker: Speaker) -> str:
    """With its banner, for a drill's fire is none; and with the day, for it may be one of last week."""
    card = alarm_card(alarm, speaker.language)
    banner = f"【{card.banner}】" if card.banner else ""
    at = f"{card.raised_at:%m-%d %H:%M:%S} " if card.raised_at else ""
    parts = (card.where, card.unit, f"{at}{card.status}")
    return f"{card.icon} {banner}{card.headline} #{card.number} " + " · ".join(part for part in parts if part)


def _story_line(line: HistoryLine, timezone: str) -> str:
    """As "11-22 14:03:40 王经理 确认 · Telegram", on the unit's wall clock."""
    at = f"{in_zone(line.at, timezone):%m-%d %H:%M:%S}"
    words = " ".join(part for part in (at, line.person, line.text) if part)
    return f"{words} · {line.via}" if line.via else words


def _time(moment: datetime, timezone: str) -> str:
    return f"{in_zone(moment, timezone):%H:%M:%S}"


ALARMS: Final = Talk(
    concept="alarms",
    commands=(
        Command(
            name="alarms", words=("报警", "当前报警", "alarms"), help=N_("查看当前报警；“报警 12”看这一条的经过"),
            do=_list, right=Right.SEE,
        ),
        Command(
            name="ack_all", words=("一并确认", "ack all"), help=N_("一并确认多条报警（不含火警），须写明理由"),
            do=_together, right=Right.ACKNOWLEDGE, in_menu=False,
        ),
    ),
    presses={
        **{
            verb: _kept_here(act)
            for verb, act in {
                Verb.ACKNOWLEDGE: _acknowledge,
                Verb.VERDICT_REAL: _real,
                Verb.VERDICT_FALSE: _false,
                Verb.VERDICT_TEST: _verdict(Verdict.TEST),
                Verb.VERDICT_FAULT: _verdict(Verdict.FAULT),
                Verb.HISTORY: _history,
                "back": _back,
                "undo": _undo,
                "desk": _desk,
                "a-more": _more,
                "a-verdict": _change,
                "a-for": _for,
                "a-note": _note,
            }.items()
        },
        "a-all": _all,
    },
    dialogues=dialogues.DIALOGUES,
    replies={"alarm": _reply},
)  # fmt: skip
