"""转值班室: somebody asks the provider's duty desk to take an alarm over, and the desk is told at once.

It says nothing of knowing or of a verdict: both axes stay as they are.
"""

import logging
from datetime import datetime
from typing import Final

import asyncpg

from backend.alarms.card import alarm_card
from backend.alarms.hearing import lane_of
from backend.alarms.model import Alarm, AlreadyClosed, NoSuchAlarm
from backend.alarms.rows import COLUMNS, NewEntry, alarms_of, write_entries
from backend.alarms.service import require_alarm
from backend.core import clock
from backend.core.announce import announce
from backend.core.db.engine import SERVER_AWAY, fetch, fetch_one, transaction
from backend.core.errors import Conflict
from backend.core.i18n import N_
from backend.core.ids import AlarmId
from backend.core.live import Hint
from backend.core.vocabulary import Via
from backend.delivery.model import NoticeKind
from backend.delivery.plan import NoticeDraft, mark_durable, plan
from backend.ledger.service import record_action
from backend.people.model import Person, Right

log = logging.getLogger(__name__)

_LOCK: Final = f"select {COLUMNS} from alarms a where a.id = $1 for update"
_CALLED: Final = "select 1 from alarm_entries where alarm = $1 and person = $2 and kind = 'desk_called'"


class DeskUnmanned(Conflict):
    """Nobody at the duty desk can be told."""


async def call_duty_desk(person: Person, alarm_id: AlarmId, via: Via) -> bool:
    """Tell the duty desk. Once for each person and alarm; false the second time.

    Raises `NoSuchAlarm`, `NotAllowed`, `AlreadyClosed`, or `DeskUnmanned` when no way leads to anybody there, which the
    story keeps.
    """
    async with transaction():
        now = clock.now()
        rows = await fetch(_LOCK, alarm_id)
        if not rows:
            raise NoSuchAlarm(N_("没有这条报警"))
        (alarm,) = await alarms_of(rows)
        await require_alarm(person, alarm, Right.ACKNOWLEDGE)
        if alarm.closed_at is not None:
            raise AlreadyClosed(N_("该报警已关闭，处置结论不再更改"))
        if await fetch_one(_CALLED, alarm_id, person.id) is not None:
            return False
        planned = await plan([_draft(alarm, now)])
        kind = "desk_called" if planned.attempts else "desk_unmanned"
        await write_entries([NewEntry(alarm_id, now, kind, {}, person.id, via)])
        await record_action(person.code, f"alarm.{kind}", {"alarm": str(alarm_id), "via": str(via)})
    if not planned.attempts:
        log.error("the duty desk was called and nobody sits there", extra={"alarm": str(alarm_id)})
        raise DeskUnmanned(N_("服务机构值班室目前没有人可以通知，请直接打电话联系；火灾请拨打 119"))
    at = clock.now()
    await announce(planned.attempts, {}, [Hint(unit=str(alarm.unit or ""), alarm=str(alarm_id))])
    try:
        await mark_durable([(notice, at) for notice in planned.notices])
    except (*SERVER_AWAY, asyncpg.PostgresError) as error:
        log.warning("a call for the duty desk not stamped", extra={"error": type(error).__name__})
    return True


def _draft(alarm: Alarm, now: datetime) -> NoticeDraft:
    """The alarm as it stands, to the provider; no clause sets a deadline for this one."""
    return NoticeDraft(
        alarm=alarm.id,
        unit=None,
        kind=NoticeKind.DESK,
        severity=alarm.severity,
        lane=lane_of(alarm),
        draw=lambda language: alarm_card(alarm, language),
        revision=alarm.revision,
        t0=now,
        t1=now,
        deadline=None,
        clause=None,
    )
