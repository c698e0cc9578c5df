"""The short dialogues about alarms: why a false alarm, a colleague's acknowledgement, a note, several together."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from backend.alarms.colleagues import MOST_TOGETHER, acknowledge_for, acknowledge_together, note
from backend.alarms.model import FALSE_REASONS, Alarm, AlreadyClosed, reason_words
from backend.alarms.queries import alarm_for
from backend.alarms.service import judge, require_alarm
from backend.chat.model import ANSWER, END, Begin, Dialogue, Draft, Heard, Key, Next, Saying, Speaker, Step, tail_of
from backend.chat.words import by_name
from backend.core.errors import BadInput, Conflict
from backend.core.i18n import N_, _
from backend.core.ids import AlarmId, PersonId
from backend.core.vocabulary import VERDICT_LABELS, Severity, Verdict
from backend.evidence.model import EvidenceId
from backend.evidence.service import keep
from backend.people.model import RIGHTS, Right
from backend.people.queries import colleagues

_A_ROW: Final = 2
_DONE: Final = "done"
_MOST_COLLEAGUES: Final = 12


async def kept(speaker: Speaker, heard: Heard) -> list[EvidenceId]:
    """What came with a message, fetched and kept. Raises Refused for what is no evidence."""
    return [await keep(speaker.person, each.kind, each.name, await each.fetch()) for each in heard.media]


def _alarm_id(draft: Draft) -> AlarmId:
    return AlarmId(UUID(str(draft.answers["alarm"])))


def _evidence_ids(draft: Draft) -> list[EvidenceId]:
    found = draft.answers.get("evidence", [])
    return [EvidenceId(UUID(each)) for each in found] if isinstance(found, list) else []


def _rows(keys: Sequence[Key]) -> tuple[tuple[Key, ...], ...]:
    return tuple(tuple(keys[at : at + _A_ROW]) for at in range(0, len(keys), _A_ROW))


async def _title(speaker: Speaker, draft: Draft) -> str:
    alarm = await alarm_for(speaker.person, _alarm_id(draft))
    return f"#{alarm.number} {alarm.place.building} {alarm.place.floor} {alarm.place.description}".strip()


# -- 误报 ------------------------------------------------------------------------------------------------------------


async def begin_false(speaker: Speaker, alarm_id: AlarmId) -> Begin:
    """Ask for the reason, where the person may judge at all."""
    alarm = await alarm_for(speaker.person, alarm_id)
    await require_alarm(speaker.person, alarm, Right.JUDGE)
    if alarm.closed_at is not None:  # nobody is asked for a reason that can't be recorded
        raise AlreadyClosed(N_("该报警已关闭，处置结论不再更改"))
    return Begin(dialogue="a-false", answers={"alarm": str(alarm_id)})


async def _ask_why(speaker: Speaker, draft: Draft) -> Saying:
    keys = [Key(_(words, speaker.language), ANSWER, draft.id, code) for code, words in FALSE_REASONS.items()]
    line = _(N_("误报的原因是什么？请选择，或直接写明，也可以发语音、照片。"), speaker.language)
    return Saying(lines=(await _title(speaker, draft), line), keys=_rows(keys))


async def _why_pressed(_speaker: Speaker, _draft: Draft, argument: str) -> Next:
    if argument not in FALSE_REASONS:
        raise BadInput(N_("请选择一项原因，或直接写明"))
    return Next(step="proof", answers={"reason": _(FALSE_REASONS[argument])})


async def _why_heard(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    """Words are the reason; a voice note alone is one too."""
    ids = [*_evidence_ids(draft), *await kept(speaker, heard)]
    if not heard.text and not ids:
        raise BadInput(N_("请选择一项原因，或直接写明"))
    return Next(step="proof", answers={"reason": heard.text, "evidence": [str(each) for each in ids]})


async def _ask_proof(speaker: Speaker, draft: Draft) -> Saying:
    count = len(_evidence_ids(draft))
    line = _(N_("可以附上照片或语音（可选），然后点“记为误报”。"), speaker.language)
    had = (_(N_("已收到附件 {count} 件。"), speaker.language, count=count),) if count else ()
    done = Key(_(N_("记为误报"), speaker.language), ANSWER, draft.id, _DONE, "primary")
    return Saying(lines=(*had, line), keys=((done,),))


async def _proof_heard(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    ids = [*_evidence_ids(draft), *await kept(speaker, heard)]
    reason = " ".join(part for part in (str(draft.answers.get("reason", "")), heard.text) if part)
    return Next(step="proof", answers={"reason": reason, "evidence": [str(each) for each in ids]})


async def _proof_pressed(speaker: Speaker, draft: Draft, _argument: str) -> Next:
    alarm_id = _alarm_id(draft)
    reason = str(draft.answers.get("reason", ""))
    await judge(speaker.person, alarm_id, Verdict.FALSE, speaker.via, reason, _evidence_ids(draft))
    words = _("已记录：{verdict}", speaker.language, verdict=_(VERDICT_LABELS[Verdict.FALSE], speaker.language))
    undo = Key(_("↩ 撤销（10 秒内）", speaker.language), "undo", alarm_id, "verdict")
    why = (reason_words(reason, speaker.language),) if reason else ()
    lines = (f"📋 {await _title(speaker, draft)} · {words}", *why)
    return Next(step=END, saying=Saying(lines=lines, keys=((undo,),), brief=words))


# -- 代同事确认 --------------------------------------------------------------------------------------------------------


async def begin_for(speaker: Speaker, alarm_id: AlarmId) -> Begin:
    """Ask whose acknowledgement it is, where the person may acknowledge at all."""
    alarm = await alarm_for(speaker.person, alarm_id)
    await require_alarm(speaker.person, alarm, Right.ACKNOWLEDGE)
    if alarm.unit is None:
        raise Conflict(N_("该报警不属于任何联网单位，不能代他人确认"))
    if not await _who_may(speaker, alarm):  # nobody is asked whom they speak for where there is nobody
        raise Conflict(N_("所有同事都已确认。"))
    return Begin(dialogue="a-for", answers={"alarm": str(alarm_id)})


async def _others(speaker: Speaker, draft: Draft) -> list[tuple[PersonId, str]]:
    """Colleagues who may acknowledge this alarm and have not; of those, whom the words name that were written."""
    named = str(draft.answers.get("named", ""))
    alarm = await alarm_for(speaker.person, _alarm_id(draft))
    return [each for each in await _who_may(speaker, alarm) if named in each[1].casefold()]


async def _who_may(speaker: Speaker, alarm: Alarm) -> list[tuple[PersonId, str]]:
    if alarm.unit is None:
        return []
    known = {each.person for each in alarm.known_by} | {speaker.person.id}
    able = [each for each in await colleagues(alarm.unit) if any(Right.ACKNOWLEDGE in RIGHTS[r] for r in each.roles)]
    return [(each.id, each.name) for each in able if each.id not in known]


async def _ask_who(speaker: Speaker, draft: Draft) -> Saying:
    others = await _others(speaker, draft)
    keys = [Key(name, ANSWER, draft.id, tail_of(person)) for person, name in others[:_MOST_COLLEAGUES]]
    if not keys:
        return Saying(lines=(_(N_("所有同事都已确认。"), speaker.language),))
    lines = [await _title(speaker, draft), _(N_("替哪位同事记录“已知晓”？"), speaker.language)]
    if len(others) > len(keys):
        lines.append(_(N_("只列出前 {count} 位，也可以直接写姓名。"), speaker.language, count=len(keys)))
    return Saying(lines=tuple(lines), keys=_rows(keys))


async def _who_heard(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    """A name: one colleague of that name is meant; of several one is to be chosen."""
    named = heard.text.casefold()
    anew = msgspec.structs.replace(draft, answers={**draft.answers, "named": named})
    found = by_name(await _others(speaker, anew), heard.text, lambda each: each[1])
    if len(found) == 1:
        person, name = found[0]
        return Next(step="why", answers={"other": str(person), "name": name})
    if not found:
        raise BadInput(N_("没有这位同事，或这位同事已经确认"))
    return Next(step="who", answers={"named": named})


async def _who_pressed(speaker: Speaker, draft: Draft, argument: str) -> Next:
    everybody = msgspec.structs.replace(draft, answers={**draft.answers, "named": ""})
    found = next((each for each in await _others(speaker, everybody) if tail_of(each[0]) == argument), None)
    if found is None:
        raise Conflict(N_("这位同事已经确认，或不再负责此单位"))
    return Next(step="why", answers={"other": str(found[0]), "name": found[1]})


async def _ask_reason(speaker: Speaker, draft: Draft) -> Saying:
    words = N_("请写明理由，例如“电话告知，本人在现场”。将记录您的姓名、{name} 和理由。")
    return Saying(lines=(_(words, speaker.language, name=draft.answers.get("name", "")),))


async def _reason_heard(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    other = PersonId(UUID(str(draft.answers["other"])))
    is_new = await acknowledge_for(speaker.person, _alarm_id(draft), other, heard.text, speaker.via)
    words = N_("✅ 已代 {name} 记录“已知晓”") if is_new else N_("{name} 已确认过")
    return Next(step=END, saying=Saying(lines=(_(words, speaker.language, name=draft.answers.get("name", "")),)))


# -- 备注 ------------------------------------------------------------------------------------------------------------


async def _ask_note(speaker: Speaker, draft: Draft) -> Saying:
    line = _(N_("请写下备注，或发送照片、语音。"), speaker.language)
    return Saying(lines=(await _title(speaker, draft), line))


async def _note_heard(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    await note(speaker.person, _alarm_id(draft), heard.text, await kept(speaker, heard), speaker.via)
    title = await _title(speaker, draft)
    return Next(step=END, saying=Saying(lines=(_(N_("📝 已记入 {alarm}"), speaker.language, alarm=title),)))


# -- 一并确认 ----------------------------------------------------------------------------------------------------------


def is_for_together(alarm: Alarm, speaker: Speaker) -> bool:
    """Whether an alarm may be acknowledged with others: nobody has, it is no fire, and the speaker may."""
    is_waiting = alarm.acknowledged_at is None and alarm.severity is not Severity.FIRE
    return is_waiting and speaker.person.may(Right.ACKNOWLEDGE, alarm.unit)


async def begin_together(speaker: Speaker, alarms: Sequence[Alarm]) -> Begin | Saying:
    """Ask for the reason; the alarms are those that waited when it was asked, and no fire."""
    waiting = [each for each in alarms if is_for_together(each, speaker)]
    if not waiting:
        return Saying(lines=(_(N_("没有可以一并确认的报警；火灾报警请逐条确认。"), speaker.language),))
    return Begin(dialogue="a-all", answers={"alarms": [str(each.id) for each in waiting[:MOST_TOGETHER]]})


def _several(draft: Draft) -> list[AlarmId]:
    found = draft.answers.get("alarms", [])
    return [AlarmId(UUID(each)) for each in found] if isinstance(found, list) else []


async def _ask_together(speaker: Speaker, draft: Draft) -> Saying:
    words = N_("将一并确认 {count} 条报警（不含火警）。请写明理由。")
    return Saying(lines=(_(words, speaker.language, count=len(_several(draft))),))


async def _together_heard(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    count = await acknowledge_together(speaker.person, _several(draft), heard.text, speaker.via)
    return Next(step=END, saying=Saying(lines=(_(N_("✅ 已确认 {count} 条"), speaker.language, count=count),)))


DIALOGUES: Final = (
    Dialogue(
        name="a-false",
        steps=(
            Step(name="why", ask=_ask_why, hear=_why_heard, press=_why_pressed, takes_files=True),
            Step(name="proof", ask=_ask_proof, hear=_proof_heard, press=_proof_pressed, takes_files=True),
        ),
    ),
    Dialogue(
        name="a-for",
        steps=(
            Step(name="who", ask=_ask_who, hear=_who_heard, press=_who_pressed),
            Step(name="why", ask=_ask_reason, hear=_reason_heard),
        ),
    ),
    Dialogue(name="a-note", steps=(Step(name="words", ask=_ask_note, hear=_note_heard, takes_files=True),)),
    Dialogue(name="a-all", steps=(Step(name="why", ask=_ask_together, hear=_together_heard),)),
)
