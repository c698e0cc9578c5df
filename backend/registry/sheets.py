"""The sheets of an import: their columns, what each cell must look like, and what a row must be as a whole.

A data table of issue part 5's columns; optional ones say what an empty cell means. Pure.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from backend.core.errors import BadInput
from backend.core.i18n import DEFAULT_LANGUAGE, _
from backend.core.vocabulary import Channel, DeviceKind, Power, Role
from backend.people import rules as people_rules
from backend.registry import checks
from backend.registry.addresses import component_address, device_address
from backend.registry.component_roles import default_closed_means, default_hysteresis, default_role
from backend.registry.model import DEFAULT_PROFILE, DEFAULT_TIMEZONE, ClosedMeans, ComponentRole

Values = dict[str, Any]

_OCTET: Final = checks.whole(0, 0xFF)
_QUANTITY: Final = checks.whole(0, 0xFFFF)  # two octets with vendors, one in the standard
_PRIORITY: Final = checks.whole(0, 100)
_HOURS: Final = checks.whole(1, 8760)
_INTERVAL_S: Final = checks.whole(1, 31 * 24 * 3600)
_FIRST_PRIORITY: Final = 1


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with an import file, and where: row as Excel counts it, 1 is the header."""

    sheet: str
    reason: str
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        place = self.sheet
        if self.row is not None:
            place = _("{sheet} 第 {row} 行", sheet=self.sheet, row=self.row)
        if self.column is not None:
            place = f"{place} {self.column}"
        return _("{place}:{reason}", place=place, reason=self.reason)


class ImportRefused(BadInput):
    """Nothing was imported; `problems` says why, all of it, and `str` prints one line for each."""

    code = "import_refused"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class _Filled(msgspec.Struct, frozen=True):
    """Stands for: the cell may not be empty."""


FILLED: Final = _Filled()


class Column(msgspec.Struct, frozen=True):
    """A column: its check, and the value of an empty cell (`FILLED`: it may not be empty nor the column absent)."""

    name: str
    check: Callable[[str], Any]
    empty: Any = FILLED

    @property
    def is_needed(self) -> bool:
        """Whether a sheet without this column is refused."""
        return self.empty is FILLED


class Sheet(msgspec.Struct, frozen=True):
    """A sheet: its columns, and `finish`, which fills in what depends on other cells and names contradictions."""

    name: str
    columns: tuple[Column, ...]
    finish: Callable[[Values], Iterator[tuple[str, str]]]


def _nothing(_values: Values) -> Iterator[tuple[str, str]]:
    yield from ()


def _finish_unit(values: Values) -> Iterator[tuple[str, str]]:
    if values.get("agreement") is not None and values.get("repair_hours") is None:
        yield "repair_hours", _("填写了服务协议编号,须写明约定修复时间(小时)")
    if values.get("repair_hours") is not None and values.get("agreement") is None:
        yield "agreement", _("填写了约定修复时间,须写明服务协议编号")


def _finish_role(values: Values) -> Iterator[tuple[str, str]]:
    if refused := people_rules.why_not_granted(values["role"], has_unit=bool(values["unit"])):
        yield "unit", refused


def _finish_contact(values: Values) -> Iterator[tuple[str, str]]:
    try:
        values["address"] = people_rules.contact_address(values["channel"], values["address"], values["person"])
    except ValueError as error:
        yield "address", str(error)


def derived(values: Values) -> Values:
    """Role, contact meaning and hysteresis of a component by the data tables, where the sheet gives none."""
    kind, quantity, description = values["component_type"], values["quantity"], values["description"]
    role = values.get("role") or default_role(kind, quantity, description)
    limits = (values["low"], values["high"])
    return {
        "role": role,
        "closed_means": values.get("closed_means") or default_closed_means(role, quantity, description),
        "hysteresis": values["hysteresis"]
        if values.get("hysteresis") is not None
        else default_hysteresis(role, quantity, *limits),
    }


def _finish_component(values: Values) -> Iterator[tuple[str, str]]:
    limits = {name: values[name] for name in ("quantity", "low", "high", "scale", "hysteresis")}
    wrong = checks.why_limits_are_wrong(**limits)
    if wrong is not None:
        yield wrong
        return
    values |= derived(values)


SHEETS: Final = {
    sheet.name: sheet
    for sheet in (
        Sheet(
            "units",
            (
                Column("code", checks.code),
                Column("name", checks.name),
                Column("address", checks.long_text, ""),
                Column("timezone", checks.timezone, DEFAULT_TIMEZONE),
                Column("agreement", checks.code, None),
                Column("repair_hours", _HOURS, None),
            ),
            _finish_unit,
        ),
        Sheet(
            "buildings",
            (
                Column("unit", checks.code),
                Column("code", checks.code),
                Column("name", checks.name),
                Column("address", checks.long_text, ""),
            ),
            _nothing,
        ),
        Sheet(
            "zones",
            (
                Column("building", checks.qualified_code),
                Column("code", checks.code),
                Column("name", checks.name),
                Column("floor", checks.optional_name, ""),
            ),
            _nothing,
        ),
        Sheet(
            "devices",
            (
                Column("unit", checks.code),
                Column("building", checks.qualified_code, ""),
                Column("kind", checks.one_of(DeviceKind)),
                Column("address", device_address),
                Column("power", checks.one_of(Power)),
                Column("profile", checks.profile, DEFAULT_PROFILE),
                Column("name", checks.optional_name, ""),
            ),
            _nothing,
        ),
        Sheet(
            "components",
            (
                Column("device", device_address),
                Column("system_type", _OCTET),
                Column("system_address", _OCTET),
                Column("component_type", _OCTET),
                Column("component_address", component_address),
                Column("zone", checks.qualified_code, ""),
                Column("description", checks.long_text, ""),
                Column("quantity", _QUANTITY, None),
                Column("low", checks.number, None),
                Column("high", checks.number, None),
                Column("scale", checks.number, None),
                Column("role", checks.one_of(ComponentRole), None),
                Column("hysteresis", checks.number, None),
                Column("interval_s", _INTERVAL_S, None),
                Column("closed_means", checks.one_of(ClosedMeans), None),
            ),
            _finish_component,
        ),
        Sheet(
            "people",
            (
                Column("code", checks.code),
                Column("name", checks.name),
                Column("phone", people_rules.phone_number, ""),
                Column("language", people_rules.language_code, DEFAULT_LANGUAGE),
            ),
            _nothing,
        ),
        Sheet(
            "roles",
            (
                Column("person", checks.code),
                Column("role", checks.one_of(Role)),
                Column("unit", checks.code, ""),
            ),
            _finish_role,
        ),
        Sheet(
            "contacts",
            (
                Column("person", checks.code),
                Column("channel", checks.one_of(Channel)),
                Column("address", checks.long_text, ""),
                Column("priority", _PRIORITY, _FIRST_PRIORITY),
            ),
            _finish_contact,
        ),
    )
}
