"""An import's tables in the database: read what is there, write what differs, in bulk.

Plain SQL with arrays (`unnest`), because 50 000 components must take seconds: a row a statement, or Piccolo's
one parameter a value, would not.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

import msgspec

from backend.core.db.engine import execute, fetch
from backend.registry.linking import Present, Stored, Wanted, Wants, differences

Row = TypeVar("Row")


class Target(msgspec.Struct, frozen=True):
    """A table of an import: the columns that name a row, those an import may change, those of new rows only."""

    table: str
    sheet: str  #: under whose name its rows are reported; empty: not reported
    key: tuple[str, ...]
    values: tuple[str, ...]
    fixed: tuple[str, ...] = ()


#: in the order of their references
TARGETS: Final = (
    Target("units", "units", ("code",), ("name", "address", "timezone"), ("created_at",)),
    Target("buildings", "buildings", ("unit", "code"), ("name", "address")),
    Target("zones", "zones", ("building", "code"), ("name", "floor")),
    Target(
        "devices",
        "devices",
        ("address",),
        ("unit", "building", "kind", "power", "profile", "name", "adopted_at"),
        ("downlink_serial",),
    ),
    Target("facility_systems", "", ("device", "system_type", "system_address"), (), ("name",)),
    Target(
        "components",
        "components",
        ("device", "system_type", "system_address", "component_address", "quantity"),
        (
            "component_type", "zone", "description", "role", "low", "high", "scale", "hysteresis", "interval_s",
            "closed_means",
        ),
    ),
    Target("people", "people", ("code",), ("name", "phone", "language"), ("is_active", "created_at")),
    Target("grants", "roles", ("person", "role", "unit"), (), ("granted_at",)),
    Target("contact_points", "contacts", ("person", "channel", "address"), ("priority",), ("created_at",)),
    Target(
        "service_agreements", "agreements", ("unit", "number"), ("repair_hours",), ("scope", "starts_on", "is_active")
    ),
)  # fmt: skip

#: PostgreSQL's type of a column; text where none is named
_TYPES: Final = {
    **dict.fromkeys(("id", "unit", "building", "device", "zone", "person"), "uuid"),
    **dict.fromkeys(
        ("system_type", "system_address", "component_type", "quantity", "interval_s", "priority", "repair_hours",
         "downlink_serial"), "int",
    ),
    **dict.fromkeys(("low", "high", "scale", "hysteresis"), "numeric"),
    **dict.fromkeys(("created_at", "granted_at", "adopted_at", "starts_on"), "timestamptz"),
    "is_active": "bool",
}  # fmt: skip

#: tables that are read for the sheet's devices only; the others are small enough to be read whole
_BY_DEVICE: Final = frozenset({"components", "facility_systems"})
_PORTION: Final = 5000


class Counts(msgspec.Struct):
    """How many rows of a sheet were new, changed, or there already as they are wanted."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0


async def read_present(addresses: Sequence[str]) -> Present:
    """What the database holds of an import's tables; components only of the devices of `addresses`."""
    return {target.table: await _read(target, addresses) for target in TARGETS}


async def write(wants: Wants) -> dict[str, Counts]:
    """Insert what is new and update what differs; answers the counts by sheet."""
    counts = dict[str, Counts]()
    for target in TARGETS:
        wanted = wants[target.table]
        new = [(key, row) for key, row in wanted.items() if row.stored is None]
        stored = [row for row in wanted.values() if row.stored is not None]
        changed = [row for row in stored if any(differences(row))]
        await _insert(target, new)
        await _update(target, changed)
        if target.sheet and wanted:
            counts[target.sheet] = Counts(len(new), len(changed), len(stored) - len(changed))
    return counts


async def _read(target: Target, addresses: Sequence[str]) -> dict[tuple[Any, ...], Stored]:
    columns = ", ".join(f"t.{name}" for name in ("id", *target.key, *target.values))
    sql, values = f"select {columns} from {target.table} t", list[Any]()
    if target.table in _BY_DEVICE:
        sql += " join devices d on d.id = t.device where d.address = any($1)"
        values = [list(addresses)]
    rows = await fetch(sql, *values)
    return {
        tuple(row[name] for name in target.key): Stored(row["id"], {name: row[name] for name in target.values})
        for row in rows
    }


async def _insert(target: Target, new: Sequence[tuple[tuple[Any, ...], Wanted]]) -> None:
    columns = ("id", *target.key, *target.values, *target.fixed)
    sql = f"insert into {target.table} ({', '.join(columns)}) select * from {_unnest(columns)}"
    for portion in _portions(new):
        rows = (
            (row.id, *key, *_picked(row.values, target.values), *_picked(row.fixed, target.fixed))
            for key, row in portion
        )
        await execute(sql, *map(list, zip(*rows, strict=True)))


async def _update(target: Target, changed: Sequence[Wanted]) -> None:
    columns = ("id", *target.values)
    sets = ", ".join(f"{name} = n.{name}" for name in target.values)
    names = ", ".join(columns)
    sql = f"update {target.table} t set {sets} from {_unnest(columns)} as n({names}) where t.id = n.id"
    for portion in _portions(changed):
        rows = ((row.id, *_picked(_merged(row), target.values)) for row in portion)
        await execute(sql, *map(list, zip(*rows, strict=True)))


def _portions(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), _PORTION):
        yield rows[start : start + _PORTION]


def _merged(row: Wanted) -> dict[str, Any]:
    """The row as it shall be: what differs as wanted, the rest as it is."""
    assert row.stored is not None
    return row.stored.values | {name: row.values[name] for name in differences(row)}


def _picked(values: dict[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(values[name] for name in names)


def _unnest(columns: Sequence[str]) -> str:
    arrays = (f"${place}::{_TYPES.get(name, 'text')}[]" for place, name in enumerate(columns, start=1))
    return f"unnest({', '.join(arrays)})"
