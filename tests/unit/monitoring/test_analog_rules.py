"""What an analog value tells: items b, c, e and f, gas, hysteresis both ways, sanity, staleness."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.monitoring.model import AnalogSaid, Level, Subject
from backend.monitoring.rules import Limits, Standing, is_stale, role_for, standing_of_analog
from backend.registry.model import ComponentRole

MEASURES = {
    2: ("0.01", "m"),
    3: ("0.1", "℃"),
    4: ("0.1", "MPa"),
    5: ("0.1", "kPa"),
    6: ("0.1", "%LEL"),
    8: ("0.1", "V"),
}


def value(quantity: int, reading: int, part: int | None = 84, system: int = 11, **more: bool) -> AnalogSaid:
    resolution, measure = MEASURES[quantity]
    subject = Subject(
        level=Level.COMPONENT, system_type=system, system_address=1, component_type=part, component_address="01000000"
    )
    return AnalogSaid(
        subject=subject,
        quantity=quantity,
        reading=reading,
        value=reading * Decimal(resolution),
        measure=measure,
        **more,
    )


def keys(standing: tuple[Standing, ...]) -> list[str]:
    return [each.key for each in standing]


TANK = Limits(low_low=Decimal(1), low=Decimal("1.8"), high=Decimal("2.2"), depth=Decimal(2))


@pytest.mark.clause("4.3.2")
def test_the_first_sample_beyond_a_limit_alarms_and_names_value_and_limit() -> None:
    (standing,) = standing_of_analog(value(2, 179, 92), TANK)
    assert (standing.key, standing.condition.item, standing.rule) == ("level_low", "b", "N-1")
    assert standing.facts == (("当前值", "1.79 m"), ("低限", "1.8 m"), ("原始读数", "179"))


@pytest.mark.clause("4.3.2")
def test_a_level_recovers_only_inside_by_the_hysteresis() -> None:
    low, high = frozenset({"level_low"}), frozenset({"level_high"})
    assert keys(standing_of_analog(value(2, 184, 92), TANK, active=low)) == ["level_low"]
    assert keys(standing_of_analog(value(2, 185, 92), TANK, active=low)) == []
    assert keys(standing_of_analog(value(2, 180, 92), TANK)) == []
    assert keys(standing_of_analog(value(2, 221, 92), TANK)) == ["level_high"]
    assert keys(standing_of_analog(value(2, 216, 92), TANK, active=high)) == ["level_high"]
    assert keys(standing_of_analog(value(2, 215, 92), TANK, active=high)) == []


def test_the_hysteresis_of_a_deep_tank_is_its_share_of_the_depth() -> None:
    deep = Limits(low=Decimal(9), depth=Decimal(10))
    assert keys(standing_of_analog(value(2, 919, 92), deep, active=frozenset({"level_low"}))) == ["level_low"]
    assert keys(standing_of_analog(value(2, 920, 92), deep, active=frozenset({"level_low"}))) == []


def test_a_fall_past_both_limits_is_one_alarm_and_a_later_worsening_another() -> None:
    assert keys(standing_of_analog(value(2, 90, 92), TANK)) == ["level_very_low"]
    assert keys(standing_of_analog(value(2, 90, 92), TANK, active=frozenset({"level_low"}))) == [
        "level_very_low",
        "level_low",
    ]
    assert keys(standing_of_analog(value(2, 120, 92), TANK, active=frozenset({"level_very_low"}))) == ["level_low"]


@pytest.mark.parametrize(
    ("said", "has_fault"),
    [
        (value(2, -11, 92), False),
        (value(2, 241, 92), False),
        (value(2, 150, 92, out_of_range=True), False),
        (value(2, 0, 92), True),
    ],
)
@pytest.mark.clause("4.3.2")
def test_a_level_that_is_no_level_is_a_sensor_fault_and_no_item(said: AnalogSaid, has_fault: bool) -> None:
    (standing,) = standing_of_analog(said, TANK, has_fault=has_fault)
    assert (standing.key, str(standing.condition.alarm_class), standing.condition.item) == (
        "level_sensor_fault",
        "X",
        None,
    )


def test_a_dead_sensor_does_not_end_a_low_level() -> None:
    standing = standing_of_analog(value(2, 0, 92), TANK, active=frozenset({"level_low"}), has_fault=True)
    assert keys(standing) == ["level_sensor_fault", "level_low"]


def test_an_empty_tank_with_a_sound_sensor_is_a_low_level() -> None:
    assert keys(standing_of_analog(value(2, 0, 92), TANK)) == ["level_very_low"]


@pytest.mark.clause("4.3.2")
@pytest.mark.parametrize(
    ("role", "key", "item"),
    [
        ("worst_point_pressure", "worst_pressure_low", "c"),
        ("test_hydrant_pressure", "hydrant_pressure_low", "f"),
        ("outdoor_hydrant_pressure", "hydrant_pressure_low", "f"),
        ("pipe_pressure", "pipe_pressure_low", None),
        ("", "pipe_pressure_low", None),
    ],
)
def test_a_low_pressure_is_item_c_or_f_by_role_and_clears_at_limit_plus_hysteresis(
    role: str, key: str, item: str | None
) -> None:
    limits, active = Limits(low=Decimal(100)), frozenset({key})
    (standing,) = standing_of_analog(value(5, 999), limits, role=role)
    assert (standing.key, standing.condition.item) == (key, item)
    assert keys(standing_of_analog(value(5, 1099), limits, role=role, active=active)) == [key]
    assert standing_of_analog(value(5, 1100), limits, role=role, active=active) == ()
    assert standing_of_analog(value(5, 1000), limits, role=role) == ()


def test_a_points_scale_overrides_the_tables_resolution() -> None:
    limits = Limits(low=Decimal("0.10"), scale=Decimal("0.001"), role="worst_point_pressure")
    (standing,) = standing_of_analog(value(4, 99), limits)
    assert standing.facts[0] == ("当前值", "0.099 MPa")
    assert standing_of_analog(value(4, 100), limits) == ()
    assert keys(standing_of_analog(value(4, 109), limits, active=frozenset({"worst_pressure_low"})))
    assert standing_of_analog(value(4, 110), limits, active=frozenset({"worst_pressure_low"})) == ()


@pytest.mark.clause("4.3.2")
def test_a_cabinets_voltage_is_item_e_by_shares_of_its_nominal() -> None:
    limits = Limits(nominal=Decimal(380), role="pump_cabinet_voltage")
    assert keys(standing_of_analog(value(8, 3229), limits)) == ["cabinet_voltage_low"]
    assert standing_of_analog(value(8, 3230), limits) == ()
    assert standing_of_analog(value(8, 4180), limits) == ()
    (high,) = standing_of_analog(value(8, 4181), limits)
    assert (high.key, high.condition.item) == ("cabinet_voltage_high", "e")
    low = frozenset({"cabinet_voltage_low"})
    assert keys(standing_of_analog(value(8, 3305), limits, active=low)) == ["cabinet_voltage_low"]
    assert standing_of_analog(value(8, 3306), limits, active=low) == ()
    (lost,) = standing_of_analog(value(8, 1899), limits)
    assert ("标记", "缺相") in lost.facts


def test_gas_without_limits_is_a_fire_from_a_quarter_of_the_explosive_limit() -> None:
    (standing,) = standing_of_analog(value(6, 250 + 1, 11), None)
    assert (standing.rule, str(standing.condition.alarm_class), standing.condition.kind) == ("N-2", "F", "gas")
    assert keys(standing_of_analog(value(6, 251, 13), Limits(low=Decimal(0)))) == ["gas_concentration"]
    assert standing_of_analog(value(6, 300, 74), None) == ()


def test_gas_at_exactly_a_quarter_of_the_explosive_limit_is_a_fire() -> None:
    assert keys(standing_of_analog(value(6, 250, 10), None)) == ["gas_concentration"]
    assert standing_of_analog(value(6, 249, 10), None) == ()


def test_a_value_without_limits_or_of_an_unknown_scale_stands_for_nothing() -> None:
    assert standing_of_analog(value(5, 0), None) == ()
    unknown = AnalogSaid(subject=value(5, 0).subject, quantity=99, reading=5)
    assert standing_of_analog(unknown, Limits(low=Decimal(10))) == ()
    assert keys(standing_of_analog(unknown, Limits(low=Decimal(10), scale=Decimal(1)))) == ["analog_low"]


def test_a_role_does_not_judge_another_standard_quantity() -> None:
    limits = Limits(high=Decimal(50), role="tank_level")
    assert keys(standing_of_analog(value(3, 600), limits)) == ["analog_high"]


def test_a_vendors_quantity_is_judged_by_the_points_role() -> None:
    said = AnalogSaid(subject=value(5, 0).subject, quantity=200, reading=50, value=Decimal(50), measure="kPa")
    assert keys(standing_of_analog(said, Limits(low=Decimal(100), role="test_hydrant_pressure"))) == [
        "hydrant_pressure_low"
    ]


def test_the_registrys_part_type_is_used_where_the_frame_left_it_out() -> None:
    assert keys(standing_of_analog(value(6, 300, None), None, component_type=11)) == ["gas_concentration"]


@pytest.mark.parametrize(
    ("given_role", "part", "quantity", "description", "role"),
    [
        ("", 92, 2, "", "tank_level"),
        ("", 131, 2, "", "tank_level"),
        ("pool_level", 92, 2, "", "pool_level"),
        ("", 84, 5, "屋顶试验消火栓压力", "test_hydrant_pressure"),
        ("", 84, 5, "东门室外消火栓", "outdoor_hydrant_pressure"),
        ("", 84, 4, "高区最不利点", "worst_point_pressure"),
        ("", 84, 5, "末端试水装置", "worst_point_pressure"),
        ("", 84, 2, "最不利点", ""),
        ("", 84, 5, "压力", ""),
    ],
)
def test_a_point_without_a_role_gets_its_default(
    given_role: str, part: int, quantity: int, description: str, role: str
) -> None:
    assert role_for(given_role, part, quantity, description) == role


@given(
    st.integers(-32768, 32767),
    st.sampled_from(sorted(MEASURES)),
    st.sampled_from(["", "nonsense", *ComponentRole]),
    st.decimals(-100, 100, places=2),
    st.decimals(0, 100, places=2),
)
@settings(max_examples=300)
def test_what_stood_stands_on_the_same_value_and_nothing_ends_without_moving(
    reading: int, quantity: int, role: str, low: Decimal, span: Decimal
) -> None:
    limits = Limits(low=low, high=low + span)
    said = value(quantity, reading)
    first = standing_of_analog(said, limits, role=role)
    again = standing_of_analog(said, limits, role=role, active=frozenset(keys(first)))
    assert set(keys(first)) <= set(keys(again))


def test_a_silent_point_is_stale_after_two_intervals_and_a_minute() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert not is_stale(at, 300, at + timedelta(seconds=660))
    assert is_stale(at, 300, at + timedelta(seconds=661))
