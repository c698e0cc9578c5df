"""Gaps of a duty schedule (空缺) as messages: whoever can mend one hears of it when it is warned of, seven days ahead.

One card for each schedule and look, to the unit's managers; to the duty desk where the unit has none. The card says so
when the last of its gaps is taken over or has passed. The warnings themselves are `rota.warning`'s.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.announce import announce
from backend.core.clock import in_zone
from backend.core.db.engine import execute, fetch, transaction
from backend.core.i18n import N_, translate
from backend.core.ids import AlarmId, AttemptId, NoticeId, PersonId, UnitId
from backend.core.vocabulary import Lane, Role, Severity
from backend.delivery.model import Card, Fact, NoticeKind
from backend.delivery.plan import Audience, NoticeDraft, Planned, mark_durable, plan
from backend.delivery.reasons import Why, written
from backend.delivery.revising import Redraws, revise

_COLUMNS: Final = """
    w.id, w.starts_at, w.ends_at, w.told_with, s.id as schedule, s.name, s.unit, u.name as unit_name, u.timezone"""
_NEW: Final = f"""
    select {_COLUMNS} from gap_warnings w join schedules s on s.id = w.schedule join units u on u.id = s.unit
    where w.told_with is null and w.closed_at is null order by s.id, w.starts_at, w.id for update of w skip locked"""
_CLOSED: Final = f"""
    select {_COLUMNS} from gap_warnings w join schedules s on s.id = w.schedule join units u on u.id = s.unit
    where w.told_with in (
        select told_with from gap_warnings where told_with is not null
        group by told_with having bool_and(closed_at is not null) and bool_or(settled_at is null))
    order by w.told_with, w.starts_at, w.id for update of w skip locked"""
_TELL: Final = "update gap_warnings set told_with = $2 where id = any($1)"
_SETTLE: Final = "update gap_warnings set settled_at = $2 where id = any($1)"
_MANAGERS: Final = """
    select g.person from grants g join people p on p.id = g.person and p.is_active where g.unit = $1 and g.role = $2"""
_MOST_SHOWN: Final = 5
_FORM: Final = "%m-%d %H:%M"


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """The gaps that one card tells of; the first one's id is the card's."""

    id: UUID
    unit: UnitId
    unit_name: str
    timezone: str
    schedule: str
    gaps: tuple[tuple[datetime, datetime], ...]

    def card(self, language: str, now: datetime, *, is_closed: bool) -> Card:
        """As it stands, in a reader's language and the unit's zone."""
        shown = [self._words(each) for each in self.gaps[:_MOST_SHOWN]]
        if len(self.gaps) > _MOST_SHOWN:
            shown.append(translate(N_("等共 {count} 段"), language, count=len(self.gaps)))
        return Card(
            alarm=AlarmId(self.id),
            about="gap",
            number=0,
            severity=Severity.ABNORMAL,
            icon="📅",
            headline=translate(N_("值班表有空缺"), language),
            status=translate(N_("已无空缺") if is_closed else N_("待安排"), language),
            is_active=not is_closed,
            unit=self.unit_name,
            where=self.schedule,
            facts=tuple(Fact(translate(N_("无人值班"), language), each) for each in shown),
            raised_at=in_zone(now, self.timezone),
            revision=int(is_closed),
        )

    def _words(self, gap: tuple[datetime, datetime]) -> str:
        since, until = (in_zone(each, self.timezone).strftime(_FORM) for each in gap)
        return f"{since} – {until}"


async def tell_of_gaps() -> int:
    """A chore: tell of gaps that were warned of and of which nobody was told; answers how many cards that were."""
    async with transaction():
        now = clock.now()
        new = _by(await fetch(_NEW), "schedule")
        planned = await plan([await _draft(each, now) for each in new.values()])
        for each in new.values():
            await execute(_TELL, [row["id"] for row in each], each[0]["id"])
        redraws = await _settle(now)
    await _announce(planned, redraws)
    return len(new)


async def _settle(now: datetime) -> Redraws:
    """Cards whose gaps are all closed say so."""
    redraws: Redraws = {}
    for rows in _by(await fetch(_CLOSED), "told_with").values():
        told = _told(rows, rows[0]["told_with"])
        for lane, ids in (await revise(AlarmId(told.id), 1, _drawing(told, now, is_closed=True))).items():
            redraws.setdefault(lane, []).extend(ids)
        await execute(_SETTLE, [row["id"] for row in rows], now)
    return redraws


def _by(rows: Sequence[dict[str, Any]], column: str) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


def _told(rows: Sequence[dict[str, Any]], card: UUID) -> _Told:
    first = rows[0]
    return _Told(
        id=card,
        unit=UnitId(first["unit"]),
        unit_name=first["unit_name"],
        timezone=first["timezone"],
        schedule=first["name"],
        gaps=tuple((row["starts_at"], row["ends_at"]) for row in rows),
    )


def _drawing(told: _Told, now: datetime, *, is_closed: bool) -> Callable[[str], Card]:
    return lambda language: told.card(language, now, is_closed=is_closed)


async def _draft(rows: Sequence[dict[str, Any]], now: datetime) -> NoticeDraft:
    told = _told(rows, rows[0]["id"])
    managers = [PersonId(row["person"]) for row in await fetch(_MANAGERS, told.unit, str(Role.UNIT_MANAGER))]
    return NoticeDraft(
        alarm=AlarmId(told.id),
        unit=told.unit if managers else None,
        kind=NoticeKind.GAP,
        severity=Severity.ABNORMAL,
        lane=Lane.ROUTINE,
        draw=_drawing(told, now, is_closed=False),
        revision=0,
        t0=now,
        t1=now,
        deadline=None,
        clause=None,
        audience=Audience(people=frozenset(managers), why_not=written(Why.NOT_URGENT)),
    )


async def _announce(planned: Planned, redraws: Redraws) -> None:
    await mark_durable([(NoticeId(notice), clock.now()) for notice in planned.notices])
    attempts: dict[Lane, list[AttemptId]] = planned.attempts
    await announce(attempts, redraws, [])
