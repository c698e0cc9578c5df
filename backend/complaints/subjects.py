"""What a complaint is about, in words that stay: the alarm, the order or the person, as they were when it was filed."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import msgspec

from backend.alarms.queries import alarm_for, card_for
from backend.complaints.model import LONGEST_ABOUT
from backend.complaints.rules import is_named
from backend.core.errors import BadInput, NotFound
from backend.core.i18n import N_, translate
from backend.core.ids import AlarmId, PersonId, UnitId
from backend.core.vocabulary import ComplaintKind
from backend.people.model import Person
from backend.people.queries import colleagues
from backend.work_orders.queries import order_for


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What it is about: which unit's, and in words."""

    unit: UnitId | None
    words: str


async def _alarm(person: Person, about: UUID) -> Subject:
    alarm = await alarm_for(person, AlarmId(about))
    card = await card_for(person, AlarmId(about), person.language)
    return Subject(unit=alarm.unit, words=f"#{card.number} {card.headline} · {card.where} · {card.what}")


async def _order(person: Person, about: UUID) -> Subject:
    order = await order_for(person, about)
    what = translate(order.what, person.language)
    words = " · ".join(part for part in (f"#{order.number} {what}", order.where) if part)
    return Subject(unit=order.unit, words=words[:LONGEST_ABOUT])


#: how the things of a kind are looked up, through the person's doors
_LOOKUPS: Final[dict[ComplaintKind, Callable[[Person, UUID], Awaitable[Subject]]]] = {
    ComplaintKind.ALARM: _alarm,
    ComplaintKind.ORDER: _order,
}


async def words_of(person: Person, unit: UnitId, kind: ComplaintKind, about: UUID | None) -> str:
    """The words for what it is about. Raises `NotFound` for what the person may not see, or is another unit's."""
    if about is None:
        return ""
    if kind not in _LOOKUPS:
        raise BadInput(N_("该类投诉不能指明对象"))
    subject = await _LOOKUPS[kind](person, about)
    if subject.unit != unit:
        raise NotFound(N_("所选的报警或工单不属于该联网单位，请重新选择"))
    return subject.words


async def name_of(unit: UnitId, about: PersonId) -> str:
    """The name of somebody whom the unit deals with: its own people, or the provider's. Raises `NotFound`."""
    for each in await colleagues(unit):
        if each.id == about:
            return each.name
    raise NotFound(N_("该联网单位没有所选的人员，请重新选择"))


async def named_in(unit: UnitId, words: str, but: PersonId) -> tuple[PersonId, ...]:
    """Whom words name, of all whom the unit deals with: who is complained about must not get the complaint."""
    return tuple(sorted({each.id for each in await colleagues(unit) if is_named(each.name, words) and each.id != but}))
