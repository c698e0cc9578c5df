"""CONDITIONS of analog values and of printer lines, as rows (GB 50440 extract, 4.3 and 5; protocol 11.6). Data only.

The rule ids are N-1 and N-2 of the extract; T-1 to T-6 are ours for the printer-text dialect, which it does not number.
"""

from decimal import Decimal
from typing import Final

import msgspec

from backend.core.i18n import N_
from backend.core.vocabulary import AlarmClass
from backend.monitoring.terms import Band, Condition
from backend.registry.model import ComponentRole

F, G, A, X, C, I = (AlarmClass(letter) for letter in "FGAXCI")  # noqa: E741 - the letters of the classes

ANALOG_CONDITIONS: Final = tuple(
    Condition(key=key, rule=rule, alarm_class=letter, title=title, item=item, kind=kind, ends_on_reset=False)
    for key, rule, letter, title, item, kind in (
        ("level_very_low", "N-1", A, N_("消防水箱(池)水位过低"), "b", ""),
        ("level_low", "N-1", A, N_("消防水箱(池)水位低"), "b", ""),
        ("level_high", "N-1", A, N_("消防水箱(池)水位高"), "b", ""),
        ("level_very_high", "N-1", A, N_("消防水箱(池)水位过高"), "b", ""),
        ("level_sensor_fault", "N-1", X, N_("水位传感器故障"), None, ""),
        ("worst_pressure_low", "N-1", A, N_("供水分区最不利点处低压异常"), "c", ""),
        ("worst_pressure_high", "N-1", A, N_("供水分区最不利点处压力高"), None, ""),
        ("hydrant_pressure_low", "N-1", A, N_("试验消火栓、室外消火栓低压力"), "f", ""),
        ("hydrant_pressure_high", "N-1", A, N_("试验消火栓、室外消火栓压力高"), None, ""),
        ("cabinet_voltage_low", "N-1", X, N_("消防水泵、稳压泵控制柜欠压"), "e", ""),
        ("cabinet_voltage_high", "N-1", X, N_("消防水泵、稳压泵控制柜过压"), "e", ""),
        ("pipe_pressure_low", "N-1", A, N_("管网压力低"), None, ""),
        ("pipe_pressure_high", "N-1", A, N_("管网压力高"), None, ""),
        ("supply_voltage_low", "N-1", X, N_("消防电源欠压"), None, ""),
        ("supply_voltage_high", "N-1", X, N_("消防电源过压"), None, ""),
        ("gas_concentration", "N-1", F, N_("可燃气体浓度报警"), None, "gas"),
        ("electrical_limit", "N-1", F, N_("电气火灾监控值越限"), None, "electrical"),
        ("analog_low", "N-1", A, N_("监测值低于下限"), None, ""),
        ("analog_high", "N-1", A, N_("监测值高于上限"), None, ""),
    )
)

LEVEL_BAND: Final = Band(low="level_low", very_low="level_very_low", high="level_high", very_high="level_very_high")
PIPE_BAND: Final = Band(low="pipe_pressure_low", high="pipe_pressure_high")
CABINET_VOLTAGE_BAND: Final = Band(low="cabinet_voltage_low", high="cabinet_voltage_high")
SUPPLY_BAND: Final = Band(low="supply_voltage_low", high="supply_voltage_high")
GAS_BAND: Final = Band(low="analog_low", high="gas_concentration")
ELECTRICAL_BAND: Final = Band(low="analog_low", high="electrical_limit")
PLAIN_BAND: Final = Band(low="analog_low", high="analog_high")

#: analog types of table 5.3 that rules name
HEIGHT: Final = 2
TEMPERATURE: Final = 3
PRESSURES: Final = frozenset({4, 5})
GAS_CONCENTRATION: Final = 6
VOLTAGES: Final = frozenset({8})
CURRENT: Final = 9
RESIDUAL_CURRENT: Final = 128
STANDARD_QUANTITIES: Final = range(1, 128)


class AnalogRole(msgspec.Struct, frozen=True):
    """A role's band, and the standard analog types it reads; a vendor's type is taken as the table says it."""

    band: Band
    quantities: frozenset[int]


ANALOG_ROLES: Final = {
    ComponentRole.TANK_LEVEL: AnalogRole(LEVEL_BAND, frozenset({HEIGHT})),
    ComponentRole.POOL_LEVEL: AnalogRole(LEVEL_BAND, frozenset({HEIGHT})),
    ComponentRole.WORST_POINT_PRESSURE: AnalogRole(
        Band(low="worst_pressure_low", high="worst_pressure_high"), PRESSURES
    ),
    ComponentRole.TEST_HYDRANT_PRESSURE: AnalogRole(
        Band(low="hydrant_pressure_low", high="hydrant_pressure_high"), PRESSURES
    ),
    ComponentRole.OUTDOOR_HYDRANT_PRESSURE: AnalogRole(
        Band(low="hydrant_pressure_low", high="hydrant_pressure_high"), PRESSURES
    ),
    ComponentRole.PIPE_PRESSURE: AnalogRole(PIPE_BAND, PRESSURES),
    ComponentRole.PUMP_CABINET_VOLTAGE: AnalogRole(CABINET_VOLTAGE_BAND, VOLTAGES),
    ComponentRole.POWER_SUPPLY: AnalogRole(SUPPLY_BAND, VOLTAGES),
}

#: words of a description that tell a pressure point's role where the point table names none (extract, 5 c and f)
ROLE_WORDS: Final = (
    ("试验消火栓", ComponentRole.TEST_HYDRANT_PRESSURE),
    ("室外消火栓", ComponentRole.OUTDOOR_HYDRANT_PRESSURE),
    ("最不利点", ComponentRole.WORST_POINT_PRESSURE),
    ("末端试水", ComponentRole.WORST_POINT_PRESSURE),
)

#: N-2: combustible gas without limits is a fire from here on, %LEL
GAS_ALARM: Final = Decimal(25)
#: 5 b: hysteresis, m, and its share of the depth; below and above these a level reading is no level
LEVEL_HYSTERESIS: Final = Decimal("0.05")
LEVEL_HYSTERESIS_SHARE: Final = Decimal("0.02")
LEVEL_LEAST: Final = Decimal("-0.1")
LEVEL_MOST_SHARE: Final = Decimal("1.2")
#: 5 c and f: hysteresis by unit
PRESSURE_HYSTERESIS: Final = {"MPa": Decimal("0.01"), "kPa": Decimal(10)}
#: 5 e: shares of the nominal voltage
VOLTAGE_LOW_SHARE: Final = Decimal("0.85")
VOLTAGE_HIGH_SHARE: Final = Decimal("1.10")
PHASE_LOST_SHARE: Final = Decimal("0.5")
#: 5 e: 2 %; of the nominal voltage, or of the limit where nothing else is set
HYSTERESIS_SHARE: Final = Decimal("0.02")
#: 7: an analog point is stale after so many of its intervals and so many seconds
STALE_INTERVALS: Final = 2
STALE_MARGIN_S: Final = 60

PANEL_CONDITIONS: Final = (
    Condition(key="panel_fire", rule="T-1", alarm_class=F, title=N_("火灾报警(打印信息)"), kind="fire"),
    Condition(key="panel_release", rule="T-2", alarm_class=G, title=N_("灭火剂喷放(打印信息)"), kind="release"),
    Condition(
        key="panel_detector_fault",
        rule="T-3",
        alarm_class=X,
        title=N_("火灾探测器故障(打印信息)"),
        item="a",
    ),
    Condition(key="panel_fault", rule="T-3", alarm_class=X, title=N_("故障(打印信息)")),
    Condition(key="panel_disabled", rule="T-4", alarm_class=A, title=N_("屏蔽(打印信息)")),
    Condition(key="panel_supervisory", rule="T-4", alarm_class=A, title=N_("监管(打印信息)")),
    Condition(key="panel_started", rule="T-4", alarm_class=A, title=N_("启动或反馈(打印信息)")),
    Condition(key="panel_restored", rule="T-5", alarm_class=I, title=N_("恢复(打印信息)")),
    Condition(key="panel_reset", rule="T-5", alarm_class=I, title=N_("系统复位(打印信息)")),
    Condition(key="panel_other", rule="T-6", alarm_class=I, title=N_("其他打印信息")),
)

#: T-: the first row with a word in the event text decides (protocol extract, 10.3 and 11.6)
PANEL_WORDS: Final = (
    ("panel_reset", ("复位",)),
    ("panel_restored", ("恢复", "复原", "消除", "解除")),
    ("panel_fire", ("火警", "火灾", "手动报警")),
    ("panel_fault", ("故障", "断路", "短路", "失联", "丢失")),
    ("panel_release", ("喷放", "喷洒", "放气", "喷气")),
    ("panel_disabled", ("屏蔽", "隔离")),
    ("panel_supervisory", ("监管",)),
    ("panel_started", ("启动", "动作", "反馈", "联动", "回答", "延时")),
)
#: words beside which a fire word tells of no fire (10.3), unless the kind says fire too
PANEL_NO_FIRE_WORDS: Final = ("禁止", "测试")
PANEL_POWER_WORDS: Final = ("主电", "备电", "电源")
PANEL_FIRE_KINDS: Final = frozenset({2, 3})
PANEL_FAULT_KIND: Final = 5
#: what a kind alone tells where the text tells nothing
PANEL_KINDS: Final = {2: "panel_fire", 3: "panel_fire", 5: "panel_fault", 0x41: "panel_supervisory"}
