"""Analog types (模拟量类型) by their number: measure and resolution of GB/T 26875.3, table 5.3. Pure.

Types 13 and up are reserved or a vendor's: without a measure, and one unit to a count until a point's own
scale says otherwise.
"""

from decimal import Decimal
from typing import Final

import msgspec


class Quantity(msgspec.Struct, frozen=True):
    """What a number on the wire measures: value = raw × resolution, in `measure`."""

    measure: str
    resolution: Decimal


_TENTH: Final = Decimal("0.1")
_ONE: Final = Decimal(1)

HEIGHT: Final = 2
PRESSURE_MPA: Final = 4
PRESSURE_KPA: Final = 5
VOLTAGE: Final = 8

QUANTITIES: Final[dict[int, Quantity]] = {
    1: Quantity("件", _ONE),
    HEIGHT: Quantity("m", Decimal("0.01")),
    3: Quantity("℃", _TENTH),
    PRESSURE_MPA: Quantity("MPa", _TENTH),
    PRESSURE_KPA: Quantity("kPa", _TENTH),
    6: Quantity("%LEL", _TENTH),
    7: Quantity("s", _ONE),
    VOLTAGE: Quantity("V", _TENTH),
    9: Quantity("A", _TENTH),
    10: Quantity("L/s", _TENTH),
    11: Quantity("m³/min", _TENTH),
    12: Quantity("m/s", _ONE),
}
UNKNOWN_QUANTITY: Final = Quantity("", _ONE)


def quantity(number: int) -> Quantity:
    """The quantity of an analog type; one without a measure when the table has none."""
    return QUANTITIES.get(number, UNKNOWN_QUANTITY)
