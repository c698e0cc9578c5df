"""Outages of links as rows: begun when a loss is recognised, ended when the device is back.

Part of the intake's transaction. One open row a device, whoever says it how often: a second loss while one is open
is the same one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from backend.core.db.engine import execute
from backend.core.ids import new_id
from backend.monitoring.model import LinkSaid, Report
from backend.registry.model import DeviceFacts

#: a loss that nothing was heard before begins with the link's last contact that is known, at worst with its finding
_BEGIN: Final = """
    insert into link_outages (id, device, unit, lost_at, recognised_at, cause, peer, ledger_id)
    select i, d, u, least(coalesce(s, k.last_contact_at, r), r), r, c, coalesce(k.peer, ''), l
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::uuid[])
        as x(i, d, u, s, r, c, l) left join device_links k on k.device = d
    on conflict (device) where restored_at is null do nothing"""
_END: Final = """
    update link_outages o set restored_at = greatest(x.at, o.lost_at)
    from unnest($1::uuid[], $2::timestamptz[]) as x(device, at)
    where o.device = x.device and o.restored_at is null"""


async def note_outages(reports: Sequence[Report], devices: Mapping[str, DeviceFacts]) -> None:
    """Begin and end outages as a batch's link statements say; the last word on each device counts."""
    lost: dict[object, tuple[object, ...]] = {}
    back: dict[object, datetime] = {}
    for report in reports:
        device = devices[report.address]
        for said in report.statements:
            if not isinstance(said, LinkSaid):
                continue
            if said.is_lost:
                when = (said.silent_since, report.received_at)
                lost[device.id] = (new_id(), device.id, device.unit, *when, said.cause, report.ledger_id)
                back.pop(device.id, None)
            else:
                back[device.id] = report.received_at
    if lost:
        await execute(_BEGIN, *map(list, zip(*(lost[key] for key in sorted(lost, key=str)), strict=True)))
    if back:
        ids = sorted(back, key=str)
        await execute(_END, ids, [back[each] for each in ids])
