"""Opening a work order (报修): from an alarm, a silent link, a complaint, an inspection, or by hand; what is agreed.

The rule: an alarm has one live order; whoever asks again is led to it. The agreed finish is the service agreement's
repair time, or the house's own default by severity (`deadlines.REPAIR_WITHIN`), and it is written down at once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from backend.alarms.card import alarm_card
from backend.alarms.masks.locating import locate
from backend.alarms.masks.model import Scope, ScopeKind
from backend.alarms.masks.releasing import Released
from backend.alarms.masks.releasing import tell as ring
from backend.alarms.model import Alarm
from backend.alarms.queries import alarm_for
from backend.core import clock
from backend.core.db.engine import fetch_one, transaction
from backend.core.deadlines import REPAIR_WITHIN
from backend.core.errors import BadInput, NotFound
from backend.core.i18n import DEFAULT_LANGUAGE, N_
from backend.core.ids import AlarmId, DeviceId, PersonId, UnitId, new_id
from backend.core.vocabulary import Severity, Via
from backend.monitoring.model import Level, subject_of
from backend.people.doors import require
from backend.people.model import Person, Right
from backend.work_orders.acting import Done, note, to_ledger
from backend.work_orders.dispatching import check_can_work, offer, offer_on_duty
from backend.work_orders.model import LONGEST_WORDS, Origin, Proof, WireAt, WorkOrder, WorkOrderId
from backend.work_orders.rows import COLUMNS, insert_order, order_of, read_order

_AGREED: Final = """
    select number, repair_hours from service_agreements
    where unit = $1 and is_active and starts_on <= $2 and (ends_on is null or ends_on > $2)
    order by repair_hours, number limit 1"""
_LIVE: Final = f"""
    select {COLUMNS} from work_orders o
    where o.origin in ('alarm', 'link') and o.about = $1 and o.state not in ('closed', 'withdrawn')"""
_UNIT: Final = "select name from units where id = $1"
#: tabs and line ends are words' own affair in a note; what PostgreSQL can't hold is not
_CONTROLS: Final = dict.fromkeys((*range(0x20), 0x7F), " ")
DEFAULT_NEEDS: Final = (Proof.PHOTO,)


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What an order is opened with, whatever it comes from."""

    unit: UnitId
    what: str
    where: str = ""
    origin: Origin = Origin.HAND
    about: UUID | None = None
    severity: Severity = Severity.FAULT
    since_at: datetime | None = None  #: None: now
    needs: tuple[Proof, ...] = DEFAULT_NEEDS
    device: DeviceId | None = None
    at: WireAt | None = None
    to: tuple[PersonId, ...] = ()  #: empty: whoever is on duty
    id: UUID | None = None  #: of the order, where the caller may ask twice (a chat's draft); None: a new one


def clean(words: str) -> str:
    """Words as they are stored."""
    return words.translate(_CONTROLS).strip()[:LONGEST_WORDS]


def checked(words: str) -> str:
    """A person's own words as they are stored, whole. Raises `BadInput` for too many: nothing is cut off unsaid."""
    if len(words.translate(_CONTROLS).strip()) > LONGEST_WORDS:
        raise BadInput(N_("文字过长，请控制在 500 字以内"))
    return clean(words)


async def agreed_finish(unit: UnitId, severity: Severity, opened_at: datetime) -> tuple[datetime, str]:
    """By when it is to be done and by which agreement; without one the house's own default, and no number."""
    row = await fetch_one(_AGREED, unit, opened_at)
    if row is None:
        return opened_at + REPAIR_WITHIN[severity], ""
    return opened_at + timedelta(hours=row["repair_hours"]), str(row["number"])


async def open_order(person: Person, opening: Opening, via: Via) -> WorkOrder:
    """报修: opens an order and offers it to whoever is on duty.

    Raises `NotFound` for a unit or component that is unknown or not theirs, `NotAllowed`, `BadInput`.
    """
    require(person, Right.ORDER, opening.unit)
    if opening.to:
        require(person, Right.DISPATCH, opening.unit)
    where = await _where(opening, person)
    named = msgspec.structs.replace(opening, what=checked(opening.what), where=checked(opening.where) or where)
    try:
        return await _opened(named, person, via)
    except asyncpg.UniqueViolationError:
        if opening.id is None:
            raise
        return await read_order(person, opening.id)  # asked for a second time


async def open_for_service(opening: Opening) -> WorkOrder:
    """The service itself opens one, for another room's sake; that room vouches for its place."""
    return await _opened(opening, None, None)


async def open_within(opening: Opening, person: Person, via: Via, released: Released) -> WorkOrder:
    """Another room opens one for somebody, in its own transaction, and rings after it.

    That room has its own door: it vouches for the place and for the person's right.
    """
    return await _open(opening, person, via, released)


async def _opened(opening: Opening, person: Person | None, via: Via | None) -> WorkOrder:
    released = Released()
    async with transaction():
        order = await _open(opening, person, via, released)
    await ring(released)
    return order


async def open_from_alarm(person: Person, alarm_id: AlarmId, via: Via, words: str = "") -> tuple[WorkOrder, bool]:
    """从报警报修: the alarm's order, and whether it is new. Asked again, the live one is found.

    Raises `NoSuchAlarm`, `NotAllowed`; `BadInput` for an alarm of no unit.
    """
    alarm = await alarm_for(person, alarm_id)
    if alarm.unit is None:
        raise BadInput(N_("设备尚未登记到联网单位，不能报修"))
    require(person, Right.ORDER, alarm.unit)
    opening = _of_alarm(alarm, alarm.unit, words)
    try:
        if (row := await fetch_one(_LIVE, alarm.id)) is not None:
            return order_of(row), False
        return await _opened(opening, person, via), True
    except asyncpg.UniqueViolationError:  # two people at the same instant: the other one's is the alarm's order
        row = await fetch_one(_LIVE, alarm.id)
        if row is None:
            raise
        return order_of(row), False


def _of_alarm(alarm: Alarm, unit: UnitId, words: str) -> Opening:
    card = alarm_card(alarm, DEFAULT_LANGUAGE)
    at = subject_of(alarm.subject)
    wire = None
    if at.level is Level.COMPONENT:
        assert at.system_type is not None
        assert at.system_address is not None
        assert at.component_address is not None
        wire = WireAt(
            device=alarm.device,
            system_type=at.system_type,
            system_address=at.system_address,
            component_address=at.component_address,
        )
    said = checked(words)
    return Opening(
        unit=unit,
        what=f"{card.what}：{said}" if said else card.what,
        where=card.where,
        origin=Origin.LINK if alarm.severity is Severity.OFFLINE else Origin.ALARM,
        about=alarm.id,
        severity=alarm.severity,
        since_at=alarm.raised_at,
        device=alarm.device,
        at=wire,
    )


async def _open(opening: Opening, person: Person | None, via: Via | None, released: Released) -> WorkOrder:
    what = clean(opening.what)
    if not what:
        raise BadInput(N_("请写明报修内容"))
    now = clock.now()
    finish, agreement = await agreed_finish(opening.unit, opening.severity, now)
    order = await insert_order(
        WorkOrder(
            id=WorkOrderId(opening.id or new_id()),
            number=0,
            unit=opening.unit,
            origin=opening.origin,
            about=opening.about,
            severity=opening.severity,
            what=what,
            where=clean(opening.where),
            since_at=min(opening.since_at or now, now),
            opened_by=person.id if person else None,
            opened_at=now,
            agreed_at=finish,
            agreed_by=agreement,
            needs=opening.needs,
            device=opening.at.device if opening.at else opening.device,
            at=opening.at,
            accept_by=now,
        )
    )
    done = Done(kind="opened", facts={"origin": str(order.origin), "what": what}, person=person, via=via)
    await note(order, done, now)
    opened = order
    order = await _first_offer(order, opening.to, now, released)
    await to_ledger(opened, order, done)
    return order


async def _first_offer(order: WorkOrder, to: Sequence[PersonId], now: datetime, released: Released) -> WorkOrder:
    if not to:
        return await offer_on_duty(order, now, released)
    await check_can_work(order.unit, tuple(to))
    return await offer(order, tuple(to), now, released, step=0)


async def _where(opening: Opening, person: Person) -> str:
    """The place in words; a component or device is looked up through the person's own door, and is the unit's."""
    if opening.device is None and opening.at is None:
        row = await fetch_one(_UNIT, opening.unit)
        if row is None:
            raise NotFound(N_("没有找到"))
        return str(row["name"])
    scope = Scope(kind=ScopeKind.DEVICE, device=opening.device)
    if (at := opening.at) is not None:
        scope = Scope(
            kind=ScopeKind.COMPONENT,
            device=at.device,
            system_type=at.system_type,
            system_address=at.system_address,
            component_address=at.component_address,
        )
    found = await locate(person, scope, Right.ORDER)
    if found.unit != opening.unit:
        raise NotFound(N_("没有找到"))
    return found.what
