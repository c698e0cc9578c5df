"""What the auditor mends: a notice without attempts is planned again, the duty desk hears of what was not told.

Each runs in the transaction that records the breach, so that it is done once however many auditors look. Cards are
those that stand in the notice: delivery knows no alarms.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.i18n import DEFAULT_LANGUAGE, N_, translate
from backend.core.ids import AlarmId, UnitId
from backend.core.vocabulary import Lane, Severity
from backend.delivery.breach_model import CauseCode, Finding, Repair
from backend.delivery.model import Card, NoticeKind
from backend.delivery.plan import NoticeDraft, plan
from backend.people.model import DUTY_DESK_ROLES
from backend.people.queries import recipients

#: beside fire, the duty desk hears once in this time of one unit's untold notices
_DESK_AGAIN: Final = timedelta(seconds=60)
_BANNER: Final = N_("规定时间内未以两种方式通知到单位")

_NOTICES: Final = """
    select n.id, n.alarm, n.unit, n.severity, n.lane, n.cards, n.revision, n.deadline_at, n.clause, n.t0, n.t1,
        (select count(*) from breaches b where b.kind = 'notice_unattempted' and b.alarm = n.alarm) as times
    from notices n where n.id = any($1) order by n.id"""
#: the lock under which the desk is told; any number that nobody else takes
_TELLING: Final = 0x66656E676875_01
#: whose alarm the desk was told of already (or is being told of), and which units' it was told of just now
_DESK_KNOWS: Final = """
    select n.alarm from notices n
    where n.alarm = any($1) and (n.kind = 'overdue' or exists(
        select from attempts t join grants g on g.person = t.person
        where t.notice = n.id and g.unit is null and g.role = any($2) and t.state in ('sending', 'accepted')))"""
_DESK_HEARD: Final = """
    select b.unit, b.severity from notices n join breaches b on b.kind = 'kinds_short' and b.alarm = n.alarm
    where n.kind = 'overdue' and n.created_at > $1"""
_decode_cards = msgspec.json.Decoder(dict[str, Card]).decode


async def plan_again(findings: Sequence[Finding]) -> Repair:
    """Plan a new notice for one that lost its attempts; nobody to tell, or a second loss, is left to people."""
    wanted = {each.notice: each for each in findings if each.notice and each.cause.code is not CauseCode.NOBODY}
    rows = [row for row in await fetch(_NOTICES, list(wanted)) if row["times"] <= 1] if wanted else []
    if not rows:
        return Repair()
    planned = await plan([_again(row) for row in rows])
    done = {row["id"]: f"planned again: notice {new}" for row, new in zip(rows, planned.notices, strict=True)}
    return Repair(attempts=planned.attempts, notices=planned.notices, done=done)


def _again(row: dict[str, Any]) -> NoticeDraft:
    cards = _decode_cards(row["cards"])
    return NoticeDraft(
        alarm=AlarmId(row["alarm"]),
        unit=UnitId(row["unit"]) if row["unit"] else None,
        kind=NoticeKind.RAISED,
        severity=Severity(row["severity"]),
        lane=Lane(row["lane"]),
        draw=lambda language: cards.get(language, cards[DEFAULT_LANGUAGE]),
        revision=row["revision"],
        t0=row["t0"],
        t1=row["t1"],
        deadline=row["deadline_at"] - row["t1"] if row["deadline_at"] is not None else None,
        clause=row["clause"],
    )


async def tell_desk(findings: Sequence[Finding]) -> Repair:
    """The duty desk hears of a notice that reaches too few kinds of contact (4.3.3), unless it knows of the alarm."""
    if not findings or not await recipients(None):
        return Repair()
    await execute("select pg_advisory_xact_lock($1)", _TELLING)  # two auditors tell it once
    now = clock.now()
    alarms = [each.alarm for each in findings]
    known = {row["alarm"] for row in await fetch(_DESK_KNOWS, alarms, list(DUTY_DESK_ROLES))}
    heard = await fetch(_DESK_HEARD, now - _DESK_AGAIN)
    recent = {(row["unit"], row["severity"]) for row in heard}
    telling: dict[UUID, Finding] = {}
    for each in findings:
        key = (each.unit, str(each.severity))
        if each.alarm in known or each.notice is None or (each.severity is not Severity.FIRE and key in recent):
            continue
        known.add(each.alarm)
        recent.add(key)
        telling[each.notice] = each
    if not telling:
        return Repair()
    rows = await fetch(_NOTICES, list(telling))
    planned = await plan([_for_desk(row, now) for row in rows])
    done = {row["id"]: f"the duty desk is told: notice {new}" for row, new in zip(rows, planned.notices, strict=True)}
    return Repair(attempts=planned.attempts, notices=planned.notices, done=done)


def _for_desk(row: dict[str, Any], now: datetime) -> NoticeDraft:
    cards = _decode_cards(row["cards"])

    def draw(language: str) -> Card:
        card = cards.get(language, cards[DEFAULT_LANGUAGE])
        banner = " · ".join(each for each in (translate(_BANNER, language), card.banner) if each)
        return msgspec.structs.replace(card, banner=banner)

    return NoticeDraft(
        alarm=AlarmId(row["alarm"]),
        unit=None,
        kind=NoticeKind.OVERDUE,
        severity=Severity(row["severity"]),
        lane=Lane(row["lane"]),
        draw=draw,
        revision=row["revision"],
        t0=now,
        t1=now,
        deadline=None,
        clause=None,
    )
