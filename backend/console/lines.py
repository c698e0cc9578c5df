"""Alarms as lines of a list: fire first, then by how long nobody has answered (experience.md)."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import msgspec

from backend.alarms.card import alarm_card, inside_words
from backend.alarms.model import Alarm
from backend.alarms.queries import alarms_for
from backend.console.answering import Answer, answers
from backend.core.ids import AlarmId, DeviceId
from backend.core.vocabulary import Severity
from backend.monitoring.changes import Mark
from backend.people.model import Person

_MOST: Final = 300
_URGENCY: Final = {Severity.FIRE: 0, Severity.ABNORMAL: 1, Severity.FAULT: 2, Severity.OFFLINE: 3}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm in a list."""

    id: AlarmId
    number: int
    device: DeviceId
    severity: Severity
    headline: str
    where: str
    what: str
    unit_name: str
    is_identified: bool
    state: str  #: new, known, cleared, closed
    raised_at: datetime
    repeats: int
    known_by: tuple[str, ...]
    verdict: str
    inside: str  #: 屏蔽、演练、测试: why it rings nowhere, or only inside the house
    answers: tuple[Answer, ...]  #: what the reader may answer


def _state(alarm: Alarm) -> str:
    if alarm.closed_at is not None:
        return "closed"
    if not alarm.is_active:
        return "cleared"
    return "known" if alarm.acknowledged_at is not None else "new"


def _line(alarm: Alarm, person: Person) -> Line:
    card = alarm_card(alarm, person.language)
    return Line(
        id=alarm.id,
        number=alarm.number,
        device=alarm.device,
        severity=alarm.severity,
        headline=card.headline,
        where=card.where,
        what=card.what,
        unit_name=alarm.place.unit_name,
        is_identified=alarm.unit is not None,
        state=_state(alarm),
        raised_at=alarm.raised_at,
        repeats=alarm.repeats,
        known_by=tuple(known.name for known in alarm.known_by),
        verdict=card.verdict,
        inside=inside_words(alarm, person.language),
        answers=tuple(answers(alarm, person)),
    )


async def open_lines(person: Person) -> list[Line]:
    """Alarms that are not closed: fire first, standing before cleared, unanswered before answered; masked ones last."""
    alarms = sorted(
        await alarms_for(person, "active", _MOST),
        key=lambda a: (
            Mark.MASKED in a.marks,
            _URGENCY[a.severity],
            not a.is_active,
            a.acknowledged_at is not None,
            a.raised_at,
        ),
    )
    return [_line(alarm, person) for alarm in alarms]


async def recent_lines(person: Person) -> list[Line]:
    """The latest alarms, newest first."""
    return [_line(alarm, person) for alarm in await alarms_for(person, "recent", _MOST)]


async def masked_lines(person: Person) -> list[Line]:
    """Alarms that a mask keeps quiet (屏蔽)."""
    return [_line(alarm, person) for alarm in await alarms_for(person, "masked", _MOST)]


#: the lists a page can show, by the word in its address
LISTS: Final[dict[str, Callable[[Person], Awaitable[list[Line]]]]] = {
    "active": open_lines,
    "recent": recent_lines,
    "masked": masked_lines,
}
