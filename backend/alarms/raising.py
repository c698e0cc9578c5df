"""From changes to alarms: raise once while active, count repeats, end what ended. Part of the intake's transaction.

Everything of one batch is decided in memory against the alarms loaded once, then written in a few statements.
Rows are written in the order of their ids, so that two gateways' batches never wait for each other in a ring.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms.card import alarm_card
from backend.alarms.grouping import group, never_told
from backend.alarms.hearing import lane_of, listeners
from backend.alarms.masks.covering import audience_of, covers_of, windows_holding
from backend.alarms.masks.model import INSIDE_MARKS, Cover, Point, held_note
from backend.alarms.masks.rows import write_holds
from backend.alarms.model import ONCE_A_DAY, Alarm
from backend.alarms.parts import told_by_parts
from backend.alarms.rows import COLUMNS, NewEntry, alarm_of, alarms_of, entry_rows, revision_of, write_entries
from backend.core import metrics
from backend.core.db.engine import Write, execute, fetch
from backend.core.deadlines import HISTORIC_FIRE, NOTICE_DEADLINES
from backend.core.ids import AlarmId, LedgerId, new_id
from backend.core.settings import Storms
from backend.core.vocabulary import SEVERITY_OF_CLASS, AlarmClass, Lane, Severity
from backend.delivery import escalating
from backend.delivery import plan as delivery
from backend.delivery.model import NoticeKind
from backend.delivery.plan import NoticeDraft, Planned
from backend.delivery.revising import Redraws, revise_all
from backend.monitoring.changes import Change
from backend.monitoring.model import subject_of
from backend.monitoring.rules import Reset, Standing, reset_ends

_DAY: Final = timedelta(days=1)
_encode = msgspec.json.Encoder().encode

_ACTIVE: Final = f"""
    select {COLUMNS} from alarms a
    where a.cleared_at is null and a.subject = any($1) order by a.id for update"""
#: only a reset reaches beyond its subject, and only then is the wider search worth its price
_ACTIVE_BEHIND: Final = f"""
    select {COLUMNS} from alarms a
    where a.cleared_at is null and (a.subject = any($1) or a.device = any($2)) order by a.id for update"""
_TOLD_BEFORE: Final = """
    select subject, condition, device_time, raised_at from alarms
    where subject = any($1) and raised_at > $2"""
_INSERT: Final = """
    insert into alarms (id, unit, device, subject, condition, rule, alarm_class, severity, item, title, place, facts,
        marks, device_time, raised_at, ledger_id, repeats, last_reported_at, cleared_at, cleared_by, revision)
    select i, u, d, s, c, r, k, sv, it, t, p::jsonb, f::jsonb, m::jsonb, dt, ra, l, re, lr, ca, cb, 0
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[],
        $16::uuid[], $17::int[], $18::timestamptz[], $19::timestamptz[], $20::text[])
        as x(i, u, d, s, c, r, k, sv, it, t, p, f, m, dt, ra, l, re, lr, ca, cb)
    returning id, number"""
_REPEATED: Final = """
    update alarms a set repeats = a.repeats + x.n, last_reported_at = x.at
    from unnest($1::uuid[], $2::int[], $3::timestamptz[]) as x(id, n, at) where a.id = x.id"""
_CLEARED: Final = """
    update alarms a set cleared_at = x.at, cleared_by = x.why, cleared_ledger_id = x.ledger, revision = a.revision + 1,
        closed_at = case when a.verdict is not null then x.at else a.closed_at end
    from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[]) as x(id, at, why, ledger)
    where a.id = x.id and a.cleared_at is null"""


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch of changes came to: for the intake to ring and to hint, after the commit."""

    planned: Planned
    redraws: Redraws
    touched: list[Alarm]


class _New(msgspec.Struct, kw_only=True):
    """An alarm that this batch raises; a later change of the same batch may still repeat or clear it."""

    id: AlarmId
    change: Change
    standing: Standing
    repeats: int = 0
    cleared_at: datetime | None = None
    cleared_by: str | None = None
    cover: Cover | None = None  #: the mask or window it falls under

    @property
    def settle(self) -> timedelta:
        """How long its notice waits for the parts' own word."""
        return timedelta(seconds=self.standing.condition.settle_s)


class _Clear(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    why: str
    ledger_id: LedgerId


class _Batch:
    """The alarms of one batch, in memory."""

    def __init__(self, active: Iterable[Alarm], told: Iterable[dict[str, Any]]) -> None:
        self.active: dict[tuple[str, str], Alarm] = {(each.subject, each.condition): each for each in active}
        self.told = {(each["subject"], each["condition"]): each["raised_at"] for each in told}
        self.told_times = {(each["subject"], each["condition"], each["device_time"]) for each in told}
        self.new: dict[tuple[str, str], _New] = {}
        #: conditions that may stand, by subject: a word governs dozens of which hardly ever one does
        self.by_subject: dict[str, set[str]] = {}
        for subject, condition in self.active:
            self.by_subject.setdefault(subject, set()).add(condition)
        self.ended_new: list[_New] = []
        self.repeats: dict[AlarmId, tuple[int, datetime]] = {}
        self.cleared: dict[AlarmId, tuple[Alarm, _Clear]] = {}

    def apply(self, change: Change) -> None:
        """One change: resets and ends first, then what stands."""
        if change.reset is not None:
            self._reset(change, change.reset)
        if not change.is_history:
            self._end(change)
        for standing in change.standing:
            if standing.condition.alarm_class is not AlarmClass.I:
                self._stand(change, standing)

    def _stand(self, change: Change, standing: Standing) -> None:
        key = (change.subject, standing.condition.key)
        if key in self.new:
            self.new[key].repeats += 1
        elif key in self.active:
            alarm = self.active[key]
            count, _ = self.repeats.get(alarm.id, (0, change.report.received_at))
            self.repeats[alarm.id] = (count + 1, change.report.received_at)
        elif not self._told_before(change, standing, key):
            new = _New(id=AlarmId(new_id()), change=change, standing=standing)
            if change.is_history:
                new.cleared_at, new.cleared_by = change.report.received_at, "history"
                self.ended_new.append(new)
            else:
                self.new[key] = new
                self.by_subject.setdefault(change.subject, set()).add(standing.condition.key)

    def _told_before(self, change: Change, standing: Standing, key: tuple[str, str]) -> bool:
        """History we know, or an unreadable type that was told of today."""
        if change.is_history:
            if standing.condition.alarm_class is not AlarmClass.F or change.device_time is None:
                return True
            is_old = change.report.received_at - change.device_time > HISTORIC_FIRE
            return is_old or (*key, change.device_time) in self.told_times
        if standing.rule in ONCE_A_DAY and key in self.told:
            return bool(change.report.received_at - self.told[key] < _DAY)
        return False

    def _end(self, change: Change) -> None:
        may_stand = self.by_subject.get(change.subject)
        if may_stand:
            standing = {each.condition.key for each in change.standing}
            for condition in (change.governed & may_stand) - standing:
                self._clear((change.subject, condition), change, change.ended_by)

    def _reset(self, change: Change, reset: Reset) -> None:
        device = f"{change.device}/"
        for subject, condition in [*self.active, *self.new]:
            if not (subject.startswith(device) and reset_ends(reset, subject_of(subject), condition)):
                continue
            if not change.is_older_than(self._began((subject, condition))):
                self._clear((subject, condition), change, "reset")

    def _began(self, key: tuple[str, str]) -> datetime | None:
        """When by the device's clock a standing condition began: a stored reset from before it doesn't end it."""
        return self.new[key].change.device_time if key in self.new else self.active[key].device_time

    def _clear(self, key: tuple[str, str], change: Change, why: str) -> None:
        if key in self.new:
            new = self.new.pop(key)
            new.cleared_at, new.cleared_by = change.report.received_at, why
            self.ended_new.append(new)
        elif key in self.active:
            alarm = self.active.pop(key)
            clear = _Clear(at=change.report.received_at, why=why, ledger_id=change.ledger_id)
            self.cleared[alarm.id] = (alarm, clear)


async def apply(changes: Sequence[Change], storms: Storms | None = None) -> Raised:
    """Raise, repeat and end, and plan what people are told, inside the caller's transaction."""
    if not changes:
        return Raised(planned=Planned(attempts={}, notices=[]), redraws={}, touched=[])
    batch = await _load(changes)
    for change in changes:
        batch.apply(change)
    # what ended is written first: the same condition may begin anew in the same batch, and only one may be active
    cleared, redraws = await _write_clears(batch)
    await escalating.ended([alarm.id for alarm in cleared], "cleared", but_fires=True)
    news = [*batch.new.values(), *batch.ended_new]
    await _cover(news)
    raised = await _insert(news)
    await _write_repeats(batch)
    story = await _story(raised, batch)
    # what is masked or drilled tells of nothing else: whoever is told with it would not be told
    plain = [(alarm, new) for alarm, new in raised if new.cover is None]
    told = await told_by_parts([(alarm, new.settle) for alarm, new in plain]) | await never_told(
        [alarm.id for alarm in cleared]
    )
    whose = [(alarm, listeners(alarm)) for alarm, _ in plain if alarm.id not in told]
    grouped = await group(whose, storms or Storms())
    raised = [(grouped.listing.get(alarm.id, alarm), new) for alarm, new in raised]
    told |= grouped.told
    drafts = [_raised_draft(alarm, new, told.get(alarm.id)) for alarm, new in raised]
    inside = await windows_holding([alarm.id for alarm in cleared if INSIDE_MARKS.intersection(alarm.marks)])
    drafts += [
        _restored_draft(alarm, batch.cleared[alarm.id][1], told.get(alarm.id), inside.get(alarm.id))
        for alarm in cleared
    ]
    planned = await delivery.plan(drafts, beside=story)
    await write_unreached(planned, max(change.report.received_at for change in changes))
    return Raised(planned=planned, redraws=redraws, touched=[alarm for alarm, _ in raised] + cleared)


async def _load(changes: Sequence[Change]) -> _Batch:
    subjects = list({change.subject for change in changes})
    devices = list({change.device for change in changes if change.reset is not None})
    rows = await (fetch(_ACTIVE_BEHIND, subjects, devices) if devices else fetch(_ACTIVE, subjects))
    ask_back = [
        change for change in changes if change.is_history or any(each.rule in ONCE_A_DAY for each in change.standing)
    ]
    told: list[dict[str, Any]] = []
    if ask_back:
        since = min(change.report.received_at for change in ask_back) - 2 * HISTORIC_FIRE
        told = await fetch(_TOLD_BEFORE, [change.subject for change in ask_back], since)
    return _Batch(map(alarm_of, rows), told)


def _alarm(new: _New, number: int) -> Alarm:
    condition, change = new.standing.condition, new.change
    return Alarm(
        id=new.id,
        number=number,
        unit=change.unit,
        device=change.device,
        subject=change.subject,
        condition=condition.key,
        rule=new.standing.rule,
        alarm_class=condition.alarm_class,
        severity=SEVERITY_OF_CLASS[condition.alarm_class],
        item=condition.item,
        title=condition.title,
        place=change.place,
        facts=tuple(new.standing.facts),
        marks=(new.cover.mark, *change.marks) if new.cover else change.marks,
        device_time=change.device_time,
        raised_at=change.report.received_at,
        ledger_id=change.ledger_id,
        repeats=new.repeats,
        revision=0,
        last_reported_at=change.report.received_at,
        cleared_at=new.cleared_at,
        cleared_by=new.cleared_by,
    )


async def _cover(news: Sequence[_New]) -> None:
    """Which mask or window each new alarm falls under, in one look; an unreadable report is the duty desk's affair."""
    points = [
        Point(
            alarm=new.id,
            unit=new.change.unit,
            device=new.change.device,
            subject=new.change.subject,
            is_fire=SEVERITY_OF_CLASS[new.standing.condition.alarm_class] is Severity.FIRE,
        )
        for new in news
        if new.standing.rule not in ONCE_A_DAY
    ]
    covers = await covers_of(points)
    for new in news:
        new.cover = covers.get(new.id)


async def _insert(news: list[_New]) -> list[tuple[Alarm, _New]]:
    if not news:
        return []
    alarms = [_alarm(new, 0) for new in news]
    rows = await fetch(_INSERT, *map(list, zip(*(_row(alarm) for alarm in alarms), strict=True)))
    numbers: dict[UUID, int] = {row["id"]: row["number"] for row in rows}
    for alarm in alarms:
        metrics.ALARMS.labels(alarm.severity).inc()
    return [
        (msgspec.structs.replace(alarm, number=numbers[alarm.id]), new) for alarm, new in zip(alarms, news, strict=True)
    ]


def _row(alarm: Alarm) -> tuple[object, ...]:
    return (
        alarm.id,
        alarm.unit,
        alarm.device,
        alarm.subject,
        alarm.condition,
        alarm.rule,
        str(alarm.alarm_class),
        str(alarm.severity),
        alarm.item,
        alarm.title,
        _encode(alarm.place).decode(),
        _encode(alarm.facts).decode(),
        _encode(alarm.marks).decode(),
        alarm.device_time,
        alarm.raised_at,
        alarm.ledger_id,
        alarm.repeats,
        alarm.last_reported_at,
        alarm.cleared_at,
        alarm.cleared_by,
    )


async def _write_repeats(batch: _Batch) -> None:
    if batch.repeats:
        ids = sorted(batch.repeats)
        counts, times = zip(*(batch.repeats[each] for each in ids), strict=True)
        await execute(_REPEATED, ids, list(counts), list(times))


async def _write_clears(batch: _Batch) -> tuple[list[Alarm], Redraws]:
    """End what ended and redraw its cards, those whose alarm closes by it (a verdict stood) included."""
    if not batch.cleared:
        return [], {}
    ids = sorted(batch.cleared)
    clears = [batch.cleared[each][1] for each in ids]
    await execute(
        _CLEARED, ids, [each.at for each in clears], [each.why for each in clears], [each.ledger_id for each in clears]
    )
    alarms = await alarms_of(await fetch(f"select {COLUMNS} from alarms a where a.id = any($1) order by a.id", ids))
    return alarms, await revise_all([revision_of(alarm) for alarm in alarms])


async def _story(raised: list[tuple[Alarm, _New]], batch: _Batch) -> list[Write]:
    """The lines of the alarms' stories, to be written with the notices; what holds an alarm is written at once."""
    entries: list[NewEntry] = []
    holds: list[tuple[AlarmId, UUID | None, UUID | None, datetime]] = []
    for alarm, new in raised:
        entries.append(NewEntry(alarm.id, alarm.raised_at, "raised", {"rule": alarm.rule}))
        if new.cover is not None:
            entries.append(NewEntry(alarm.id, alarm.raised_at, new.cover.mark, {"note": held_note(new.cover)}))
            holds.append((alarm.id, new.cover.mask, new.cover.window, alarm.raised_at))
        if new.cleared_at is not None:
            entries.append(NewEntry(alarm.id, new.cleared_at, "cleared", {"by": new.cleared_by or ""}))
    for alarm, clear in batch.cleared.values():
        entries.append(NewEntry(alarm.id, clear.at, "cleared", {"by": clear.why}))
    await write_holds(holds)
    return entry_rows(entries)


async def write_unreached(planned: Planned, at: datetime) -> None:
    """That there was nobody to tell stands in the alarm's story (告警无人可送达)."""
    await write_entries([NewEntry(alarm, at, "nobody_told", {}) for alarm in planned.unreached])


def _raised_draft(alarm: Alarm, new: _New, told: str | None) -> NoticeDraft:
    report, deadline = new.change.report, NOTICE_DEADLINES[alarm.severity]
    return NoticeDraft(
        alarm=alarm.id,
        unit=listeners(alarm),
        kind=NoticeKind.RAISED,
        severity=alarm.severity,
        lane=lane_of(alarm),
        draw=lambda language: alarm_card(alarm, language),
        revision=alarm.revision,
        t0=report.first_octet_at,
        t1=report.received_at,
        deadline=deadline.within,
        clause=deadline.clause,
        delay=new.settle,
        skipped_because=new.cover.why if new.cover is not None and new.cover.mask is not None else told,
        audience=audience_of(new.cover),
        escalates=(alarm.is_active or alarm.severity is Severity.FIRE) and new.cover is None,
    )


def _restored_draft(alarm: Alarm, clear: _Clear, told: str | None, cover: Cover | None) -> NoticeDraft:
    """That it is over: a courtesy without a deadline (GB 50440 extract, 3), never before anything urgent."""
    return NoticeDraft(
        alarm=alarm.id,
        unit=listeners(alarm),
        kind=NoticeKind.RESTORED,
        severity=alarm.severity,
        lane=Lane.ROUTINE,
        draw=lambda language: alarm_card(alarm, language),
        revision=alarm.revision,
        t0=clear.at,
        t1=clear.at,
        deadline=None,
        clause=None,
        skipped_because=told,
        audience=audience_of(cover),
    )
