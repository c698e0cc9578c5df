"""Item a: a loop's fault is told by its detectors' own frames, when they come within the 2 s it waits for them.

What is masked or drilled speaks for nobody: a system's word is told by itself then (GB 50440 extract, 5 a).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from backend.alarms.model import Alarm
from backend.core.db.engine import fetch, fetch_one
from backend.core.ids import AlarmId
from backend.delivery import escalating
from backend.delivery.plan import skip_pending
from backend.delivery.reasons import Why, written

_PART_OF: Final = """
    select number from alarms
    where starts_with(subject, $1) and item = 'a' and raised_at >= $2
      and not marks ?| array['masked', 'drill', 'test_window'] order by number limit 1"""
_WHOLE_OF: Final = "select id from alarms where subject = $1 and item = 'a' and raised_at >= $2"
#: the letter of CQC/SC 11002 4.3.2 for 火灾探测器故障
DETECTOR_FAULT: Final = "a"
_LONGEST_SETTLE: Final = timedelta(seconds=10)


async def told_by_parts(raised: Sequence[tuple[Alarm, timedelta]]) -> dict[AlarmId, str]:
    """The system alarms of this batch that a part already told of, and why.

    An earlier system alarm that still waits gives way to this batch's parts. In the caller's transaction.
    """
    told: dict[AlarmId, str] = {}
    for alarm, settle in raised:
        if settle:
            row = await fetch_one(_PART_OF, alarm.subject + "/", alarm.raised_at - settle)
            if row is not None:
                told[alarm.id] = written(Why.BY_PART, number=row["number"])
        elif alarm.item == DETECTOR_FAULT:
            system = alarm.subject.rsplit("/", 1)[0]
            rows = await fetch(_WHOLE_OF, system, alarm.raised_at - _LONGEST_SETTLE)
            whole = [AlarmId(row["id"]) for row in rows]
            if await skip_pending(whole, written(Why.BY_PART, number=alarm.number)):
                await escalating.ended(whole, "told by the part")
    return told
