"""Alarms as lines of a list: fire first, then by how long nobody has answered (experience.md)."""

from datetime import datetime
from typing import Final

import msgspec

from backend.alarms.card import alarm_card, inside_words
from backend.alarms.model import Alarm
from backend.alarms.queries import alarms_for, led_counts, open_alarms_for
from backend.console.answering import Answer, answers
from backend.core.ids import AlarmId, DeviceId
from backend.core.vocabulary import Severity
from backend.people.model import Person

#: lines of a page; the next ones are a page away, so that a storm of ten thousand is drawn as fast as a quiet day
LINES_A_PAGE: Final = 100


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
    together: int = 0  #: how many others its card tells of
    answers: tuple[Answer, ...]  #: what the reader may answer


def _state(alarm: Alarm) -> str:
    if alarm.closed_at is not None:
        return "closed"
    if not alarm.is_active:
        return "cleared"
    return "known" if alarm.acknowledged_at is not None else "new"


def _line(alarm: Alarm, person: Person, together: int = 0) -> Line:
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
        together=together,
        known_by=tuple(known.name for known in alarm.known_by),
        verdict=card.verdict,
        inside=inside_words(alarm, person.language),
        answers=tuple(answers(alarm, person)),
    )


async def open_lines(person: Person, *, after: int = 0, led_by: AlarmId | None = None) -> list[Line]:
    """Alarms that are not closed: fire first, standing before cleared, unanswered before answered, oldest first.

    A storm stands there by its leaders; `led_by` opens one. What a mask keeps quiet has a list of its own.
    """
    alarms = await open_alarms_for(person, led_by=led_by, after=after, limit=LINES_A_PAGE)
    together = {} if led_by else await led_counts([alarm.id for alarm in alarms])
    return [_line(alarm, person, together.get(alarm.id, 0)) for alarm in alarms]


async def recent_lines(person: Person) -> list[Line]:
    """The latest alarms, newest first."""
    return [_line(alarm, person) for alarm in await alarms_for(person, "recent", LINES_A_PAGE)]


async def masked_lines(person: Person) -> list[Line]:
    """Alarms that a mask keeps quiet (屏蔽)."""
    return [_line(alarm, person) for alarm in await alarms_for(person, "masked", LINES_A_PAGE)]


async def lines_of(person: Person, which: str, *, after: int = 0, led_by: AlarmId | None = None) -> list[Line]:
    """One of the lists a page can show, by the word in its address."""
    if which == "active":
        return await open_lines(person, after=after, led_by=led_by)
    return await (masked_lines(person) if which == "masked" else recent_lines(person))
