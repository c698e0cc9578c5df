"""What use cases of the registry are given: particulars of new things, and changes to things that are.

In a change, a field left unset leaves what is there as it is. `check` raises `BadInput` with a sentence. Pure.
"""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from backend.core.errors import BadInput
from backend.core.i18n import _
from backend.core.ids import BuildingId, UnitId, ZoneId
from backend.core.vocabulary import DeviceKind, Power
from backend.registry import checks
from backend.registry.model import ClosedMeans, ComponentRole


class UnitChange(msgspec.Struct, frozen=True, kw_only=True):
    """A unit's particulars; a new one needs all but the timezone."""

    code: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET


class BuildingChange(msgspec.Struct, frozen=True, kw_only=True):
    """A building's particulars."""

    code: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    address: str | UnsetType = UNSET


class ZoneChange(msgspec.Struct, frozen=True, kw_only=True):
    """A zone's particulars."""

    code: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    floor: str | UnsetType = UNSET


class DeviceChange(msgspec.Struct, frozen=True, kw_only=True):
    """A device's particulars; its address is its identity and never changes."""

    building: BuildingId | UnsetType | None = UNSET
    kind: DeviceKind | UnsetType = UNSET
    power: Power | UnsetType = UNSET
    profile: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class ComponentChange(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the point table: place, role, and the limits in the quantity's measure."""

    zone: ZoneId | UnsetType | None = UNSET
    description: str | UnsetType = UNSET
    role: ComponentRole | UnsetType = UNSET
    low: Decimal | UnsetType | None = UNSET
    high: Decimal | UnsetType | None = UNSET
    scale: Decimal | UnsetType | None = UNSET
    hysteresis: Decimal | UnsetType | None = UNSET
    interval_s: int | UnsetType | None = UNSET
    closed_means: ClosedMeans | UnsetType | None = UNSET


class AgreementIn(msgspec.Struct, frozen=True, kw_only=True):
    """A service agreement (服务协议): its number, what is monitored, the repair time agreed in hours."""

    unit: UnitId
    number: str
    scope: str
    repair_hours: int
    starts_on: datetime
    ends_on: datetime | None = None
    is_active: bool = True


Change = UnitChange | BuildingChange | ZoneChange | DeviceChange | ComponentChange

#: how a text field of a change is checked; fields that are not named here need no check
_CHECKS = {
    "code": checks.code,
    "name": checks.name,
    "address": checks.long_text,
    "floor": checks.optional_name,
    "timezone": checks.timezone,
    "profile": checks.profile,
    "description": checks.long_text,
}


def given(change: Change) -> dict[str, object]:
    """The fields that were set, checked and stripped. Raises `BadInput`."""
    fields: dict[str, object] = {
        name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET
    }
    for name, value in fields.items():
        if name in _CHECKS and isinstance(value, str):
            fields[name] = _checked(name, value)
    return fields


def _checked(name: str, value: str) -> str:
    try:
        return _CHECKS[name](value.strip())
    except ValueError as error:
        raise BadInput(_("{field}:{reason}", field=name, reason=str(error)), field=name) from None
