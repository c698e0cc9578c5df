"""The auditor's check of this room: a dead link that was recognised too late, or is not recognised at all (4.4.2).

Our own absence is ours alone: while no gateway lives, or one has only just begun, every link is silent to us, and the
missing process is told of. What it made late is recorded as late once the link is recognised.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from backend.core.db.engine import fetch
from backend.core.deadlines import BATTERY_PATROL_CYCLE, LINK_LOSS
from backend.core.vocabulary import Power, Severity
from backend.delivery.breach_model import BreachKind, Cause, CauseCode, Check, Finding, Scene, Window

_MOST: Final = 500
_GATEWAY: Final = "gateway"
#: a sleeper's slot is watched from its last word; this much its own clock and ours may differ (our own rule; no clause)
_SLOT_GRACE: Final = timedelta(minutes=15)
_LIMITS: Final = {
    Power.MAINS: (LINK_LOSS.within, LINK_LOSS.clause),
    Power.BATTERY: (BATTERY_PATROL_CYCLE.within + _SLOT_GRACE, BATTERY_PATROL_CYCLE.clause),
}
#: after its start a gateway asks anew before it may say of anybody that they are silent
_ASKS_ANEW: Final = LINK_LOSS.within + timedelta(seconds=20)
#: what is overdue is looked at again in each pass; a word that is just being written is no silence
_GRACE: Final = timedelta(seconds=10)
_LATE: Final = """
    select o.id, o.unit, o.device, o.lost_at, o.recognised_at, o.cause, d.power,
        (select a.id from alarms a where a.device = o.device and a.condition = 'link_lost'
           and a.raised_at between o.recognised_at - interval '1 minute' and o.recognised_at + interval '1 minute'
         order by a.raised_at limit 1) as alarm,
        exists (select from gateway_runs g
                where g.started_at > o.lost_at and g.started_at <= o.recognised_at) as is_ours
    from link_outages o join devices d on d.id = o.device
    where o.recognised_at >= $1 and o.recognised_at < $2
      and o.recognised_at - o.lost_at > case d.power when 'mains' then $3::interval else $4::interval end
      and not exists (select from breaches b where b.kind = 'link_late' and b.subject = o.id)
    order by o.recognised_at, o.id limit $5"""
#: once for each silence
_UNSEEN: Final = """
    select k.id, d.unit, d.id as device, k.last_contact_at, d.power
    from device_links k join devices d on d.id = k.device
    where d.unit is not null and not k.is_lost
      and k.last_contact_at < $1::timestamptz - case d.power when 'mains' then $2::interval else $3::interval end
      and not exists (select from link_outages o where o.device = d.id and o.restored_at is null)
      and not exists (select from breaches b where b.kind = 'link_unseen' and b.alarm = d.id
                      and b.due_at > k.last_contact_at)
    order by k.last_contact_at, k.id limit $4"""
_BEGAN: Final = "select min(started_at) as at from gateway_runs where alive_at > $1"
_ALIVE: Final = timedelta(seconds=60)


async def late_links(window: Window, scene: Scene) -> list[Finding]:
    """Links whose loss was recognised later than it must be; and those of which nothing is recognised yet."""
    limits = [_LIMITS[Power.MAINS][0], _LIMITS[Power.BATTERY][0]]
    found = [_late(row, scene) for row in await fetch(_LATE, window.since, window.until, *limits, _MOST)]
    if _GATEWAY not in scene.living or not await _has_asked(scene):
        return found
    rows = await fetch(_UNSEEN, scene.now - _GRACE, *limits, _MOST)
    return found + [_unseen(row) for row in rows]


async def _has_asked(scene: Scene) -> bool:
    """Whether every living gateway has been at it for longer than a link's loss may take to recognise."""
    (row,) = await fetch(_BEGAN, scene.now - _ALIVE)
    return row["at"] is not None and row["at"] < scene.now - _ASKS_ANEW


def _late(row: dict[str, Any], scene: Scene) -> Finding:
    limit, clause = _LIMITS[Power(row["power"])]
    due_at = row["lost_at"] + limit
    cause = CauseCode.UNKNOWN
    if row["is_ours"]:
        cause = CauseCode.GATEWAY_AWAY
    elif scene.was_away(due_at - _GRACE, row["recognised_at"]):
        cause = CauseCode.DATABASE_AWAY
    return Finding(
        kind=BreachKind.LINK_LATE,
        clause=clause,
        alarm=row["alarm"] or row["device"],
        about=row["id"],
        severity=Severity.OFFLINE,
        unit=row["unit"],
        due_at=due_at,
        late_ms=round((row["recognised_at"] - due_at).total_seconds() * 1000),
        cause=Cause(code=cause, facts={"device": str(row["device"]), "how": row["cause"]}),
    )


def _unseen(row: dict[str, Any]) -> Finding:
    limit, clause = _LIMITS[Power(row["power"])]
    return Finding(
        kind=BreachKind.LINK_UNSEEN,
        clause=clause,
        alarm=row["device"],
        about=_silence_of(row),
        severity=Severity.OFFLINE,
        unit=row["unit"],
        due_at=row["last_contact_at"] + limit,
        cause=Cause(code=CauseCode.UNKNOWN, facts={"device": str(row["device"])}),
    )


def _silence_of(row: dict[str, Any]) -> UUID:
    """The same for every auditor that sees this silence, another one for the device's next."""
    return uuid5(row["id"], row["last_contact_at"].isoformat())


LATE_LINKS: Final = Check(name="links", find=late_links)
