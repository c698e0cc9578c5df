"""Default roles of components: what a point is for when its point table does not say. Pure; a data table.

Read from the top, the first row that fits decides (GB 50440 extract, 5 and 6). A row fits when the component
type is listed (or none is), the quantity is listed (`CONTACT`: no analog), and each group of words has one
that occurs in the description.
"""

from decimal import Decimal
from typing import Final

import msgspec

from backend.registry.model import ClosedMeans, ComponentRole
from backend.registry.quantities import HEIGHT, PRESSURE_KPA, PRESSURE_MPA, VOLTAGE

#: stands for "no quantity": the component tells by its state bits
CONTACT: Final = None

_PRESSURE: Final = frozenset({PRESSURE_MPA, PRESSURE_KPA})
_LEVEL: Final = frozenset({HEIGHT})
_VOLTAGE: Final = frozenset({VOLTAGE})
_CONTACT: Final = frozenset({CONTACT})
_ANY: Final = frozenset[int | None]()

#: parts that carry a contact of something else: general, controller, control device, modules
_MODULES: Final = frozenset({0, 1, 82, *range(84, 89)})
_PUMPS: Final = frozenset({91, 95, 105})
_PUMP_SIDE: Final = _MODULES | _PUMPS
_TANKS: Final = frozenset({92, 131})
#: rule P-3 of the extract without call points
_DETECTORS: Final = frozenset({*range(10, 14), *range(16, 19), 21, 25, *range(30, 80), 129, 133, 134, 151, 155})

_PUMP_WORDS: Final = ("控制柜", "水泵", "喷淋泵", "消火栓泵", "消防泵", "稳压泵", "泡沫泵")

Words = tuple[tuple[str, ...], ...]


class RoleRule(msgspec.Struct, frozen=True):
    """One row: the role, and what a component must be like."""

    role: ComponentRole
    types: frozenset[int] = frozenset()
    quantities: frozenset[int | None] = _ANY
    words: Words = ()

    def fits(self, component_type: int, quantity: int | None, description: str) -> bool:
        """Whether a component is like this row."""
        return (
            (not self.types or component_type in self.types)
            and (not self.quantities or quantity in self.quantities)
            and _all_said(self.words, description)
        )


_R: Final = ComponentRole
ROLE_RULES: Final = (
    RoleRule(_R.TEST_HYDRANT_PRESSURE, quantities=_PRESSURE, words=(("试验消火栓", "试验栓"),)),
    RoleRule(_R.OUTDOOR_HYDRANT_PRESSURE, quantities=_PRESSURE, words=(("室外消火栓", "室外栓"),)),
    RoleRule(_R.WORST_POINT_PRESSURE, quantities=_PRESSURE, words=(("最不利", "末端试水"),)),
    RoleRule(_R.PIPE_PRESSURE, quantities=_PRESSURE),
    RoleRule(_R.POOL_LEVEL, quantities=_LEVEL, words=(("水池",),)),
    RoleRule(_R.TANK_LEVEL, quantities=_LEVEL, words=(("水箱",),)),
    RoleRule(_R.TANK_LEVEL, _TANKS, _LEVEL),
    RoleRule(_R.PUMP_CABINET_VOLTAGE, quantities=_VOLTAGE, words=(_PUMP_WORDS,)),
    RoleRule(_R.POOL_LEVEL, _TANKS | _MODULES, _CONTACT, (("水池",), ("水位", "液位", "溢流"))),
    RoleRule(_R.TANK_LEVEL, _TANKS | _MODULES, _CONTACT, (("水箱",), ("水位", "液位", "溢流"))),
    RoleRule(_R.POOL_LEVEL, _TANKS, _CONTACT, (("水池",),)),
    RoleRule(_R.TANK_LEVEL, _TANKS, _CONTACT),
    RoleRule(_R.WORST_POINT_PRESSURE, _MODULES | {99}, _CONTACT, (("最不利",), ("低压", "压力"))),
    RoleRule(_R.TEST_HYDRANT_PRESSURE, _MODULES | {99}, _CONTACT, (("试验消火栓",), ("低压", "压力"))),
    RoleRule(_R.OUTDOOR_HYDRANT_PRESSURE, _MODULES | {99}, _CONTACT, (("室外消火栓",), ("低压", "压力"))),
    RoleRule(_R.EMERGENCY_STOP, _MODULES | {81}, _CONTACT, (("紧急停止", "急停"),)),
    RoleRule(_R.PUMP_CABINET_POWER, _PUMP_SIDE, _CONTACT, (_PUMP_WORDS, ("电源",))),
    RoleRule(_R.PUMP_CABINET_MANUAL, _PUMP_SIDE, _CONTACT, (_PUMP_WORDS, ("非自动",))),
    RoleRule(_R.PUMP_CABINET_AUTO, _PUMP_SIDE, _CONTACT, (_PUMP_WORDS, ("自动",))),
    RoleRule(_R.PUMP_CABINET_MANUAL, _PUMP_SIDE, _CONTACT, (_PUMP_WORDS, ("手动",))),
    RoleRule(_R.PUMP_FAULT, _PUMP_SIDE, _CONTACT, (_PUMP_WORDS, ("故障",))),
    RoleRule(_R.JOCKEY_RUNNING, _PUMP_SIDE, _CONTACT, (("稳压泵",),)),
    RoleRule(_R.PUMP_RUNNING, _MODULES, _CONTACT, (_PUMP_WORDS, ("启动", "运行"))),
    RoleRule(_R.PUMP_RUNNING, _PUMPS, _CONTACT),
    RoleRule(_R.POWER_SUPPLY, _MODULES, words=(("消防电源", "双电源"),)),
    RoleRule(_R.CALL_POINT, frozenset({23, 24})),
    RoleRule(_R.DETECTOR, _DETECTORS),
    RoleRule(_R.SIGNAL_VALVE, frozenset({97})),
    RoleRule(_R.FLOW, frozenset({96, 98, 99})),
    RoleRule(_R.GAS_RELEASE, frozenset({81, 101})),
    RoleRule(_R.DOOR, frozenset({102, 117, 118})),
    RoleRule(_R.FAN, frozenset({104, 111})),
)

#: what a closed contact means, by role and word; the first that fits decides
CLOSED_MEANS_RULES: Final[tuple[tuple[frozenset[ComponentRole], Words, ClosedMeans], ...]] = (
    (frozenset({_R.TANK_LEVEL, _R.POOL_LEVEL}), (("溢流",),), ClosedMeans.OVERFLOW),
    (frozenset({_R.TANK_LEVEL, _R.POOL_LEVEL}), (("低",),), ClosedMeans.LOW),
    (frozenset({_R.TANK_LEVEL, _R.POOL_LEVEL}), (("高",),), ClosedMeans.HIGH),
    (
        frozenset({_R.WORST_POINT_PRESSURE, _R.TEST_HYDRANT_PRESSURE, _R.OUTDOOR_HYDRANT_PRESSURE}),
        (("低压", "压力低", "低压力"),),
        ClosedMeans.LOW_PRESSURE,
    ),
    (frozenset({_R.PUMP_CABINET_AUTO}), (), ClosedMeans.AUTOMATIC),
    (frozenset({_R.PUMP_CABINET_MANUAL}), (), ClosedMeans.MANUAL),
    (frozenset({_R.PUMP_CABINET_POWER}), (("故障", "失电", "断电", "掉电"),), ClosedMeans.POWER_FAULT),
)

_LEVEL_ROLES: Final = frozenset({_R.TANK_LEVEL, _R.POOL_LEVEL})
_PRESSURE_ROLES: Final = frozenset(
    {_R.WORST_POINT_PRESSURE, _R.TEST_HYDRANT_PRESSURE, _R.OUTDOOR_HYDRANT_PRESSURE, _R.PIPE_PRESSURE}
)
_LEVEL_HYSTERESIS_M: Final = Decimal("0.05")
_LEVEL_HYSTERESIS_OF_DEPTH: Final = Decimal("0.02")
_HIGH_BELOW_OVERFLOW_M: Final = Decimal("0.05")  #: the high limit lies this much below the overflow pipe
_PRESSURE_HYSTERESIS: Final = {PRESSURE_MPA: Decimal("0.01"), PRESSURE_KPA: Decimal(10)}
_VOLTAGE_HYSTERESIS: Final = Decimal("0.02")  #: of the nominal voltage
_LOW_OF_NOMINAL: Final = Decimal("0.85")
_HIGH_OF_NOMINAL: Final = Decimal("1.10")
#: a default never takes more than this part of the band between the limits, or it could not be left again
_LARGEST_PART_OF_BAND: Final = Decimal("0.25")
_MILLI: Final = Decimal("0.001")
_TENTH_VOLT: Final = Decimal("0.1")


def default_role(component_type: int, quantity: int | None, description: str) -> ComponentRole:
    """The role of a component whose point table gives none; `OTHER` when no row fits."""
    fitting = (rule.role for rule in ROLE_RULES if rule.fits(component_type, quantity, description))
    return next(fitting, ComponentRole.OTHER)


def default_closed_means(role: ComponentRole, quantity: int | None, description: str) -> ClosedMeans | None:
    """What a closed contact of `role` means when the point table doesn't say; None when nothing tells."""
    if quantity is not CONTACT:
        return None
    fitting = (means for roles, words, means in CLOSED_MEANS_RULES if role in roles and _all_said(words, description))
    return next(fitting, None)


def default_hysteresis(
    role: ComponentRole, quantity: int | None, low: Decimal | None, high: Decimal | None
) -> Decimal | None:
    """How far inside its limits a value must be to count as recovered, in the quantity's measure.

    Level: 0.05 m, or 2 % of the depth if larger; pressure: 0.01 MPa; cabinet voltage: 2 % of the nominal (GB
    50440 extract, 5). None where the extract names none.
    """
    wanted = _wanted_hysteresis(role, quantity, low, high)
    if wanted is None or low is None or high is None:
        return wanted
    return min(wanted, ((high - low) * _LARGEST_PART_OF_BAND).quantize(_MILLI))


def _wanted_hysteresis(
    role: ComponentRole, quantity: int | None, low: Decimal | None, high: Decimal | None
) -> Decimal | None:
    if role in _LEVEL_ROLES and quantity == HEIGHT:
        depth = Decimal(0) if high is None else high + _HIGH_BELOW_OVERFLOW_M
        return max(_LEVEL_HYSTERESIS_M, (depth * _LEVEL_HYSTERESIS_OF_DEPTH).quantize(_MILLI))
    if role in _PRESSURE_ROLES and quantity is not None:
        return _PRESSURE_HYSTERESIS.get(quantity)
    if role is ComponentRole.PUMP_CABINET_VOLTAGE and quantity == VOLTAGE:
        nominal = _nominal_voltage(low, high)
        return None if nominal is None else (nominal * _VOLTAGE_HYSTERESIS).quantize(_TENTH_VOLT)
    return None


def _nominal_voltage(low: Decimal | None, high: Decimal | None) -> Decimal | None:
    """The limits are 85 % and 110 % of the nominal voltage (GB 50440 extract, 5 e)."""
    if low is not None:
        return low / _LOW_OF_NOMINAL
    return None if high is None else high / _HIGH_OF_NOMINAL


def _all_said(words: Words, description: str) -> bool:
    return all(any(word in description for word in group) for group in words)
