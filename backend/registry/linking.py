"""From checked rows to rows of tables: references found, ids given, duplicates named. Pure.

A reference may be to a row of the same import or to one that is registered already. Where a code alone is not
unique (a building's is so only in its unit), it may be written with what it belongs to: unit/building,
building/zone.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core.i18n import _
from backend.core.ids import new_id
from backend.registry.parsing import ParsedRow, ParsedSheet
from backend.registry.sheets import SHEETS, Problem, Values, derived

Key = tuple[Any, ...]


class Stored(msgspec.Struct):
    """A row that is in the database."""

    id: UUID
    values: Values


class Wanted(msgspec.Struct):
    """A row that shall be in a table: `values` are compared, `fixed` are only written with a new row."""

    id: UUID
    values: Values
    fixed: Values
    stored: Stored | None
    columns: frozenset[str] | None = None  #: the values to compare; None: all


Present = dict[str, dict[Key, Stored]]
Wants = dict[str, dict[Key, Wanted]]

_SEPARATOR: Final = "/"
_DERIVED: Final = frozenset({"role", "closed_means", "hysteresis"})
#: the columns of a component that a sheet may lack
_OPTIONAL_OF_COMPONENT: Final = (*_DERIVED, "zone", "description", "low", "high", "scale", "interval_s")


class _Unknown(Exception):  # noqa: N818 - inside this module only
    """A reference leads nowhere, or to more than one."""


class Linker:
    """One import's rows on their way into tables. `present` is what the database holds."""

    def __init__(self, present: Present, now: datetime) -> None:
        self.problems = list[Problem]()
        self.wants: Wants = {table: {} for table in present}
        self._present = present
        self._now = now
        self._ids = {table: {key: row.id for key, row in rows.items()} for table, rows in present.items()}
        self._device_places: dict[UUID, tuple[UUID | None, UUID | None]] = {
            row.id: (row.values["unit"], row.values["building"]) for row in present["devices"].values()
        }
        self._unit_of_building: dict[UUID, UUID] = {row: key[0] for key, row in self._ids["buildings"].items()}
        self._buildings_by_code = _by_code(self._ids["buildings"])
        self._zones_by_code = _by_code(self._ids["zones"])
        self._component_types = dict[Key, int]()

    def link(self, sheets: dict[str, ParsedSheet]) -> None:
        """Bring all rows into `wants`, and what is wrong into `problems`; sheets in the order of their table."""
        for name in SHEETS:
            if name in sheets:
                self._link_sheet(sheets[name])

    def _link_sheet(self, sheet: ParsedSheet) -> None:
        link, columns = _LINKS[sheet.name], _reference_columns(sheet.name)
        seen = dict[Key, int]()
        for row in sheet.rows:
            if not row.is_whole:
                self._take_names(sheet.name, row)
                continue
            column = ""
            try:
                for column, resolve in columns:
                    row.values[column] = resolve(self, row.values)
            except _Unknown as unknown:
                self._problem(sheet, row, column, str(unknown))
                self._take_names(sheet.name, row)
                continue
            key = link(self, row, sheet.columns)
            if key in seen:
                self._problem(sheet, row, None, _("与第 {row} 行重复", row=seen[key]))
            seen.setdefault(key, row.number)

    def _problem(self, sheet: ParsedSheet, row: ParsedRow, column: str | None, reason: str) -> None:
        self.problems.append(Problem(sheet=sheet.name, row=row.number, column=column, reason=reason))

    def _take_names(self, sheet: str, row: ParsedRow) -> None:
        """A bad row is still known by its name, so that rows which refer to it are not called bad too."""
        values = row.values
        if sheet == "units" and "code" in values:
            self._ids["units"].setdefault((values["code"],), new_id())
        elif sheet == "people" and "code" in values:
            self._ids["people"].setdefault((values["code"],), new_id())
        elif sheet == "devices" and "address" in values:
            device = self._ids["devices"].setdefault((values["address"],), new_id())
            self._device_places.setdefault(device, (None, None))
        elif sheet in {"buildings", "zones"} and "code" in values:
            found = self._buildings_by_code if sheet == "buildings" else self._zones_by_code
            found.setdefault(values["code"], {})[None] = new_id()

    def want(self, table: str, key: Key, values: Values, fixed: Values, columns: frozenset[str] | None = None) -> UUID:
        """Note a row that shall be there; answers its id, which a new row is given now."""
        row_id = self._ids[table].setdefault(key, new_id())
        stored = self._present[table].get(key)
        self.wants[table][key] = Wanted(row_id, values, fixed, stored, columns)
        return row_id

    def unit(self, code: str) -> UUID:
        """The unit of a code."""
        return self._found("units", (code,), _("没有此联网单位"))

    def person(self, code: str) -> UUID:
        """The person of a code."""
        return self._found("people", (code,), _("没有此人员"))

    def device(self, address: str) -> UUID:
        """The device of an address."""
        return self._found("devices", (address,), _("没有此设备(地址 {address})", address=address))

    def building(self, text: str, unit: UUID | None = None) -> UUID:
        """The building of a code, in `unit` when it is given; `text` may be unit/building."""
        found = self._buildings_by_code.get(text, {})
        if not found and _SEPARATOR in text:
            unit_code, text = text.split(_SEPARATOR, maxsplit=1)
            unit, found = self.unit(unit_code), self._buildings_by_code.get(text, {})
        if unit is not None:
            found = {owner: row for owner, row in found.items() if owner in {unit, None}}
        return _only(found, _("没有此建筑"), _("多个联网单位都有此建筑编号,请写成 单位编号/建筑编号"))

    def zone(self, text: str, device: UUID) -> UUID:
        """The zone of a code: of the device's building first, then of its unit; `text` may be building/zone."""
        unit, building = self._device_places[device]
        found = self._zones_by_code.get(text, {})
        if not found and _SEPARATOR in text:
            building_text, text = text.rsplit(_SEPARATOR, maxsplit=1)
            building = self.building(building_text, unit)
            found = self._zones_by_code.get(text, {})
        if building in found:
            return found[building]
        in_unit = {owner: row for owner, row in found.items() if owner is None or self._is_of(owner, unit)}
        return _only(in_unit, _("没有此区域"), _("多栋建筑都有此区域编号,请写成 建筑编号/区域编号"))

    def _is_of(self, building: UUID, unit: UUID | None) -> bool:
        return self._unit_of_building.get(building) == unit

    def _found(self, table: str, key: Key, missing: str) -> UUID:
        row = self._ids[table].get(key)
        if row is None:
            raise _Unknown(missing)
        return row

    def link_unit(self, row: ParsedRow, columns: frozenset[str]) -> Key:
        """A unit, and its service agreement when the sheet names one."""
        v = row.values
        values = {name: v[name] for name in ("name", "address", "timezone")}
        present = columns & values.keys()
        unit = self.want("units", (v["code"],), values, {"created_at": self._now}, present)
        if v["agreement"] is not None:
            fixed = {"scope": _("按点表监测"), "starts_on": self._now, "is_active": True}
            key = (unit, v["agreement"])
            self.want("service_agreements", key, {"repair_hours": v["repair_hours"]}, fixed)
        return (v["code"],)

    def link_building(self, row: ParsedRow, columns: frozenset[str]) -> Key:
        """A building of a unit."""
        v = row.values
        key, values = (v["unit"], v["code"]), {"name": v["name"], "address": v["address"]}
        building = self.want("buildings", key, values, {}, columns & values.keys())
        self._buildings_by_code.setdefault(v["code"], {})[v["unit"]] = building
        self._unit_of_building[building] = v["unit"]
        return key

    def link_zone(self, row: ParsedRow, columns: frozenset[str]) -> Key:
        """A zone of a building."""
        v = row.values
        key, values = (v["building"], v["code"]), {"name": v["name"], "floor": v["floor"]}
        zone = self.want("zones", key, values, {}, columns & values.keys())
        self._zones_by_code.setdefault(v["code"], {})[v["building"]] = zone
        return key

    def link_device(self, row: ParsedRow, columns: frozenset[str]) -> Key:
        """A device; one that called in before it was registered is adopted by the import."""
        v, key = row.values, (row.values["address"],)
        stored = self._present["devices"].get(key)
        adopted_at = stored.values["adopted_at"] if stored and stored.values["adopted_at"] else self._now
        values = {name: v[name] for name in ("unit", "building", "kind", "power", "profile", "name")}
        values["adopted_at"] = adopted_at
        device = self.want("devices", key, values, {"downlink_serial": 0}, columns | {"adopted_at"})
        place = (v["unit"], v["building"])
        if "building" not in columns and stored and stored.values["unit"] == v["unit"]:
            place = (v["unit"], stored.values["building"])
        self._device_places[device] = place
        return key

    def link_component(self, row: ParsedRow, columns: frozenset[str]) -> Key:
        """A component, or one analog of it, and the facility system it is of."""
        v = row.values
        system = (v["device"], v["system_type"], v["system_address"])
        if system not in self.wants["facility_systems"]:
            self.want("facility_systems", system, {}, {"name": ""})
        component = (*system, v["component_address"])
        if self._component_types.setdefault(component, v["component_type"]) != v["component_type"]:
            reason = _("同一部件的部件类型前后不一致")
            self.problems.append(Problem(sheet="components", row=row.number, column="component_type", reason=reason))
        key = (*component, v["quantity"])
        values = {name: v[name] for name in ("component_type", *_OPTIONAL_OF_COMPONENT)}
        stored = self._present["components"].get(key)
        compared = columns | _still_derived(key, stored) if stored else None
        self.want("components", key, values, {}, compared)
        return key

    def link_person(self, row: ParsedRow, columns: frozenset[str]) -> Key:
        """A person."""
        v = row.values
        values = {name: v[name] for name in ("name", "phone", "language")}
        fixed = {"is_active": True, "created_at": self._now}
        self.want("people", (v["code"],), values, fixed, columns & values.keys())
        return (v["code"],)

    def link_role(self, row: ParsedRow, _columns: frozenset[str]) -> Key:
        """A role a person holds."""
        v = row.values
        key = (v["person"], v["role"], v["unit"])
        self.want("grants", key, {}, {"granted_at": self._now})
        return key

    def link_contact(self, row: ParsedRow, columns: frozenset[str]) -> Key:
        """A way to a person."""
        v = row.values
        key, values = (v["person"], v["channel"], v["address"]), {"priority": v["priority"]}
        self.want("contact_points", key, values, {"created_at": self._now}, columns & values.keys())
        return key


def _still_derived(key: Key, stored: Stored) -> frozenset[str]:
    """What the tables derived for a registered component and nobody changed since: derived anew by an import."""
    given = stored.values | {"quantity": key[-1]}
    asked = dict.fromkeys(_DERIVED)
    again = derived({**given, **asked})
    return frozenset(name for name in _DERIVED if stored.values[name] == again[name])


def _by_code(ids: dict[Key, UUID]) -> dict[str, dict[UUID | None, UUID]]:
    """Code → owner → id, of rows whose key is (owner, code)."""
    found = dict[str, dict[UUID | None, UUID]]()
    for (owner, code), row in ids.items():
        found.setdefault(code, {})[owner] = row
    return found


def _only(found: dict[UUID | None, UUID], missing: str, several: str) -> UUID:
    if not found:
        raise _Unknown(missing)
    if len(found) > 1:
        raise _Unknown(several)
    return next(iter(found.values()))


Resolve = Callable[[Linker, Values], UUID | None]

#: which cells refer to other rows, in the order they are found
_REFERENCES: Final[dict[str, tuple[tuple[str, Resolve], ...]]] = {
    "buildings": (("unit", lambda known, v: known.unit(v["unit"])),),
    "zones": (("building", lambda known, v: known.building(v["building"])),),
    "devices": (
        ("unit", lambda known, v: known.unit(v["unit"])),
        ("building", lambda known, v: known.building(v["building"], v["unit"]) if v["building"] else None),
    ),
    "components": (
        ("device", lambda known, v: known.device(v["device"])),
        ("zone", lambda known, v: known.zone(v["zone"], v["device"]) if v["zone"] else None),
    ),
    "roles": (
        ("person", lambda known, v: known.person(v["person"])),
        ("unit", lambda known, v: known.unit(v["unit"]) if v["unit"] else None),
    ),
    "contacts": (("person", lambda known, v: known.person(v["person"])),),
}

_LINKS: Final[dict[str, Callable[[Linker, ParsedRow, frozenset[str]], Key]]] = {
    "units": Linker.link_unit,
    "buildings": Linker.link_building,
    "zones": Linker.link_zone,
    "devices": Linker.link_device,
    "components": Linker.link_component,
    "people": Linker.link_person,
    "roles": Linker.link_role,
    "contacts": Linker.link_contact,
}


def _reference_columns(sheet: str) -> tuple[tuple[str, Resolve], ...]:
    return _REFERENCES.get(sheet, ())


def differences(wanted: Wanted) -> Iterator[str]:
    """The names of the values that are not in the database as they are wanted."""
    assert wanted.stored is not None
    for name, value in wanted.values.items():
        is_compared = wanted.columns is None or name in wanted.columns
        if is_compared and wanted.stored.values[name] != value:
            yield name
