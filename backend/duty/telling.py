"""Telling people of a duty check or a handover by delivery's own way: a notice about no alarm, without a deadline.

`notices.alarm` holds the check's or handover's id, so that its cards are drawn again as an alarm's are.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from backend.alarms.masks.releasing import Released
from backend.core.db.engine import fetch
from backend.core.i18n import N_
from backend.core.ids import AlarmId, PersonId, UnitId
from backend.core.vocabulary import Channel, Lane, Role, Severity
from backend.delivery import plan as delivery
from backend.delivery.model import Card, NoticeKind
from backend.delivery.plan import INSIDE_CHANNELS, Audience, NoticeDraft
from backend.delivery.reasons import Why, written
from backend.delivery.revising import revise
from backend.duty.card import check_card, handover_card
from backend.duty.model import Content, DutyCheck, Handover
from backend.people.queries import names_of, own_ways, recipients
from backend.registry.model import DEFAULT_TIMEZONE

DESK_NAME: Final = N_("服务机构值班台")
_WORDS: Final = "select name, timezone from units where id = $1"
_MANAGERS: Final = "select person from grants where unit = $1 and role = $2"
_WHY_NOT: Final = written(Why.NOT_URGENT)
_CHATS: Final = INSIDE_CHANNELS - {Channel.APP}


async def tell_of_check(check: DutyCheck, released: Released, now: datetime) -> None:
    """The people on duty are asked, by what is at hand; one who is in no chat, by all their ways.

    A phone page that nobody looks at just then asks nobody, and the time runs.
    """
    draw, ways = await _check_drawing(check), await own_ways(check.people)
    in_chats = {way.person for way in ways if way.channel in _CHATS and way.failure is None}
    drafts = [
        await _draft(check.id, check.revision, draw, check.unit, group, now, by=by)
        for group, by in (
            (in_chats, INSIDE_CHANNELS),
            ({each for each in check.people if each not in in_chats}, frozenset(Channel)),
        )
        if group
    ]
    released.add(await delivery.plan(drafts))


async def tell_of_missed(check: DutyCheck, released: Released, now: datetime) -> None:
    """Nobody answered: the duty desk, the unit's managers and whoever asked are told."""
    managers = {PersonId(row["person"]) for row in await fetch(_MANAGERS, check.unit, str(Role.UNIT_MANAGER))}
    card = await _check_drawing(check)

    def draw(language: str) -> Card:  # whoever was asked has the key under the question
        return msgspec.structs.replace(card(language), keys=())

    drafts = [await _draft(check.id, check.revision, draw, None, (), now)]
    # who sits at the desk and asked hears of it once
    if others := (managers | {check.asked_by}) - {way.person for way in await recipients(None)}:
        drafts.append(await _draft(check.id, check.revision, draw, check.unit, others, now))
    released.add(await delivery.plan(drafts))


async def tell_of_answer(check: DutyCheck, released: Released, now: datetime) -> None:
    """It was answered in time: whoever asked reads so, where it disturbs nobody."""
    draw, whom = await _check_drawing(check), (check.asked_by,)
    draft = await _draft(check.id, check.revision, draw, check.unit, whom, now, by=INSIDE_CHANNELS)
    released.add(await delivery.plan([draft]))


async def redraw_check(check: DutyCheck, released: Released) -> None:
    """Whoever was told of it sees how it stands."""
    released.add(redraws=await revise(AlarmId(check.id), check.revision, await _check_drawing(check)))


async def tell_of_handover(
    handover: Handover,
    content: Content,
    people: Iterable[PersonId],
    released: Released,
    now: datetime,
    *,
    cancelled_by: PersonId | None = None,
) -> None:
    """These people hear of a handover: that they may take it, or what became of theirs."""
    draw = await _handover_drawing(handover, content, cancelled_by)
    released.add(await delivery.plan([await _draft(handover.id, handover.revision, draw, handover.unit, people, now)]))


async def redraw_handover(handover: Handover, content: Content, released: Released) -> None:
    """Whoever was told of it sees how it stands."""
    draw = await _handover_drawing(handover, content)
    released.add(redraws=await revise(AlarmId(handover.id), handover.revision, draw))


async def _check_drawing(check: DutyCheck) -> Callable[[str], Card]:
    unit, zone = await unit_words(check.unit)
    names = await names_of((*check.people, check.asked_by, check.answered_by))
    return lambda language: check_card(check, names, unit, zone, language)


async def _handover_drawing(
    handover: Handover, content: Content, cancelled_by: PersonId | None = None
) -> Callable[[str], Card]:
    names = await names_of((handover.outgoing, handover.decided_by, cancelled_by))
    return lambda language: handover_card(handover, content, names, language, cancelled_by)


async def unit_words(unit: UnitId | None) -> tuple[str, str]:
    """A unit's name and zone; the desk's (a message id) for none."""
    rows = await fetch(_WORDS, unit) if unit is not None else []
    return (rows[0]["name"], rows[0]["timezone"]) if rows else (DESK_NAME, DEFAULT_TIMEZONE)


async def _draft(  # noqa: PLR0917 - the parts of a notice
    about: UUID,
    revision: int,
    draw: Callable[[str], Card],
    unit: UnitId | None,
    people: Iterable[PersonId],
    now: datetime,
    *,
    by: frozenset[Channel] | None = None,
) -> NoticeDraft:
    """`by`: over which ways; None: inside the house, or over all of them where somebody has none there."""
    named = frozenset(people)
    ways = await own_ways(named) if named else ()
    inside = {way.person for way in ways if way.channel in INSIDE_CHANNELS and way.failure is None}
    around = INSIDE_CHANNELS if named <= inside else frozenset(Channel)
    return NoticeDraft(
        alarm=AlarmId(about),
        unit=unit,
        kind=NoticeKind.DUTY,
        severity=Severity.ABNORMAL,
        lane=Lane.ROUTINE,
        draw=draw,
        revision=revision,
        t0=now,
        t1=now,
        deadline=None,
        clause=None,
        audience=Audience(
            people=named,
            channels=around if by is None else by,
            why_not=_WHY_NOT,
            beside=ways,
        ),
    )
