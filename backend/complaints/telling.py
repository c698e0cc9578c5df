"""Telling the complainant in the chat they used, and the provider's people who handle complaints. In the transaction.

The rule: what a complainant is told goes by the way they complained through, if it still works, else by the next one;
when it is refused, delivery begins the next kind; when none took it, the chore tells whoever handles it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from backend.alarms.masks.releasing import Released
from backend.complaints.card import Told, card_now, complaint_card
from backend.complaints.model import Complaint
from backend.core.db.engine import fetch, fetch_one
from backend.core.ids import AlarmId, NoticeId, PersonId, UnitId
from backend.core.live import Hint
from backend.core.vocabulary import READ_CHANNELS, Channel, Lane, Severity, Via
from backend.delivery import plan as delivery
from backend.delivery.model import Card, NoticeKind
from backend.delivery.plan import INSIDE_CHANNELS, Audience, NoticeDraft
from backend.delivery.revising import revise_each
from backend.people.model import Reach
from backend.people.queries import ways_to

#: the way a complaint came → the channel its answers go by
_CHANNEL_OF: Final = {
    Via.TELEGRAM: Channel.TELEGRAM,
    Via.PHONE: Channel.APP,
    Via.CONSOLE: Channel.APP,
    Via.SMS: Channel.SMS,
}
_UNIT: Final = "select name from units where id = $1"
_NAME: Final = "select name from people where id = $1"
#: where its complainant wrote last, of the chats they have
_CHAT: Final = """
    select e.facts ->> 'chat' as chat from complaint_entries e
    where e.complaint = $1 and e.person = $2 and e.facts ? 'chat' order by e.at desc, e.id desc limit 1"""
#: of a complaint's notices, those that whoever has it now was told
_OWN: Final = """
    select distinct n.id from notices n join attempts t on t.notice = n.id
    where n.alarm = $1 and n.kind = 'complaint' and t.person = $2"""


def way_for(ways: Sequence[Reach], via: Via, chat: str = "") -> tuple[Reach, ...]:
    """The one way an answer begins with: the chat it was asked in, else its channel, else the first that works."""
    working = [way for way in ways if way.failure is None and way.channel in READ_CHANNELS]
    wanted = _CHANNEL_OF.get(via)
    asked = [way for way in working if way.channel == wanted]
    return tuple([way for way in asked if way.address == chat][:1] or asked[:1] or working[:1])


def handler_ways(ways: Sequence[Reach]) -> tuple[Reach, ...]:
    """A handler is told where they work, by chat and page; by the first other way if neither works."""
    working = [way for way in ways if way.failure is None]
    return tuple([way for way in working if way.channel in INSIDE_CHANNELS] or working[:1])


async def tell_complainant(complaint: Complaint, told: Told, text: str, released: Released, now: datetime) -> None:
    """The complainant hears of it where they complained."""
    pair = (complaint.unit, complaint.complainant)
    ways = (await ways_to([pair])).get(pair, ())
    row = await fetch_one(_CHAT, complaint.id, complaint.complainant)
    ways = way_for(ways, complaint.via, row["chat"] if row else "")
    await _tell(complaint, told, text, ways, released, now)


async def tell_people(  # noqa: PLR0917 - whom, of what, in which words
    complaint: Complaint, told: Told, text: str, people: Collection[PersonId | None], released: Released, now: datetime
) -> None:
    """People of the provider hear of it; never one whom it is, or may be, about."""
    pairs = [(complaint.unit, each) for each in people if each is not None and each not in complaint.concerned]
    found = await ways_to(pairs)
    ways = tuple(way for pair in pairs for way in handler_ways(found.get(pair, ())))
    if ways:
        await _tell(complaint, told, text, ways, released, now)


async def redraw(complaint: Complaint, released: Released) -> None:
    """It moved on: cards that lie in chats and pages say so, and offer what can still be done (`card_now`).

    Whoever had it reads who has it now, and no words of it any more; stars vanish with the rating.
    """
    own = {row["id"] for row in await fetch(_OWN, complaint.id, complaint.assignee)}
    unit, has = await fetch_one(_UNIT, complaint.unit), await fetch_one(_NAME, complaint.assignee)
    by, name = has["name"] if has else "", unit["name"] if unit else ""

    def change(notice: NoticeId, card: Card, language: str) -> Card | None:
        return card_now(card, complaint, language, name, by, is_own=notice in own)

    released.add(redraws=await revise_each(AlarmId(complaint.id), NoticeKind.COMPLAINT, complaint.revision, change))


async def tell_desk(complaint: Complaint, released: Released, now: datetime) -> None:
    """The duty desk hears that nobody can take it: its number, and nothing that it says."""
    released.add(await delivery.plan([await _draft(complaint, Told.NOBODY, "", None, None, now)]))


async def _tell(  # noqa: PLR0917 - as above
    complaint: Complaint, told: Told, text: str, ways: tuple[Reach, ...], released: Released, now: datetime
) -> None:
    draft = await _draft(complaint, told, text, complaint.unit, Audience(ways=ways), now)
    released.add(await delivery.plan([draft]))
    released.hints.append(Hint(persons=tuple(sorted({str(way.person) for way in ways}))))


async def _draft(  # noqa: PLR0917 - the parts of a notice
    complaint: Complaint, told: Told, text: str, unit: UnitId | None, audience: Audience | None, now: datetime
) -> NoticeDraft:
    row = await fetch_one(_UNIT, complaint.unit)
    name = row["name"] if row else ""
    return NoticeDraft(
        alarm=AlarmId(complaint.id),
        unit=unit,
        kind=NoticeKind.COMPLAINT,
        severity=Severity.ABNORMAL,
        lane=Lane.ROUTINE,
        draw=lambda language: complaint_card(complaint, told, text, name, language),
        revision=complaint.revision,
        t0=now,
        t1=now,
        deadline=None,
        clause=None,
        audience=audience or Audience(),
    )
