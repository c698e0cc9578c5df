"""The unit at a glance, as the phone reads it: open alarms, devices in touch and lost, last contact."""

from datetime import datetime
from typing import Final

import msgspec

from backend.alarms.queries import status_for
from backend.core.db.engine import fetch_one
from backend.people.doors import units_seen
from backend.people.model import Person

_LAST_CONTACT: Final = """
    select max(l.last_contact_at) as at from device_links l join devices d on d.id = l.device
    where d.unit is not null and ($1::uuid[] is null or d.unit = any($1::uuid[]))
"""


class StatusOut(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the person may see, counted."""

    fire: int
    fault: int
    abnormal: int
    offline: int
    unacknowledged: int
    devices: int
    devices_online: int
    devices_lost: int
    components: int
    last_contact_at: datetime | None


async def status_of(person: Person) -> StatusOut:
    """The person's units at a glance."""
    counts = await status_for(person)
    units = units_seen(person)
    row = await fetch_one(_LAST_CONTACT, None if units is None else list(units))
    return StatusOut(
        **msgspec.structs.asdict(counts),
        last_contact_at=row["at"] if row else None,
    )
