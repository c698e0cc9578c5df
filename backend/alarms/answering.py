"""What comes back by way of a telephone carrier: a key pressed during the call, a reply to a text message.

The rule: only the person whose telephone an attempt went to answers for it, with their own rights, and only when
there is no doubt which alarm is meant. An answer counts once: what a carrier tells again, however much later, undoes
no verdict, holds no later round and answers no other alarm. Whatever else comes is recorded and is never an error to
the carrier.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from backend.alarms.duty_desk import DeskUnmanned, call_duty_desk
from backend.alarms.model import AlreadyClosed
from backend.alarms.reply_words import Meaning, Reply, read_key, read_reply
from backend.alarms.service import acknowledge, judge
from backend.core.db.engine import fetch, transaction
from backend.core.errors import NotAllowed, NotFound
from backend.core.i18n import DEFAULT_LANGUAGE, N_, translate
from backend.core.ids import AlarmId, AttemptId, PersonId
from backend.core.vocabulary import Channel, Verdict, Via
from backend.delivery.carrier_codes import kept, number_of_code, short_code
from backend.delivery.carrier_words import note_answer
from backend.ledger.service import record_action
from backend.people import queries as people
from backend.people.model import Person
from backend.people.rules import e164, phone_spellings

#: last digits of an attempt's number that a reply's destination number may carry
EXTEND_DIGITS: Final = 4
_LONGEST_TEXT: Final = 200
_MOST_CODES: Final = 3

# The owner is asked for each time: a number that is no longer the person's speaks for nobody.
_TOLD: Final = """
    select a.id as attempt, a.number, a.person, a.address, a.language, n.alarm, x.number as alarm_number,
        x.verdict is not null as is_judged,
        exists (select from acknowledgements k where k.alarm = n.alarm and k.person = a.person) as is_known
    from attempts a join notices n on n.id = a.notice join alarms x on x.id = n.alarm
    where a.channel = $1 and (a.state = 'sending' or a.t4 is not null)
        and exists (select from contact_points p where p.person = a.person and p.channel = a.channel
                    and p.address = a.address)"""
_BY_NUMBER: Final = f"{_TOLD} and a.number = $2"
_ON_PHONE: Final = f"{_TOLD} and a.address = any($2) and x.closed_at is null order by a.number desc limit 200"
_BY_EXTEND: Final = f"{_TOLD} and a.address = any($2) and a.number % $3 = $4 order by a.number desc limit 1"

# A carrier that heard nothing from us brings the same reply again: the same words from the same telephone, sent at the
# same moment by its clock. One that we had no time to act on is acted on then.
_REPLIED: Final = f"""
    {_TOLD} and a.address = any($2) and exists (
        select from receipts r where r.attempt = a.id and r.kind = 'reply' and r.facts ->> 'said' = $3
            and r.facts ->> 'carrier_at' = $4)
    and (exists (select from acknowledgements k where k.alarm = n.alarm and k.person = a.person)
        or exists (select from alarm_entries e where e.alarm = n.alarm and e.person = a.person
                   and e.kind = 'desk_called'))
    order by a.number desc limit 1"""


class Did(StrEnum):
    """What an answer came to."""

    ACKNOWLEDGED = "acknowledged"
    JUDGED = "judged"  #: recorded as a false alarm, which implies knowing
    CALLED_DESK = "called_desk"
    AGAIN = "again"  #: to be said once more; nothing was done
    DESK_UNMANNED = "desk_unmanned"  #: nobody at the duty desk can be told
    CLOSED = "closed"  #: the alarm is closed; its verdict stays
    UNDERSTOOD_NOT = "understood_not"  #: words or a key that mean nothing
    AMBIGUOUS = "ambiguous"  #: several alarms are open on that telephone; nothing was done
    UNKNOWN = "unknown"  #: no alarm was told to that telephone, or not any more
    REFUSED = "refused"  #: the person may not do that


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer came to, and the sentence to say or send back."""

    did: Did
    sentence: str
    alarm: AlarmId | None = None


KeyAnswer = Answer
ReplyAnswer = Answer

SENTENCES: Final = {
    Did.ACKNOWLEDGED: N_("已确认，报警 {number}。"),
    Did.JUDGED: N_("已记录为误报，报警 {number}。"),
    Did.CALLED_DESK: N_("已转值班室，报警 {number}。"),
    Did.DESK_UNMANNED: N_("值班室目前无人可通知，请直接打电话，报警 {number}。"),
    Did.AGAIN: N_("重听。"),
    Did.CLOSED: N_("报警 {number} 已关闭。"),
    Did.UNDERSTOOD_NOT: N_("未识别，请回复1确认，2误报，3转值班室。"),
    Did.AMBIGUOUS: N_("有多条报警，请在回复后加码，例如 1 {codes}。"),
    Did.UNKNOWN: N_("没有待确认的报警。"),
    Did.REFUSED: N_("您没有进行此操作的权限，报警 {number}。"),
}


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt by telephone, whose it is and where its alarm stands."""

    attempt: AttemptId
    number: int
    person: PersonId
    address: str
    language: str
    alarm: AlarmId
    alarm_number: int
    is_judged: bool
    is_known: bool


class _Words(NamedTuple):
    """What came, as it came."""

    via: Via
    phone: str
    words: str


async def by_key(number: int, digit: str, *, phone: str = "", at: datetime | None = None) -> KeyAnswer:
    """A key pressed during the call of attempt `number`. Idempotent: the same key again changes nothing more.

    1 acknowledges, 2 records a false alarm, 3 calls the duty desk, * only asks to hear it again. Raises nothing for
    what a stranger may send.
    """
    phone, digit = kept(phone, _LONGEST_TEXT), kept(digit, _LONGEST_TEXT)
    told = await _told(_BY_NUMBER, str(Channel.VOICE), number)
    meaning = read_key(digit)
    if not told or (phone and not _is_same(phone, told[0].address)):
        return await _nothing(Did.UNKNOWN, _Words(Via.VOICE, phone, digit), DEFAULT_LANGUAGE)
    if meaning is None:
        return await _nothing(Did.UNDERSTOOD_NOT, _Words(Via.VOICE, told[0].address, digit), told[0].language)
    is_new = await _note(told[0], "key", digit, digit, at)
    if told[0].is_known and not is_new and meaning is not Meaning.DUTY_DESK:  # the desk is called once by itself
        return _again_said(told[0], meaning)
    return await _carry_out(told[0], meaning, Via.VOICE)


async def by_reply(phone: str, text: str, *, extend: str | None = None, at: datetime | None = None) -> ReplyAnswer:
    """A reply to a text message, from `phone`.

    Its alarm is found by the code in it, by its destination's last digits, or else is the only open one that this
    telephone was told of. Idempotent. Raises nothing for what a stranger may send.
    """
    phone, text = kept(phone, _LONGEST_TEXT), kept(text, _LONGEST_TEXT)
    reply = read_reply(text)
    here = await _told(_ON_PHONE, str(Channel.SMS), list(phone_spellings(phone)))
    language = here[0].language if here else DEFAULT_LANGUAGE
    said = _Words(Via.SMS, phone, text)
    if reply is None:
        return await _nothing(Did.UNDERSTOOD_NOT, said, language)
    if before := await _replied(phone, text, at):
        return _again_said(before, reply.meaning)
    meant = await _meant(phone, reply, extend, here)
    if len(meant) != 1:
        did = Did.AMBIGUOUS if meant else Did.UNKNOWN
        return await _nothing(did, said, language, meant)
    await _note(meant[0], "reply", text if at is None else f"{text} {at.isoformat()}", text, at)
    return await _carry_out(meant[0], reply.meaning, Via.SMS)


async def _replied(phone: str, text: str, at: datetime | None) -> _Told | None:
    """The attempt that this very reply answered before; a carrier that tells no time tells nothing twice."""
    if at is None:
        return None
    told = await _told(_REPLIED, str(Channel.SMS), list(phone_spellings(phone)), text, at.isoformat())
    return told[0] if told else None


def _again_said(told: _Told, meaning: Meaning) -> Answer:
    """What was done before is said once more, and nothing is done."""
    did = _DONE[meaning]
    if did is Did.JUDGED and not told.is_judged:
        did = Did.ACKNOWLEDGED  # who may not judge was recorded as knowing
    sentence = translate(SENTENCES[did], told.language, number=told.alarm_number)
    return Answer(did=did, sentence=sentence, alarm=told.alarm)


async def _meant(phone: str, reply: Reply, extend: str | None, here: Sequence[_Told]) -> list[_Told]:
    """Which attempt a reply is about: one, when there is no doubt; several, or none."""
    if reply.code:
        number = number_of_code(reply.code)
        by_code = [] if number is None else await _told(_BY_NUMBER, str(Channel.SMS), number)
        return [each for each in by_code if _is_same(phone, each.address)]
    if extend and extend.isascii() and extend.isdigit():
        ends, spellings = int(extend[-EXTEND_DIGITS:]), list(phone_spellings(phone))
        if by_extend := await _told(_BY_EXTEND, str(Channel.SMS), spellings, 10**EXTEND_DIGITS, ends):
            return by_extend
    return _one_an_alarm(_unanswered(here, reply.meaning))


def _unanswered(here: Sequence[_Told], meaning: Meaning) -> Sequence[_Told]:
    """Open alarms that still wait for this answer come before those that have it."""
    waiting = [each for each in here if not (each.is_judged if meaning is Meaning.FALSE_ALARM else each.is_known)]
    return waiting or here


def _one_an_alarm(here: Sequence[_Told]) -> list[_Told]:
    """The newest attempt for each alarm and person; a telephone that two share leaves doubt."""
    newest: dict[tuple[AlarmId, PersonId], _Told] = {}
    for each in here:
        newest.setdefault((each.alarm, each.person), each)
    return list(newest.values())


async def _carry_out(told: _Told, meaning: Meaning, via: Via) -> Answer:
    try:
        person = await people.person(told.person)
        did = await _ACTS[meaning](person, told.alarm, via)
    except AlreadyClosed:
        did = Did.CLOSED
    except DeskUnmanned:
        did = Did.DESK_UNMANNED
    except NotAllowed:
        did = Did.REFUSED
    except NotFound:
        did = Did.UNKNOWN  # no longer active, or no longer in that unit
    sentence = translate(SENTENCES[did], told.language, number=told.alarm_number)
    return Answer(did=did, sentence=sentence, alarm=told.alarm)


async def _acknowledge(person: Person, alarm: AlarmId, via: Via) -> Did:
    await acknowledge(person, alarm, via)
    return Did.ACKNOWLEDGED


async def _false_alarm(person: Person, alarm: AlarmId, via: Via) -> Did:
    """Who may not judge still knows: that much is recorded."""
    try:
        await judge(person, alarm, Verdict.FALSE, via)
    except NotAllowed:
        await acknowledge(person, alarm, via)
        return Did.ACKNOWLEDGED
    return Did.JUDGED


async def _duty_desk(person: Person, alarm: AlarmId, via: Via) -> Did:
    await call_duty_desk(person, alarm, via)
    return Did.CALLED_DESK


async def _again(_person: Person, _alarm: AlarmId, _via: Via) -> Did:
    return Did.AGAIN


_ACTS: Final = {
    Meaning.ACKNOWLEDGE: _acknowledge,
    Meaning.FALSE_ALARM: _false_alarm,
    Meaning.DUTY_DESK: _duty_desk,
    Meaning.AGAIN: _again,
}
#: what each comes to; said again when a carrier brings it twice
_DONE: Final = {
    Meaning.ACKNOWLEDGE: Did.ACKNOWLEDGED,
    Meaning.FALSE_ALARM: Did.JUDGED,
    Meaning.DUTY_DESK: Did.CALLED_DESK,
    Meaning.AGAIN: Did.AGAIN,
}


async def _told(sql: str, *values: Any) -> list[_Told]:
    return msgspec.convert(await fetch(sql, *values), list[_Told])


def _is_same(phone: str, address: str) -> bool:
    return e164(phone) == e164(address)


async def _note(told: _Told, kind: str, mark: str, words: str, at: datetime | None) -> bool:
    """Evidence of what was pressed or written; the same mark again is the same evidence. Answers whether it is new."""
    facts = {"word": f"{kind}:{mark}", "said": words, "carrier_at": at.isoformat() if at else None}
    async with transaction():
        return await note_answer(told.attempt, kind, facts)


async def _nothing(did: Did, said: _Words, language: str, meant: Sequence[_Told] = ()) -> Answer:
    """Nothing is done; that it came is recorded."""
    facts = {"from": e164(said.phone) if said.phone else "", "said": said.words, "why": str(did)}
    async with transaction():
        await record_action(str(said.via), "answer.not_used", facts)
    codes = " / 1 ".join(short_code(each.number) for each in meant[:_MOST_CODES])
    return Answer(did=did, sentence=translate(SENTENCES[did], language, codes=codes))
