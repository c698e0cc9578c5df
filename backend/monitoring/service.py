"""What each facility says now. Part of the intake's transaction: one batch of reports in, states and changes out.

The rule: everything a batch touches is read once, decided in memory in the order of receipt, and written once.
What a statement means is `reading`'s and `rules`' affair; here is what was known before, and what is known now.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core.db.engine import Write, execute, fetch, write_together
from backend.core.ids import DeviceId, new_id
from backend.core.vocabulary import AlarmClass
from backend.monitoring import rules
from backend.monitoring.changes import Change
from backend.monitoring.history import put_history
from backend.monitoring.model import AnalogSaid, Level, LinkSaid, Report, Statement, StateSaid, Subject, TextSaid
from backend.monitoring.outages import note_outages
from backend.monitoring.placing import placed_now
from backend.monitoring.reading import Context, Known, LastAnalog, LastState, read
from backend.registry.directory import Directory
from backend.registry.model import DeviceFacts
from backend.registry.service import note_unidentified

_encode = msgspec.json.Encoder(enc_hook=str).encode
#: what a statement without a subject is about
_ITSELF: Final = Subject(level=Level.UITD)

_STATES: Final = "select subject, state, device_time from facility_states where subject = any($1)"
_ANALOGS: Final = "select subject, quantity, standing, device_time from analog_states where subject = any($1)"
#: states and links move with every frame: their rows travel as one JSON text, far cheaper than arrays to encode
_PUT_STATES: Final = """
    insert into facility_states as s (id, subject, device, level, system_type, system_address, component_type,
        component_address, state, description, device_time, received_at, ledger_id)
    select id, subject, device, level, system_type, system_address, component_type, component_address, state,
        description, device_time, received_at, ledger_id
    from json_populate_recordset(null::facility_states, $1::json)
    on conflict (subject) do update set state = excluded.state, device_time = excluded.device_time,
        component_type = coalesce(excluded.component_type, s.component_type),
        description = case when excluded.description = '' then s.description else excluded.description end,
        received_at = excluded.received_at, ledger_id = excluded.ledger_id"""
_PUT_ANALOGS: Final = """
    insert into analog_states (id, subject, device, system_type, system_address, component_type, component_address,
        quantity, reading, value, measure, standing, is_stale, device_time, received_at, ledger_id)
    select i, s, d, st, sa, ct, ca, q, r, v, m, sd, false, dt, ra, l from unnest($1::uuid[], $2::text[], $3::uuid[],
        $4::int[], $5::int[], $6::int[], $7::text[], $8::int[], $9::int[], $10::numeric[], $11::text[], $12::text[],
        $13::timestamptz[], $14::timestamptz[], $15::uuid[]) as x(i, s, d, st, sa, ct, ca, q, r, v, m, sd, dt, ra, l)
    on conflict (subject, quantity) do update set reading = excluded.reading, value = excluded.value,
        measure = excluded.measure, standing = excluded.standing, is_stale = false, device_time = excluded.device_time,
        received_at = excluded.received_at, ledger_id = excluded.ledger_id"""
_PUT_EVENTS: Final = """
    insert into facility_events (id, device, subject, rule, alarm_class, text, facts, device_time, received_at,
        ledger_id)
    select i, d, s, r, k, t, f::jsonb, dt, ra, l from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[],
        $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[], $10::uuid[])
        as x(i, d, s, r, k, t, f, dt, ra, l)"""
_PUT_LINKS: Final = """
    insert into device_links as k (id, device, is_lost, peer, transport, last_contact_at, lost_at, clock_offset_s,
        deviations)
    select id, device, is_lost, peer, transport, last_contact_at, lost_at, clock_offset_s, deviations
    from json_populate_recordset(null::device_links, $1::json)
    on conflict (device) do update set
        is_lost = excluded.is_lost,
        lost_at = case when excluded.is_lost and k.is_lost then k.lost_at else excluded.lost_at end,
        peer = case when excluded.peer = '' then k.peer else excluded.peer end,
        transport = case when excluded.peer = '' then k.transport else excluded.transport end,
        last_contact_at = case when excluded.is_lost then k.last_contact_at else excluded.last_contact_at end,
        clock_offset_s = coalesce(excluded.clock_offset_s, k.clock_offset_s),
        deviations = k.deviations || excluded.deviations"""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch came to: changes in the order of receipt."""

    changes: list[Change]


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of a fresh report, with its device."""

    report: Report
    device: DeviceFacts
    said: Statement
    is_again: bool


async def observe(reports: Sequence[Report], fresh: Mapping[int, bool], directory: Directory) -> Observed:
    """Bring states, values and links up to date, inside the caller's transaction; repeats only prove life.

    `fresh`: the positions of those that are no repeats; True for one said again after a reset (`Context.is_again`).
    """
    devices = await _devices(reports, directory)
    links = _links(reports, devices)
    if any(isinstance(said, LinkSaid) for report in reports for said in report.statements):
        await write_together(links)
        links = []
        await note_outages(reports, devices)
    told = [
        _Told(report=report, device=devices[report.address], said=said, is_again=fresh[position])
        for position, report in enumerate(reports)
        if position in fresh
        for said in report.statements
    ]
    if not told:
        await write_together(links)
        return Observed(changes=[])
    known = await _known(told)
    changes = [
        read(
            each.said,
            Context(report=each.report, device=each.device, directory=directory, known=known, is_again=each.is_again),
        )
        for each in told
    ]
    changes = await placed_now(changes, [getattr(each.said, "subject", _ITSELF) for each in told], directory)
    await write_together([*links, *_states(told, changes, known), *_analogs(told, changes, known)])
    await put_history(_measured(told, changes), directory)
    await _end_states(changes)
    await _put_events(told, changes)
    return Observed(changes=changes)


async def _devices(reports: Sequence[Report], directory: Directory) -> dict[str, DeviceFacts]:
    """Each report's device; one nobody registered is made, without a unit, and waits to be adopted.

    One that was adopted a moment ago is no stranger any more, though the directory still thinks so.
    """
    found: dict[str, DeviceFacts] = {}
    for report in reports:
        if report.address not in found:
            device = directory.device(report.address)
            if device is None or device.unit is None:
                device = await note_unidentified(report.address, report.received_at)
            found[report.address] = device
    return found


def _subjects(told: Sequence[_Told]) -> list[str]:
    """Keys of what is read, of components whose analog is told too (a fault bit tells on the value)."""
    keys = {each.said.subject.key(each.device.id) for each in told if isinstance(each.said, StateSaid | AnalogSaid)}
    return sorted(keys)


async def _known(told: Sequence[_Told]) -> Known:
    subjects = _subjects(told)
    if not subjects:
        return Known(states={}, analogs={})
    states = {
        row["subject"]: LastState(state=row["state"], device_time=row["device_time"])
        for row in await fetch(_STATES, subjects)
    }
    analogs = {}
    if any(isinstance(each.said, AnalogSaid) for each in told):
        analogs = {
            (row["subject"], row["quantity"]): LastAnalog(
                standing=frozenset(filter(None, row["standing"].split(","))), device_time=row["device_time"]
            )
            for row in await fetch(_ANALOGS, subjects)
        }
    return Known(states=states, analogs=analogs)


def _states(told: Sequence[_Told], changes: Sequence[Change], known: Known) -> list[Write]:
    rows: dict[str, _StateRow] = {}
    for each, change in zip(told, changes, strict=True):
        if isinstance(each.said, StateSaid) and not change.is_history:
            rows[change.subject] = _state_row(each.said, each.said.subject, change, known)
    return _as_json(_PUT_STATES, [rows[key] for key in sorted(rows)])


class _StateRow(msgspec.Struct, frozen=True, gc=False):
    """A row of `facility_states`, by its columns' names."""

    id: UUID
    subject: str
    device: UUID
    level: str
    system_type: int | None
    system_address: int | None
    component_type: int | None
    component_address: str | None
    state: int
    description: str
    device_time: datetime | None
    received_at: datetime
    ledger_id: UUID


def _state_row(said: StateSaid, subject: Subject, change: Change, known: Known) -> _StateRow:
    return _StateRow(
        new_id(),
        change.subject,
        change.device,
        subject.level,
        subject.system_type,
        subject.system_address,
        subject.component_type,
        subject.component_address,
        _signed(known.states[change.subject].state),
        said.description,
        said.device_time,
        change.report.received_at,
        change.ledger_id,
    )


def _signed(word: int) -> int:
    """A vendor's eight-octet word in PostgreSQL's signed bigint."""
    return word - (1 << 64) if word >= 1 << 63 else word


def _analogs(told: Sequence[_Told], changes: Sequence[Change], known: Known) -> list[Write]:
    rows: dict[tuple[str, int], tuple[object, ...]] = {}
    for each, change in zip(told, changes, strict=True):
        if isinstance(each.said, AnalogSaid) and not change.is_history:
            key = (each.said.subject.key(each.device.id), each.said.quantity)
            rows[key] = _analog_row(key[0], each.said, change, known.analogs[key])
    return _as_columns(_PUT_ANALOGS, [rows[key] for key in sorted(rows)])


def _measured(told: Sequence[_Told], changes: Sequence[Change]) -> Iterator[tuple[AnalogSaid, Change]]:
    for each, change in zip(told, changes, strict=True):
        if isinstance(each.said, AnalogSaid) and not change.is_history:
            yield each.said, change


def _analog_row(subject: str, said: AnalogSaid, change: Change, last: LastAnalog) -> tuple[object, ...]:
    return (
        new_id(),
        subject,
        change.device,
        said.subject.system_type,
        said.subject.system_address,
        said.subject.component_type or 0,
        said.subject.component_address or "",
        said.quantity,
        said.reading,
        said.value,
        said.measure,
        ",".join(sorted(last.standing)),
        said.device_time,
        change.report.received_at,
        change.ledger_id,
    )


async def _end_states(changes: Sequence[Change]) -> None:
    """A reset leaves no signal standing in its scope that a reset can end, whatever was last said before it."""
    for change in changes:
        if change.reset is None:
            continue
        rows = await fetch(
            """select subject, level, system_type, system_address, component_type, component_address, state,
                   device_time
               from facility_states where device = $1 and ($2::int is null or system_address = $2)
               and subject <> $3 and received_at <= $4 and state <> 0""",
            change.device,
            change.reset.system_address,
            change.subject,
            change.report.received_at,
        )
        ended = [row["subject"] for row in rows if _ends_wholly(row) and not change.is_older_than(row["device_time"])]
        if ended:
            await execute("update facility_states set state = 0 where subject = any($1)", ended)


def _ends_wholly(row: dict[str, Any]) -> bool:
    """Whether nothing in the word outlives a reset (items b to f and manual positions do)."""
    subject = Subject(
        level=Level(row["level"]),
        system_type=row["system_type"],
        system_address=row["system_address"],
        component_type=row["component_type"],
        component_address=row["component_address"],
    )
    standing = rules.standing_of_state(StateSaid(subject=subject, state=max(row["state"], 0)))
    return all(each.condition.ends_on_reset for each in standing)


async def _put_events(told: Sequence[_Told], changes: Sequence[Change]) -> None:
    """What makes no alarm still stands in a list: class I findings, resets, versions, configurations, clocks."""
    rows: list[tuple[object, ...]] = []
    for each, change in zip(told, changes, strict=True):
        rows += [
            _event(change, standing.rule, standing.condition.title, dict(standing.facts))
            for standing in change.standing
            if standing.condition.alarm_class is AlarmClass.I
        ]
        if isinstance(each.said, TextSaid):
            rows.append(_event(change, "T", each.said.text, {"kind": each.said.kind}))
    await write_together(_as_columns(_PUT_EVENTS, rows))


def _event(change: Change, rule: str, text: str, facts: dict[str, str]) -> tuple[object, ...]:
    return (
        new_id(),
        change.device,
        change.subject,
        rule,
        str(AlarmClass.I),
        text,
        _encode(facts).decode(),
        change.device_time,
        change.report.received_at,
        change.ledger_id,
    )


class _LinkRow(msgspec.Struct, frozen=True, gc=False):
    """A row of `device_links`, by its columns' names: what a batch tells of one device's link."""

    id: UUID
    device: UUID
    is_lost: bool
    peer: str
    transport: str
    last_contact_at: datetime
    lost_at: datetime | None
    clock_offset_s: int | None
    deviations: dict[str, str]


def _links(reports: Sequence[Report], devices: dict[str, DeviceFacts]) -> list[Write]:
    """The last report of each device tells; deviations gather from all."""
    last: dict[DeviceId, Report] = {}
    deviations: dict[DeviceId, dict[str, str]] = {}
    for report in reports:
        device = devices[report.address].id
        last[device] = report
        for each in report.deviations:
            deviations.setdefault(device, {})[each] = report.received_at.isoformat(timespec="seconds")
    rows = [_link_row(device, last[device], deviations.get(device, {})) for device in sorted(last)]
    return _as_json(_PUT_LINKS, rows)


def _link_row(device: DeviceId, report: Report, deviations: dict[str, str]) -> _LinkRow:
    lost = next((said for said in report.statements if isinstance(said, LinkSaid) and said.is_lost), None)
    off = int((report.sent_at - report.received_at).total_seconds()) if report.sent_at else None
    return _LinkRow(
        id=new_id(),
        device=device,
        is_lost=lost is not None,
        peer=report.peer,
        transport=report.transport,
        last_contact_at=report.received_at,
        lost_at=(lost.silent_since or report.received_at) if lost else None,
        clock_offset_s=None if off is None else max(-(2**31), min(off, 2**31 - 1)),  # centuries off, it still fits
        deviations=deviations,
    )


def _as_columns(sql: str, rows: Sequence[tuple[Any, ...]]) -> list[Write]:
    return [(sql, [*map(list, zip(*rows, strict=True))])] if rows else []


def _as_json(sql: str, rows: Sequence[msgspec.Struct]) -> list[Write]:
    return [(sql, [_encode(rows).decode()])] if rows else []
