"""Telling people of a mask or a window by delivery's own way: a notice that is about no alarm, and has no deadline.

`notices.alarm` holds the mask's or window's id, so that its cards are drawn again as an alarm's are.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.alarms.masks.card import mask_card, window_card
from backend.alarms.masks.model import Mask, Window
from backend.alarms.masks.releasing import Released
from backend.core.db.engine import fetch
from backend.core.ids import AlarmId, PersonId, UnitId
from backend.core.vocabulary import Lane, Role, Severity
from backend.delivery import plan as delivery
from backend.delivery.model import Card, NoticeKind
from backend.delivery.plan import Audience, NoticeDraft
from backend.delivery.reasons import Why, written
from backend.delivery.revising import revise
from backend.people.queries import names_of

_WORDS: Final = "select name, timezone from units where id = $1"
_MANAGERS: Final = "select person from grants where unit = $1 and role = $2"
_WHY_NOT: Final = written(Why.NOT_URGENT)


async def tell_of_mask(mask: Mask, why: str, released: Released, now: datetime) -> None:
    """The unit's managers, who asked, and the duty desk hear of a mask: asked, reminder, repaired."""
    managers = {row["person"] for row in await fetch(_MANAGERS, mask.unit, str(Role.UNIT_MANAGER))}
    people = managers - {mask.asked_by} if why == "asked" else managers | {mask.asked_by}
    draw = await _mask_drawing(mask, why)
    drafts = [_draft(mask.id, mask.revision, NoticeKind.MASK, draw, now, mask.unit, people)] if people else []
    drafts.append(_draft(mask.id, mask.revision, NoticeKind.MASK, draw, now, None, ()))
    released.add(await delivery.plan(drafts))


async def redraw_mask(mask: Mask, released: Released) -> None:
    """Whoever was told of the mask sees how it stands."""
    draw = await _mask_drawing(mask, "reminder")
    released.add(redraws=await revise(AlarmId(mask.id), mask.revision, draw))


async def tell_of_window(window: Window, released: Released, now: datetime) -> None:
    """A window over fire points began or is over: all of the unit's people and the duty desk hear of it."""
    draw = await _window_drawing(window)
    released.add(
        await delivery.plan(
            [_draft(window.id, window.revision, NoticeKind.WINDOW, draw, now, unit, ()) for unit in (window.unit, None)]
        )
    )


async def redraw_window(window: Window, released: Released) -> None:
    """Whoever was told that it began sees that it is over."""
    draw = await _window_drawing(window)
    released.add(redraws=await revise(AlarmId(window.id), window.revision, draw))


async def _mask_drawing(mask: Mask, why: str) -> Callable[[str], Card]:
    unit, zone = await _unit_words(mask.unit)
    names = await names_of((mask.asked_by, mask.decided_by))
    return lambda language: mask_card(mask, names, unit, zone, language, why=why)


async def _window_drawing(window: Window) -> Callable[[str], Card]:
    unit, zone = await _unit_words(window.unit)
    names = await names_of((window.opened_by,))
    return lambda language: window_card(window, names, unit, zone, language)


async def _unit_words(unit: UnitId) -> tuple[str, str]:
    (row,) = await fetch(_WORDS, unit)
    return row["name"], row["timezone"]


def _draft(  # noqa: PLR0917 - the parts of a notice
    about: UUID,
    revision: int,
    kind: NoticeKind,
    draw: Callable[[str], Card],
    now: datetime,
    unit: UnitId | None,
    people: Iterable[PersonId],
) -> NoticeDraft:
    return NoticeDraft(
        alarm=AlarmId(about),
        unit=unit,
        kind=kind,
        severity=Severity.ABNORMAL,
        lane=Lane.ROUTINE,
        draw=draw,
        revision=revision,
        t0=now,
        t1=now,
        deadline=None,
        clause=None,
        audience=Audience(people=frozenset(people), why_not=_WHY_NOT),
    )
