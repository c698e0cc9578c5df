"""What an analog value tells (N-1, N-2), with hysteresis both ways. Pure; decimals only.

The first sample beyond a limit alarms: reports come minutes apart (GB 50440 extract, 5). What is active stands
until the value is inside by the hysteresis.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from backend.monitoring.conditions import CONDITIONS
from backend.monitoring.conditions_analog import (
    ANALOG_ROLES,
    CABINET_VOLTAGE_BAND,
    CURRENT,
    ELECTRICAL_BAND,
    GAS_ALARM,
    GAS_BAND,
    GAS_CONCENTRATION,
    HEIGHT,
    HYSTERESIS_SHARE,
    LEVEL_BAND,
    LEVEL_HYSTERESIS,
    LEVEL_HYSTERESIS_SHARE,
    LEVEL_LEAST,
    LEVEL_MOST_SHARE,
    PHASE_LOST_SHARE,
    PIPE_BAND,
    PLAIN_BAND,
    PRESSURE_HYSTERESIS,
    PRESSURES,
    RESIDUAL_CURRENT,
    ROLE_WORDS,
    STALE_INTERVALS,
    STALE_MARGIN_S,
    STANDARD_QUANTITIES,
    SUPPLY_BAND,
    TEMPERATURE,
    VOLTAGE_HIGH_SHARE,
    VOLTAGE_LOW_SHARE,
    VOLTAGES,
)
from backend.monitoring.conditions_component import (
    ELECTRICAL_DETECTORS,
    GAS_DETECTORS,
    LEVEL_SENSORS,
    WATER_TANKS,
)
from backend.monitoring.conditions_system import POWER_SUPPLY
from backend.monitoring.model import AnalogSaid, Subject
from backend.monitoring.terms import (
    HIGH_FACT,
    LOW_FACT,
    MARK_FACT,
    OUT_OF_RANGE,
    PHASE_LOST,
    READING_FACT,
    VALUE_FACT,
    Band,
    Limits,
    Standing,
)
from backend.registry.model import ComponentRole

_NO_LIMITS: Final = Limits()
#: parts 10 to 13: gas detectors that alarm without limits (N-2); 74 may be any gas
_COMBUSTIBLE: Final = GAS_DETECTORS - {74}


class _Edge(msgspec.Struct, frozen=True):
    """One limit of a point, the condition beyond it, and on which side beyond is."""

    key: str
    limit: Decimal
    is_low: bool
    rule: str = "N-1"
    is_inclusive: bool = False  #: the limit itself is beyond (N-2's "25 %LEL and above")

    def is_beyond(self, value: Decimal, by: Decimal) -> bool:
        """Whether `value` is not yet inside the limit by `by`; `by` 0 asks for beyond alone."""
        if self.is_inclusive and value == self.limit:
            return True
        return value < self.limit + by if self.is_low else value > self.limit - by


def role_for(role: str, component_type: int | None, quantity: int, description: str = "") -> str:
    """The point's role: the table's word first, else the default by part (5 b), else by its description (5 c, f)."""
    if role:
        return role
    if quantity == HEIGHT and component_type in WATER_TANKS | LEVEL_SENSORS:
        return ComponentRole.TANK_LEVEL
    if quantity in PRESSURES:
        return next((found for word, found in ROLE_WORDS if word in description), "")
    return ""


def standing_of_analog(
    said: AnalogSaid,
    point: Limits | None,
    *,
    role: str = "",
    active: frozenset[str] = frozenset(),
    has_fault: bool = False,
    component_type: int | None = None,
) -> tuple[Standing, ...]:
    """The conditions that hold by this value; nothing without limits, save N-2's gas and a level that is no level.

    `active` holds the analog keys now active for this component *and quantity*; `has_fault`: bit 2 of its state
    is set. All of `ANALOG_KEYS` that were active and do not stand have ended. `component_type` is the registry's, where
    the frame left it out.
    """
    if component_type is not None and component_type != said.subject.component_type:
        subject = msgspec.structs.replace(said.subject, component_type=component_type)
        said = msgspec.structs.replace(said, subject=subject)
    limits = point or _NO_LIMITS
    value = said.reading * limits.scale if limits.scale is not None else said.value
    if value is None:
        return ()
    wanted = role_for(role or limits.role, said.subject.component_type, said.quantity)
    band = _band(said, wanted, has_limits=point is not None)
    shown = _shown(said, limits, value)
    if band is LEVEL_BAND and _is_no_level(said, limits, value, has_fault):
        return _sensor_fault(shown, active)
    edges = _edges(said, limits, band)
    held = _held(edges, value, limits, said, active)
    return tuple(_standing(edge, value, shown, limits=limits, said=said) for edge in held)


def _band(said: AnalogSaid, role: str, *, has_limits: bool) -> Band:
    known = ANALOG_ROLES.get(ComponentRole(role)) if role in ComponentRole.__members__.values() else None
    is_vendors = has_limits and said.quantity not in STANDARD_QUANTITIES
    if known and (said.quantity in known.quantities or is_vendors):
        return known.band
    return _band_without_role(said.subject, said.quantity)


def _band_without_role(subject: Subject, quantity: int) -> Band:
    """A1.2, A1.3, A3.5 and A13.1 of part 1: what a quantity means by its part or system."""
    is_electrical = quantity in {TEMPERATURE, CURRENT} and subject.component_type in ELECTRICAL_DETECTORS
    if quantity == GAS_CONCENTRATION:
        return GAS_BAND
    if quantity == RESIDUAL_CURRENT or is_electrical:
        return ELECTRICAL_BAND
    if quantity in PRESSURES:
        return PIPE_BAND
    if quantity in VOLTAGES and subject.system_type in POWER_SUPPLY:
        return SUPPLY_BAND
    return PLAIN_BAND


def _is_no_level(said: AnalogSaid, limits: Limits, value: Decimal, has_fault: bool) -> bool:
    """5 b, "Sanity": below the floor, above the tank, out of range, or stuck at exactly 0 with a fault."""
    is_above = limits.depth is not None and value > LEVEL_MOST_SHARE * limits.depth
    return said.out_of_range or value < LEVEL_LEAST or is_above or (value == 0 and has_fault)


def _sensor_fault(shown: tuple[tuple[str, str], ...], active: frozenset[str]) -> tuple[Standing, ...]:
    """A sensor fault, and whatever level stood before: a dead sensor is no proof of water."""
    fault = Standing(condition=CONDITIONS["level_sensor_fault"], rule="N-1", facts=shown)
    band = (LEVEL_BAND.very_low, LEVEL_BAND.low, LEVEL_BAND.high, LEVEL_BAND.very_high)
    kept = (CONDITIONS[key] for key in band if key in active)
    return (fault, *(Standing(condition=each, rule="N-1", facts=shown) for each in kept))


def _edges(said: AnalogSaid, limits: Limits, band: Band) -> tuple[_Edge, ...]:
    """The limits that count, the outer one of each side first."""
    low, high = limits.low, limits.high
    if band is CABINET_VOLTAGE_BAND and limits.nominal is not None:
        low = limits.nominal * VOLTAGE_LOW_SHARE if low is None else low
        high = limits.nominal * VOLTAGE_HIGH_SHARE if high is None else high
    lows = _side(limits.low_low, low, band.very_low, band.low, is_low=True)
    highs = _side(limits.high_high, high, band.very_high, band.high, is_low=False)
    if band is GAS_BAND and not highs and said.subject.component_type in _COMBUSTIBLE:
        highs = (_Edge(band.high, GAS_ALARM, is_low=False, rule="N-2", is_inclusive=True),)
    return (*lows, *highs)


def _side(
    outer: Decimal | None, inner: Decimal | None, outer_key: str, inner_key: str, *, is_low: bool
) -> tuple[_Edge, ...]:
    """One side's limits. Without a second step of its own, a band alarms once, at the inner limit."""
    first = () if outer is None else (_Edge(outer_key or inner_key, outer, is_low),)
    second = () if inner is None else (_Edge(inner_key, inner, is_low),)
    return (*first, *second) if outer_key else second or first


def _held(
    edges: tuple[_Edge, ...], value: Decimal, limits: Limits, said: AnalogSaid, active: frozenset[str]
) -> Iterator[_Edge]:
    """The edges beyond which the value is; an inner limit joins an outer one only where it was active already."""
    sides: set[bool] = set()
    for edge in edges:
        is_active = edge.key in active
        by = _hysteresis(edge, limits, said) if is_active else Decimal(0)
        if edge.is_beyond(value, by) and (is_active or edge.is_low not in sides):
            sides.add(edge.is_low)
            yield edge


def _hysteresis(edge: _Edge, limits: Limits, said: AnalogSaid) -> Decimal:
    """The point's own, else that of section 5 for its kind."""
    if limits.hysteresis is not None:
        return limits.hysteresis
    if edge.key in {LEVEL_BAND.very_low, LEVEL_BAND.low, LEVEL_BAND.high, LEVEL_BAND.very_high}:
        return max(LEVEL_HYSTERESIS, LEVEL_HYSTERESIS_SHARE * (limits.depth or Decimal(0)))
    by_unit = PRESSURE_HYSTERESIS.get(limits.measure or said.measure)
    if by_unit is not None:
        return by_unit
    return abs(HYSTERESIS_SHARE * (limits.nominal or edge.limit))


def _standing(
    edge: _Edge,
    value: Decimal,
    shown: tuple[tuple[str, str], ...],
    *,
    limits: Limits,
    said: AnalogSaid,
) -> Standing:
    limit = (LOW_FACT if edge.is_low else HIGH_FACT, _amount(edge.limit, limits.measure or said.measure))
    facts = (*shown[:1], limit, *shown[1:])
    nominal = limits.nominal
    is_cabinet = edge.key == CABINET_VOLTAGE_BAND.low
    if is_cabinet and nominal is not None and value < PHASE_LOST_SHARE * nominal:
        facts = (*facts, (MARK_FACT, PHASE_LOST))
    return Standing(condition=CONDITIONS[edge.key], rule=edge.rule, facts=facts)


def _shown(said: AnalogSaid, limits: Limits, value: Decimal) -> tuple[tuple[str, str], ...]:
    facts = ((VALUE_FACT, _amount(value, limits.measure or said.measure)), (READING_FACT, str(said.reading)))
    return (*facts, (MARK_FACT, OUT_OF_RANGE)) if said.out_of_range else facts


def _amount(value: Decimal, measure: str) -> str:
    """A figure with its unit, without an exponent and without noughts that say nothing."""
    figure = format(value, "f")
    figure = figure.rstrip("0").rstrip(".") if "." in figure else figure
    return f"{figure} {measure}".rstrip()


def is_stale(received_at: datetime, interval_s: int, now: datetime) -> bool:
    """Whether an analog point has been silent for 2 x its interval + 60 s (L-2, class C; extract, 7)."""
    return now - received_at > timedelta(seconds=STALE_INTERVALS * interval_s + STALE_MARGIN_S)
