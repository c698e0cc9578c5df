"""Analog points that fell silent: their values are grey from then on, and never count as healthy."""

from datetime import datetime
from typing import Any, Final

from backend.core.db.engine import fetch
from backend.core.ids import DeviceId, LedgerId
from backend.monitoring import rules
from backend.monitoring.changes import Change
from backend.monitoring.model import Level, Report, Subject
from backend.monitoring.reading import Context, Known
from backend.registry.directory import Directory
from backend.registry.model import DeviceFacts

_STALE: Final = """
    update analog_states s set is_stale = true from components c
    where c.device = s.device and c.system_type = s.system_type and c.system_address = s.system_address
      and c.component_address = s.component_address and c.quantity = s.quantity and not s.is_stale
      and c.interval_s is not null and s.received_at < $1::timestamptz - make_interval(secs => 2 * c.interval_s + 60)
    returning s.subject, s.device, s.quantity, s.system_type, s.system_address, s.component_type,
        s.component_address, s.received_at, s.ledger_id"""


async def stale(now: datetime, directory: Directory) -> list[Change]:
    """Points silent for 2 x their interval + 60 s are grey from now on and never count as healthy (extract, 7; L-2).

    Inside the caller's transaction; each point is answered once, until it reports again.
    """
    rows = await fetch(_STALE, now)
    changes = []
    for row in rows:
        device = directory.device_by_id(DeviceId(row["device"]))
        if device is not None:
            changes.append(_stale_change(row, device, directory, now))
    return changes


def _stale_change(row: dict[str, Any], device: DeviceFacts, directory: Directory, now: datetime) -> Change:
    subject = Subject(
        level=Level.COMPONENT,
        system_type=row["system_type"],
        system_address=row["system_address"],
        component_type=row["component_type"],
        component_address=row["component_address"],
    )
    report = Report(
        address=device.address,
        ledger_id=LedgerId(row["ledger_id"]),
        received_at=now,
        first_octet_at=now,
        is_heard=False,
    )
    context = Context(report=report, device=device, directory=directory, known=Known(states={}, analogs={}))
    return Change(
        report=report,
        ledger_id=report.ledger_id,
        device=device.id,
        unit=device.unit,
        subject=f"{row['subject']}/q{row['quantity']}",
        place=context.place(subject),
        standing=rules.standing_of_stale(),
        marks=context.marks(subject),
    )
