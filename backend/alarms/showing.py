"""What was sent along with an answer to an alarm (佐证), to be seen again: by who may see the alarm alone."""

from collections.abc import Sequence
from typing import Final

from backend.alarms.queries import alarm_for
from backend.core.errors import NotFound
from backend.core.i18n import N_
from backend.core.ids import AlarmId
from backend.evidence.model import Evidence, EvidenceId
from backend.evidence.service import evidence_of, octets_of
from backend.people.model import Person

ABOUT: Final = "alarm"


async def pieces_for(person: Person, alarm_id: AlarmId) -> Sequence[Evidence]:
    """The pieces of an alarm, oldest first, without octets. Raises `NoSuchAlarm`."""
    alarm = await alarm_for(person, alarm_id)
    return await evidence_of(ABOUT, alarm.id)


async def piece_for(person: Person, alarm_id: AlarmId, piece: EvidenceId) -> tuple[Evidence, bytes]:
    """One piece and its octets. Raises `NoSuchAlarm`; `NotFound` for what is not this alarm's."""
    for each in await pieces_for(person, alarm_id):
        if each.id == piece:
            return each, await octets_of(piece)
    raise NotFound(N_("没有此佐证，请重新发送"))
