"""Names of codes, in both languages, and what the standard allows of each type."""

from decimal import Decimal

import pytest

from protocol_gateway.gb26875 import bits, tables
from protocol_gateway.gb26875.frame import MAX_ADU
from protocol_gateway.gb26875.layouts import FixedLayout
from protocol_gateway.gb26875.objects import LAYOUTS
from protocol_gateway.gb26875.profiles import PROFILES, STANDARD
from protocol_gateway.gb26875.tables import Command, ComponentType, Direction, SystemType, TypeFlag


def test_known_codes_have_names_in_both_languages() -> None:
    assert tables.system_type_name(23) == "消防电源"
    assert tables.system_type_name(20, "en") == "fire lift"
    assert tables.component_type_name(121) == "警报装置"
    assert tables.type_flag_name(91) == "查岗命令"
    assert tables.analog_type_name(12) == "风速"
    assert tables.command_label(2).both() == "send 发送数据"


def test_unknown_codes_say_so_and_stay_numbers() -> None:
    assert tables.system_type_name(200) == "未知类型 200"
    assert tables.component_type_name(2, "en") == "unknown type 2"
    assert tables.type_flag_name(200) == "未知类型 200"
    assert tables.analog_type_name(99) == "未知类型 99"
    assert tables.analog_type(99) is None
    assert (tables.command_label(7).zh, tables.command_label(130).zh) == ("预留", "用户自定义")


def test_a_profile_names_its_own_codes() -> None:
    dahua = PROFILES["dahua"]
    assert tables.component_type_name(131, "zh", dahua) == "液位传感器"
    assert tables.component_type_name(131) == "未知类型 131"
    assert tables.system_type_name(132, "en", dahua) == "home"
    assert tables.system_type_name(1, "zh", dahua) == "火灾报警系统"
    assert tables.type_flag_name(134, "zh", PROFILES["jk"]) == "系统状态恢复"
    row = tables.analog_type(256, dahua)
    assert row is not None
    assert (row.value(2205), row.unit) == (Decimal("22.05"), "V")


def test_the_tables_hold_every_code_of_the_standard() -> None:
    assert len(SystemType) == 17
    assert len(ComponentType) == 66
    assert len(TypeFlag) == 29
    assert set(TypeFlag) == set(LAYOUTS)
    assert set(tables.ANALOG_TYPES) == set(range(1, 13))


@pytest.mark.parametrize(
    ("code", "raw", "value", "holds"),
    [
        (2, 32000, "320.00", True),
        (3, -2730, "-273.0", True),
        (3, -2731, "-273.1", False),
        (4, 3, "0.3", True),
        (4, -1, "-0.1", False),
        (6, 1001, "100.1", False),
        (12, 20, "20", True),
        (12, 21, "21", False),
    ],
)
def test_analog_values_are_decimals_with_a_range(code: int, raw: int, value: str, holds: bool) -> None:
    row = tables.ANALOG_TYPES[code]
    assert str(row.value(raw)) == value
    assert row.holds(raw) is holds


def test_as_many_objects_fit_a_unit_as_the_standard_allows() -> None:
    for flag in TypeFlag:
        layout = LAYOUTS[flag]
        if isinstance(layout, FixedLayout):
            assert 2 + flag.max_objects * layout.size <= MAX_ADU
            assert layout.timed is flag.is_timed


def test_each_type_knows_its_direction_its_command_and_its_answer() -> None:
    assert TypeFlag.UITD_STATE.direction is Direction.UP
    assert TypeFlag.UITD_STATE.commands == {Command.SEND, Command.RESPONSE}
    assert TypeFlag.READ_UITD_STATE.commands == {Command.REQUEST}
    assert TypeFlag.DUTY_CHECK.commands == {Command.CONTROL}
    assert TypeFlag.READ_UITD_OPERATIONS.answer is TypeFlag.UITD_OPERATION
    assert TypeFlag.DUTY_CHECK.answer is None
    assert all(flag.answer is None for flag in TypeFlag if flag.direction is Direction.UP)


def test_bits_have_meanings_for_one_and_for_zero() -> None:
    manual = bits.SystemStateBit.MANUAL
    assert (manual.zh, manual.clear_label.zh) == ("手动状态", "自动状态")
    assert manual.in_word(0x0901)
    assert not manual.in_word(0x0001)
    assert bits.UitdOperationBit.POST_CHECK_ANSWER.mask == 0x20
    assert bits.OperationBit.ACKNOWLEDGE.zh == "确认"
    assert bits.bits_of(0x0901) == (0, 8, 11)
    assert (bits.SYSTEM_STATE.reserved, bits.COMPONENT_STATE.reserved) == (0xC000, 0xFE00)
    assert (bits.UITD_STATE.reserved, bits.OPERATION.reserved) == (0x80, 0x80)


def test_a_profile_names_its_own_bits() -> None:
    dahua = PROFILES["dahua"]
    assert dahua.bit_label(bits.SYSTEM_STATE, 14).zh == "设备被拆"
    assert dahua.bit_label(bits.COMPONENT_STATE, 0).zh == "测试状态"
    assert STANDARD.bit_label(bits.COMPONENT_STATE, 0).zh == "正常运行状态"
    assert STANDARD.bit_label(bits.COMPONENT_STATE, 9).zh == "预留位 9"
    assert STANDARD.bit_label(bits.UITD_STATE, 3).zh == "主电故障"
