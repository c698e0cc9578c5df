"""Many links that fall together (大面积通信中断): one alarm of the duty desk names the line and counts the devices.

The rule: each device's loss is an alarm of its own, told once for its unit (see `storms`). When many devices of one
carrier are lost within a window, the provider's duty desk is told once, by an alarm that belongs to no unit and
stands until nine of ten are back: a device that broke in it keeps no line down. A line is named by the settings'
networks, else by the devices' own; when half of all links are lost, it is our own.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from backend.alarms.card import alarm_card
from backend.alarms.model import MASS_OUTAGE, Alarm
from backend.alarms.raising import Raised, apply
from backend.alarms.rows import COLUMNS, alarms_of
from backend.core import clock
from backend.core.db.engine import fetch, fetch_one, transaction
from backend.core.i18n import N_
from backend.core.ids import DeviceId, LedgerId
from backend.core.settings import Carriers
from backend.delivery.plan import Planned
from backend.delivery.revising import Redraws, revise
from backend.monitoring.changes import Change, Place
from backend.monitoring.conditions import CONDITIONS
from backend.monitoring.model import Report
from backend.monitoring.rules import Standing

_encode = msgspec.json.Encoder().encode
#: of all links, from which on it is our own line that is down
_OURS: Final = 0.5
#: of all that fell, how many may be left when the line counts as mended
_LEFT_BEHIND: Final = 0.1
#: losses older than so many windows are no part of what falls now
_FRESH: Final = 2
OUR_LINE: Final = N_("平台接入线路")
UNKNOWN_LINE: Final = N_("未知线路")
DEVICES_FACT: Final = N_("影响设备数")
UNITS_FACT: Final = N_("影响单位数")
STANDING_FACT: Final = N_("仍未恢复")
_SUBJECT: Final = "outage/"
#: how many networks of IPv4 and IPv6 one line is taken for
_PREFIXES: Final = {4: 24, 6: 48}

_OPEN: Final = """
    select device, unit, peer, recognised_at, ledger_id from link_outages
    where restored_at is null and unit is not null order by recognised_at, device"""
_LINKS: Final = "select count(*) as n from device_links l join devices d on d.id = l.device where d.unit is not null"
_STANDING: Final = f"""
    select {COLUMNS} from alarms a where a.condition = 'mass_outage' and a.cleared_at is null order by a.id"""
_PUT_FACTS: Final = f"""
    update alarms a set facts = $2::jsonb, revision = a.revision + 1
    where a.id = $1 and a.facts <> $2::jsonb returning {COLUMNS}"""


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A device that is lost, and over which peer it spoke last."""

    device: DeviceId
    unit: str
    peer: str
    recognised_at: datetime
    ledger_id: LedgerId


class Line(msgspec.Struct, frozen=True):
    """A line, and what is lost over it."""

    name: str
    lost: tuple[Lost, ...]

    @property
    def units(self) -> int:
        """How many units it touches."""
        return len({each.unit for each in self.lost})


def line_of(peer: str, networks: Sequence[str]) -> str:
    """The carrier's name by the first network that holds the peer; else the peer's own network."""
    try:
        address = ipaddress.ip_address(peer.rpartition(":")[0].strip("[]"))
    except ValueError:
        return UNKNOWN_LINE
    for each in networks:
        network, _, name = each.partition("=")
        if address in ipaddress.ip_network(network.strip(), strict=False):
            return name.strip()
    return str(ipaddress.ip_network((address, _PREFIXES[address.version]), strict=False))


def lines(lost: Sequence[Lost], links: int, carriers: Carriers) -> list[Line]:
    """The lines over which enough devices were lost within one window of each other."""
    window = timedelta(seconds=carriers.window_s)
    if _together(lost, window) >= max(carriers.least, _OURS * links):
        groups = {OUR_LINE: list(lost)}
    else:
        groups = {}
        for each in lost:
            groups.setdefault(line_of(each.peer, carriers.networks), []).append(each)
    return [
        Line(name, tuple(each)) for name, each in sorted(groups.items()) if _together(each, window) >= carriers.least
    ]


def _together(lost: Sequence[Lost], window: timedelta) -> int:
    """The most of them that were recognised within one window."""
    times = sorted(each.recognised_at for each in lost)
    most = first = 0
    for last, at in enumerate(times):
        while times[first] < at - window:
            first += 1
        most = max(most, last - first + 1)
    return most


async def tend_outages(carriers: Carriers) -> Raised:
    """One pass: lines that have fallen are told, those that stand count, those that are back are over."""
    open_ = msgspec.convert([_lost(row) for row in await fetch(_OPEN)], list[Lost])
    standing = {alarm.subject.removeprefix(_SUBJECT): alarm for alarm in await alarms_of(await fetch(_STANDING))}
    if len(open_) < carriers.least and not standing:
        return Raised(planned=Planned(attempts={}, notices=[]), redraws={}, touched=[])
    row = await fetch_one(_LINKS)
    now = clock.now()
    fresh = [each for each in open_ if each.recognised_at >= now - _FRESH * timedelta(seconds=carriers.window_s)]
    fallen = {line.name: line for line in lines(fresh, row["n"] if row else 0, carriers)}
    down = {name: _down(name, alarm, open_, carriers) for name, alarm in standing.items()}
    changes = [_fallen(line, now) for name, line in fallen.items() if name not in standing and not _is_ours(standing)]
    changes += [_back(alarm, now) for name, alarm in standing.items() if _is_over(alarm, down[name])]
    redraws: Redraws = {}
    touched: list[Alarm] = []
    for name, alarm in standing.items():
        if not _is_over(alarm, down[name]):
            await _count(alarm, fallen.get(name), down[name], redraws, touched)
    async with transaction():
        raised = await apply(changes)
    return Raised(planned=raised.planned, redraws={**redraws, **raised.redraws}, touched=[*touched, *raised.touched])


def _down(name: str, alarm: Alarm, open_: Sequence[Lost], carriers: Carriers) -> int:
    """How many of those that fell with the line are still lost."""
    since = alarm.raised_at - _FRESH * timedelta(seconds=carriers.window_s)
    fell = [each for each in open_ if each.recognised_at >= since]
    return len(fell) if name == OUR_LINE else sum(line_of(each.peer, carriers.networks) == name for each in fell)


def _is_over(alarm: Alarm, down: int) -> bool:
    return down <= _LEFT_BEHIND * int(dict(alarm.facts).get(DEVICES_FACT, "0"))


def _is_ours(standing: Mapping[str, Alarm]) -> bool:
    """While our own line is known to be down, no carrier's is told of beside it."""
    return OUR_LINE in standing


def _lost(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "unit": str(row["unit"])}


async def _count(alarm: Alarm, line: Line | None, down: int, redraws: Redraws, touched: list[Alarm]) -> None:
    """The card says how many there are by now; the most there were stays on it."""
    facts = dict(alarm.facts)
    if line is not None and len(line.lost) > int(facts.get(DEVICES_FACT, "0")):
        facts |= _facts(line)
    facts[STANDING_FACT] = str(down)
    async with transaction():
        row = await fetch_one(_PUT_FACTS, alarm.id, _encode(tuple(facts.items())).decode())
        if row is None:
            return
        (written,) = await alarms_of([row])
        revised = await revise(written.id, written.revision, lambda language: alarm_card(written, language))
    for lane, attempts in revised.items():
        redraws.setdefault(lane, []).extend(attempts)
    touched.append(written)


def _facts(line: Line) -> dict[str, str]:
    return {DEVICES_FACT: str(len(line.lost)), UNITS_FACT: str(line.units)}


def _fallen(line: Line, now: datetime) -> Change:
    facts = {**_facts(line), STANDING_FACT: str(len(line.lost))}
    standing = Standing(condition=CONDITIONS[MASS_OUTAGE], rule="L-3", facts=tuple(facts.items()))
    first = line.lost[0]
    return _change(line.name, first.device, first.ledger_id, now, standing=(standing,))


def _back(alarm: Alarm, now: datetime) -> Change:
    assert alarm.ledger_id is not None, "every alarm has its ledger row"
    name = alarm.subject.removeprefix(_SUBJECT)
    return _change(name, alarm.device, alarm.ledger_id, now, governed=frozenset({MASS_OUTAGE}))


def _change(
    name: str,
    device: DeviceId,
    ledger_id: LedgerId,
    now: datetime,
    *,
    standing: tuple[Standing, ...] = (),
    governed: frozenset[str] = frozenset(),
) -> Change:
    """The line's word. It belongs to no unit; the first device stands for all."""
    report = Report(address="", ledger_id=ledger_id, received_at=now, first_octet_at=now, is_heard=False)
    return Change(
        report=report,
        ledger_id=ledger_id,
        device=device,
        unit=None,
        subject=f"{_SUBJECT}{name}",
        place=Place(description=name),
        standing=standing,
        governed=governed,
        ended_by="link",
    )
