"""What people do beside the answer itself: a note, an answer recorded for a colleague, several answers together."""

from collections.abc import Sequence
from typing import Final

from backend.alarms.model import NoSuchAlarm
from backend.alarms.service import (
    LONGEST_NOTE,
    acknowledge,
    held,
    know,
    locked,
    require_alarm,
    tell_others,
    tidy_note,
    written_down,
)
from backend.core import clock
from backend.core.db.engine import fetch, transaction
from backend.core.errors import BadInput, NotAllowed, Refused
from backend.core.i18n import N_
from backend.core.ids import AlarmId, PersonId
from backend.core.vocabulary import Severity, Via
from backend.evidence.model import EvidenceId
from backend.evidence.service import bind
from backend.people import queries as people
from backend.people.model import Person, Right

_SEVERITIES: Final = "select id, severity from alarms where id = any($1)"
MOST_TOGETHER: Final = 100


async def note(person: Person, alarm_id: AlarmId, text: str, evidence: Sequence[EvidenceId], via: Via) -> None:
    """Add a note to an alarm's story (备注), with what was sent along. Raises `NoSuchAlarm`, `BadInput`."""
    if len(text.strip()) > LONGEST_NOTE:  # nothing of it is dropped behind their back
        raise BadInput(N_("备注最多 1000 字，请分几条发送"))
    text = tidy_note(text)
    if not text and not evidence:
        raise BadInput(N_("请写下备注，或附上照片、语音"))
    async with transaction():
        now = clock.now()
        alarm = await locked(person, alarm_id, Right.ACKNOWLEDGE)
        bound = await bind(evidence, "alarm", alarm_id, by=person.id)
        redraws = await written_down(person, alarm, "alarm.noted", via, now, facts={"note": text}, evidence=bound)
    await tell_others(alarm, redraws)


async def acknowledge_for(person: Person, alarm_id: AlarmId, other: PersonId, reason: str, via: Via) -> bool:
    """Record that a colleague knows (代为确认), with the reason; False when that was known.

    Both need the right over the alarm. Raises `NoSuchAlarm`, `NotAllowed`, `BadInput` without a reason.
    """
    reason = tidy_note(reason)
    if not reason:
        raise BadInput(N_("代同事确认须写明理由"))
    async with transaction():
        now = clock.now()
        alarm = await locked(person, alarm_id, Right.ACKNOWLEDGE)
        colleague = await people.person(other)
        await require_alarm(colleague, alarm, Right.ACKNOWLEDGE)
        if not await know(colleague, alarm, via, now, recorded_by=person.id):
            return False
        await held(colleague, alarm, now)
        facts = {"name": colleague.name, "for": str(colleague.id), "note": reason}
        redraws = await written_down(person, alarm, "alarm.acknowledged_for", via, now, facts=facts)
    await tell_others(alarm, redraws)
    return True


async def acknowledge_together(person: Person, alarms: Sequence[AlarmId], reason: str, via: Via) -> int:
    """Acknowledge several at once, with the reason (一并确认); how many were new. A fire is acknowledged by itself.

    Each in a transaction of its own; what is no longer theirs, as when they lost a role meanwhile, holds up none of the
    others. Raises `BadInput` for a fire among them or without a reason, `NoSuchAlarm` when none is theirs.
    """
    if not tidy_note(reason):
        raise BadInput(N_("一并确认须写明理由"))
    rows = await fetch(_SEVERITIES, list(alarms[:MOST_TOGETHER]))
    if any(row["severity"] == Severity.FIRE for row in rows):
        raise BadInput(N_("火灾报警必须逐条确认"))
    done: list[bool] = []
    refused: Refused | None = None
    for row in rows:
        try:
            done.append((await acknowledge(person, AlarmId(row["id"]), via, reason)).is_new)
        except (NoSuchAlarm, NotAllowed) as error:
            refused = error
    if refused is not None and not done:
        raise refused
    return sum(done)
