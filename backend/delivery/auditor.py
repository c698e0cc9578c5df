"""The auditor inside: once a second it looks for what should have happened and did not, mends it and records it.

It needs PostgreSQL alone: neither Redis nor arq nor a worker. Any number may run at once; each finding is recorded
once, together with its repair. A pass that fails is logged, and the next one comes.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from backend.core import clock, metrics
from backend.core.announce import announce
from backend.core.beats import alive, beats, forget_dead
from backend.core.db.engine import SERVER_AWAY, execute, fetch, fetch_one, transaction
from backend.core.deadlines import AUDIT_GRACE, LEAST_CONTACT_KINDS
from backend.core.ids import AttemptId
from backend.core.live import Hint
from backend.core.vocabulary import Lane
from backend.delivery import breaches
from backend.delivery.audit_checks import blocked_notices, overdue_attempts
from backend.delivery.audit_repairs import tell_desk
from backend.delivery.audit_rules import windows
from backend.delivery.breach_model import Check, Finding, NoteKind, Repair, Scene
from backend.delivery.breaches import Note
from backend.delivery.plan import mark_durable
from backend.delivery.sweep import mark_breaches

log = logging.getLogger(__name__)

EVERY_S: Final = 1.0
_OUTAGES_KEPT: Final = 100
#: whose chore it is to mark attempts that were not held; without it the auditor does it
_MARKS_BREACHES: Final = "routine"
#: a mark is written no oftener than this: the last stretch is looked at again and again anyway
_MARK_STEP: Final = timedelta(seconds=5)
#: a check that finds this many may have more on its next page: its mark stays
_FULL_PAGE: Final = 100
#: an open breach is looked after this long; carriers are tried for about five minutes
_COMPLETED_WITHIN: Final = timedelta(hours=1)

_MARK: Final = "select at from audit_marks where name = $1"
#: only from where this pass began: who moved it meanwhile, on or back (`plan.resume_waiting`), knows better
_MOVE_MARK: Final = """
    insert into audit_marks as m (name, at) values ($1, $2)
    on conflict (name) do update set at = excluded.at where m.at = $3::timestamptz"""
_COMPLETED: Final = """
    select b.id, b.due_at, case when b.attempt is not null
        then (select t.t5 from attempts t where t.id = b.attempt)
        else (select min(t.t5) from attempts t join notices n on n.id = t.notice
              where n.alarm = b.alarm and n.kind = 'raised' and t.t5 is not null
              group by t.channel order by 1 offset case when b.unit is null then 0 else $2 - 1 end limit 1)
        end as at
    from breaches b
    where b.found_at > $1 and b.late_ms is null
      and not exists (select from breach_notes x where x.breach = b.id and x.kind = 'completed')"""


class Auditor:
    """One process's auditor with its checks."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = checks
        self._outages: deque[tuple[datetime, datetime]] = deque(maxlen=_OUTAGES_KEPT)
        self._away_since: datetime | None = None
        self._last_good: float | None = None

    @property
    def age_s(self) -> float | None:
        """How long ago the last pass succeeded; None before the first."""
        return None if self._last_good is None else clock.monotonic() - self._last_good

    async def run(self) -> None:
        """Pass after pass, for ever."""
        while True:
            try:
                await self.look()
            except SERVER_AWAY as error:
                log.warning("the auditor can't see the database", extra={"error": type(error).__name__})
            except Exception:
                # one of the loops that must not die (house.md §6)
                log.exception("the auditor's pass failed")
            await asyncio.sleep(EVERY_S)

    async def look(self) -> int:
        """One pass over all checks; answers how many breaches are new. Raises what PostgreSQL raises."""
        try:
            scene = await self._scene()
            new, failed = 0, False
            for check in self._checks:
                try:
                    new += await self._check(check, scene)
                except TimeoutError:
                    # too slow is not away; the other checks have their turn
                    log.warning("an audit check took too long", extra={"check": check.name})
                    failed = True
                except SERVER_AWAY:
                    raise
                except Exception:
                    # one check's bug must not blind the others
                    log.exception("an audit check failed", extra={"check": check.name})
                    failed = True
            await self._look_after(scene)
        except SERVER_AWAY:
            self._away_since = self._away_since or clock.now()
            raise
        if not failed:
            self._last_good = clock.monotonic()
            metrics.AUDITED_AT.set(clock.now().timestamp())
        return new

    async def _scene(self) -> Scene:
        seen = await beats()
        row = await fetch_one("select pg_postmaster_start_time() as at")
        now = clock.now()
        if self._away_since is not None:
            self._outages.append((self._away_since, now))
            self._away_since = None
        assert row is not None
        # a server that started a moment ago was away just before, whoever saw it
        return Scene(now=now, living=alive(seen, now), outages=(*self._outages, (row["at"], row["at"])))

    async def _check(self, check: Check, scene: Scene) -> int:
        mark = await fetch_one(_MARK, check.name)
        stretches, next_mark = windows(mark["at"] if mark is not None else None, scene.now - AUDIT_GRACE)
        new, is_all = 0, True
        for stretch in stretches:
            found = await check.find(stretch, scene)
            is_all = is_all and len(found) < _FULL_PAGE
            for start in range(0, len(found), check.at_once):
                new += await _settle(check, found[start : start + check.at_once])
        if is_all and (mark is None or next_mark - mark["at"] >= _MARK_STEP):
            await execute(_MOVE_MARK, check.name, next_mark, mark["at"] if mark is not None else None)
        return new

    async def _look_after(self, scene: Scene) -> None:
        """What was late is complete when it was accepted after all; what lies about is rung for; old beats go."""
        await _warn_desk(scene)
        await _complete()
        if _MARKS_BREACHES not in scene.living:
            await mark_breaches()
        overdue = await overdue_attempts(scene)
        if overdue:
            await announce(overdue, {}, [])
        await forget_dead()


async def _settle(check: Check, findings: Sequence[Finding]) -> int:
    """Record and repair together; a repair that fails does not keep the breach from being recorded."""
    try:
        return await _write(check, findings, is_repaired=True)
    except SERVER_AWAY:
        raise
    except Exception:
        # the auditor's own loop (house.md §6): the fact is kept even when the remedy has a bug
        log.exception("not repaired", extra={"check": check.name})
        return await _write(check, findings, is_repaired=False)


async def _write(check: Check, findings: Sequence[Finding], *, is_repaired: bool) -> int:
    repair = Repair()
    async with transaction():
        new = await breaches.record(findings)
        if new and is_repaired and check.repair is not None:
            repair = await check.repair(list(new.values()))
        notes = await breaches.note(_notes(new, repair))
        await breaches.to_ledger(new, notes)
    for (kind, cause), count in Counter((each.kind, each.cause.code) for each in new.values()).items():
        metrics.FOUND_BREACHES.labels(kind).inc(count)
        log.error("breaches", extra={"kind": kind, "cause": cause, "count": count})
    await _announce(new.values(), repair.attempts)
    await mark_durable([(notice, clock.now()) for notice in repair.notices])
    return len(new)


def _notes(new: dict[Any, Finding], repair: Repair) -> list[Note]:
    return [
        Note(breach=breach, kind=NoteKind.REPAIRED, text=repair.done[finding.subject])
        for breach, finding in new.items()
        if finding.subject in repair.done
    ]


async def _announce(found: Any, attempts: dict[Lane, list[AttemptId]]) -> None:
    hints = {(str(each.unit or ""), str(each.alarm)) for each in found}
    await announce(attempts, {}, [Hint(unit=unit, alarm=alarm) for unit, alarm in sorted(hints)])


async def _warn_desk(scene: Scene) -> None:
    """The duty desk hears at once of what can't be told in time any more, before its deadline runs out."""
    blocked = await blocked_notices(scene)
    if not blocked:
        return
    async with transaction():
        repair = await tell_desk(blocked)
    told = [each for each in blocked if each.subject in repair.done]
    if told:
        await _announce(told, repair.attempts)
        await mark_durable([(notice, clock.now()) for notice in repair.notices])


async def _complete() -> None:
    """Breaches whose message came after all get a second entry with how late it was."""
    rows = await fetch(_COMPLETED, clock.now() - _COMPLETED_WITHIN, LEAST_CONTACT_KINDS)
    notes = [
        Note(
            breach=row["id"],
            kind=NoteKind.COMPLETED,
            text=row["at"].isoformat(),
            facts={"late_ms": round((row["at"] - row["due_at"]).total_seconds() * 1000)},
        )
        for row in rows
        if row["at"] is not None
    ]
    if not notes:
        return
    async with transaction():
        await breaches.to_ledger({}, await breaches.note(notes))
