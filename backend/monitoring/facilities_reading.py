"""Rows of one device become what it says now. Pure: rows in, structs out.

The rule: a component is whoever is registered *or* reported; neither alone hides it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core.clock import in_zone
from backend.core.i18n import _
from backend.core.vocabulary import Severity
from backend.monitoring.facilities import (
    ComponentNow,
    DeviceNow,
    LinkNow,
    Point,
    SystemNow,
    ValueNow,
    WordNow,
    findings,
    findings_of_keys,
    says,
    tone,
    worst,
)
from backend.monitoring.link_words import DEVIATION_LABELS
from backend.monitoring.model import Level, Subject
from backend.monitoring.words import component_type_name, quantity_name, system_type_name
from backend.registry.addresses import component_number
from backend.registry.quantities import quantity

Row = dict[str, Any]
_NO_TROUBLE: Final = frozenset({"well", "silent", "stale"})


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of some devices."""

    systems: list[Row]
    components: list[Row]
    states: list[Row]
    analogs: list[Row]

    def by_device(self) -> Callable[[UUID], "Rows"]:
        """A way to one device's share."""
        shares = {name: _grouped(getattr(self, name), "device") for name in self.__struct_fields__}
        return lambda device: Rows(**{name: share.get(device, []) for name, share in shares.items()})


class _Speech(msgspec.Struct, frozen=True):
    """How to say things: a person's language, the unit's zone, the device's profile."""

    language: str
    timezone: str
    profile: str

    def at(self, moment: datetime | None) -> datetime | None:
        """On the unit's clock."""
        return in_zone(moment, self.timezone) if moment else None


class _Parts(msgspec.Struct):
    """All rows of one component."""

    registered: list[Row]
    states: list[Row]
    analogs: list[Row]


def _grouped(rows: Iterable[Row], *names: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        key = row[names[0]] if len(names) == 1 else tuple(row[name] for name in names)
        found.setdefault(key, []).append(row)
    return found


def device_now(row: Row, rows: Rows, language: str) -> DeviceNow:
    """A device's row with its own rows."""
    speech = _Speech(language, row["timezone"], row["profile"])
    systems = _systems(rows, speech)
    own = next((each for each in rows.states if each["level"] == Level.UITD), None)
    state = _word(own, Subject(level=Level.UITD), Point(profile=speech.profile), speech) if own else None
    link = _link(row, speech)
    components = [each for system in systems for each in system.components]
    tones = [tone(state, (), "well" if link else "silent"), *(each.tone for each in systems if each.tone != "silent")]
    return DeviceNow(
        id=row["id"],
        address=row["address"],
        kind=row["kind"],
        name=row["name"] or row["address"],
        profile=row["profile"],
        tone=worst([*tones, Severity.OFFLINE] if link and link.is_lost else tones),
        components=len(components),
        troubled=sum(each.tone not in _NO_TROUBLE for each in components),
        silent=sum(each.tone == "silent" for each in components),
        link=link,
        state=state,
        systems=systems,
    )


def _link(row: Row, speech: _Speech) -> LinkNow | None:
    if row["last_contact_at"] is None:
        return None
    odd = msgspec.json.decode(row["deviations"] or "{}", type=dict[str, str])
    return LinkNow(
        is_lost=row["is_lost"],
        lost_at=speech.at(row["lost_at"]),
        last_contact_at=in_zone(row["last_contact_at"], speech.timezone),
        clock_offset_s=row["clock_offset_s"],
        deviations={_(DEVIATION_LABELS.get(name, name), speech.language): at for name, at in sorted(odd.items())},
    )


def _systems(rows: Rows, speech: _Speech) -> tuple[SystemNow, ...]:
    """Registered, reporting, or only known by a component: each is shown."""
    keys = ("system_type", "system_address")
    named = {(row["system_type"], row["system_address"]): row["name"] for row in rows.systems}
    told = {(row["system_type"], row["system_address"]): row for row in rows.states if row["level"] == Level.SYSTEM}
    registered, analogs = _grouped(rows.components, *keys), _grouped(rows.analogs, *keys)
    states = _grouped((row for row in rows.states if row["level"] == Level.COMPONENT), *keys)
    found = sorted({*named, *told, *registered, *analogs, *states})
    return tuple(
        _system(
            key,
            named.get(key, ""),
            told.get(key),
            _components(registered.get(key, ()), states.get(key, ()), analogs.get(key, ()), speech),
            speech,
        )
        for key in found
    )


def _system(
    key: tuple[int, int], name: str, row: Row | None, components: tuple[ComponentNow, ...], speech: _Speech
) -> SystemNow:
    subject = Subject(level=Level.SYSTEM, system_type=key[0], system_address=key[1])
    state = _word(row, subject, Point(profile=speech.profile), speech) if row else None
    heard = [each.tone for each in components if each.tone != "silent"]
    return SystemNow(
        system_type=key[0],
        system_address=key[1],
        type_name=system_type_name(key[0], speech.language, speech.profile),
        name=name or (row["description"] if row else ""),
        tone=worst([tone(state, (), *heard), *heard]),
        state=state,
        components=components,
    )


def _components(
    registered: Sequence[Row], states: Sequence[Row], analogs: Sequence[Row], speech: _Speech
) -> tuple[ComponentNow, ...]:
    parts: dict[str, _Parts] = {}
    for name, rows in (("registered", registered), ("states", states), ("analogs", analogs)):
        for row in rows:
            getattr(parts.setdefault(row["component_address"], _Parts([], [], [])), name).append(row)
    ordered = sorted(parts.items(), key=lambda part: component_number(part[0]))
    return tuple(_component(address, rows, speech) for address, rows in ordered)


def _component(address: str, parts: _Parts, speech: _Speech) -> ComponentNow:
    first = parts.registered[0] if parts.registered else None
    reported = next((row["component_type"] for row in (*parts.states, *parts.analogs) if row["component_type"]), None)
    kind = reported or (first["component_type"] if first else None)
    point = Point(
        role=first["role"] if first else "",
        closed_means=(first["closed_means"] or "") if first else "",
        component_type=kind,
        profile=speech.profile,
    )
    row = parts.states[0] if parts.states else None
    subject = _subject(row, kind) if row else None
    state = _word(row, subject, point, speech) if row and subject else None
    values = _values(parts, speech)
    return ComponentNow(
        address=address,
        number=component_number(address),
        component_type=kind,
        type_name=component_type_name(kind, speech.language, speech.profile),
        zone=_zone(first) if first else "",
        description=(first["description"] if first else "") or (row["description"] if row else ""),
        is_registered=first is not None,
        tone=tone(state, values),
        state=state,
        values=values,
        role=point.role,
    )


def _subject(row: Row, kind: int | None) -> Subject:
    return Subject(
        level=Level.COMPONENT,
        system_type=row["system_type"],
        system_address=row["system_address"],
        component_type=kind,
        component_address=row["component_address"],
    )


def _zone(row: Row) -> str:
    building = row["zone_building"] if row["zone"] and row["is_elsewhere"] else ""
    zone, floor = row["zone_name"] or "", row["floor"] or ""
    return " ".join(part for part in (building, floor, zone if zone != floor else "") if part)


def _word(row: Row, subject: Subject, point: Point, speech: _Speech) -> WordNow:
    state = row["state"] % (1 << 64)
    return WordNow(
        word=f"{state:04x}",
        says=says(subject, state, point, speech.language),
        findings=findings(subject, state, point, speech.language),
        device_time=speech.at(row["device_time"]),
        received_at=in_zone(row["received_at"], speech.timezone),
    )


def _values(parts: _Parts, speech: _Speech) -> tuple[ValueNow, ...]:
    points = {row["quantity"]: row for row in parts.registered if row["quantity"] is not None}
    told = {row["quantity"]: row for row in parts.analogs}
    return tuple(_value(each, points.get(each), told.get(each), speech) for each in sorted({*points, *told}))


def _value(number: int, point: Row | None, row: Row | None, speech: _Speech) -> ValueNow:
    """A quantity by its point's scale, else by the table's resolution; one nobody knows keeps its raw reading."""
    scale = point["scale"] if point else None
    value: Decimal | None = None
    if row:
        value = row["reading"] * scale if scale is not None else row["value"]
    return ValueNow(
        quantity=number,
        name=quantity_name(number, speech.language, speech.profile),
        reading=row["reading"] if row else None,
        value=value.normalize() + 0 if value is not None else None,
        measure=_((row["measure"] if row else "") or quantity(number).measure, speech.language),
        low=point["low"] if point else None,
        high=point["high"] if point else None,
        findings=findings_of_keys(filter(None, row["standing"].split(",")), speech.language) if row else (),
        is_stale=bool(row and row["is_stale"]),
        device_time=speech.at(row["device_time"]) if row else None,
        received_at=speech.at(row["received_at"]) if row else None,
    )
