"""CONDITIONS of systems, of the UITD, of operations, links and unreadable reports, as rows. Data only.

The rule ids are those of the GB 50440 extract, 4.1 and 4.3; L-1 and L-2 are ours for its section 7 (link, stale).
"""

from typing import Final

from backend.core.i18n import N_
from backend.core.vocabulary import AlarmClass
from backend.monitoring.model import Level
from backend.monitoring.terms import CABINET_ROLES, Condition, StateRule

F, G, A, X, C, I = (AlarmClass(letter) for letter in "FGAXCI")  # noqa: E741 - the letters of the classes

FIRE_ALARM_SYSTEM: Final = frozenset({1})
#: systems that release an agent into rooms where people may be (S-2)
RELEASING: Final = frozenset({13, 15, 17})
#: systems whose pumps and cabinets items d and e speak of (S-9, S-11)
PUMPED: Final = frozenset({11, 12, 14, 16})
POWER_SUPPLY: Final = frozenset({23})

SYSTEM_CONDITIONS: Final = (
    Condition(key="system_fire", rule="S-1", alarm_class=F, title=N_("火警"), kind="fire"),
    Condition(key="release_countdown", rule="S-2", alarm_class=G, title=N_("灭火剂喷放延时"), kind="release"),
    Condition(key="release_started", rule="S-2", alarm_class=G, title=N_("启动喷放"), kind="release"),
    Condition(
        key="detection_system_fault",
        rule="S-3",
        alarm_class=X,
        title=N_("火灾探测系统故障"),
        item="a",
        settle_s=2,
    ),
    Condition(key="system_fault", rule="S-3", alarm_class=X, title=N_("系统故障")),
    Condition(key="system_disabled", rule="S-4", alarm_class=A, title=N_("系统屏蔽")),
    Condition(key="system_supervisory", rule="S-5", alarm_class=A, title=N_("系统监管")),
    Condition(key="system_started", rule="S-6", alarm_class=A, title=N_("系统启动")),
    Condition(key="system_feedback", rule="S-7", alarm_class=A, title=N_("系统反馈")),
    Condition(key="system_delayed", rule="S-8", alarm_class=A, title=N_("系统延时")),
    Condition(
        key="cabinet_main_power_fault",
        rule="S-9",
        alarm_class=X,
        title=N_("消防水泵控制柜主电故障"),
        item="e",
        ends_on_reset=False,
    ),
    Condition(
        key="cabinet_standby_power_fault",
        rule="S-9",
        alarm_class=X,
        title=N_("消防水泵控制柜备电故障"),
        item="e",
        ends_on_reset=False,
    ),
    Condition(
        key="cabinet_supply_fault",
        rule="S-9",
        alarm_class=X,
        title=N_("消防水泵供电电源故障"),
        item="e",
        ends_on_reset=False,
    ),
    Condition(key="main_power_fault", rule="S-9", alarm_class=X, title=N_("主电故障")),
    Condition(key="standby_power_fault", rule="S-9", alarm_class=X, title=N_("备电故障")),
    Condition(
        key="detection_bus_fault",
        rule="S-10",
        alarm_class=X,
        title=N_("火灾探测总线故障"),
        item="a",
        settle_s=2,
    ),
    Condition(key="bus_fault", rule="S-10", alarm_class=X, title=N_("总线故障")),
    Condition(
        key="pumps_not_automatic",
        rule="S-11",
        alarm_class=A,
        title=N_("消防水泵、稳压泵控制柜非自动状态"),
        item="d",
        ends_on_reset=False,
    ),
    Condition(key="system_manual", rule="S-11", alarm_class=A, title=N_("手动状态"), ends_on_reset=False),
    Condition(key="configuration_changed", rule="S-12", alarm_class=I, title=N_("配置改变")),
    Condition(key="system_reset", rule="S-13", alarm_class=I, title=N_("系统复位")),
    Condition(key="device_removed", rule="S-14", alarm_class=X, title=N_("设备被拆")),
    Condition(key="system_reserved_bits", rule="P-15", alarm_class=I, title=N_("未知系统状态位")),
)

SYSTEM_RULES: Final = (
    StateRule(rule="S-1", condition="system_fire", bits=(1,)),
    StateRule(rule="S-2", condition="release_countdown", bits=(7,), systems=RELEASING),
    StateRule(rule="S-2", condition="release_started", bits=(5,), systems=RELEASING),
    # supplies the point table assigns to pumps: item e (extract, 5 e)
    StateRule(rule="S-9", condition="cabinet_supply_fault", bits=(2,), systems=POWER_SUPPLY, roles=CABINET_ROLES),
    StateRule(rule="S-9", condition="cabinet_main_power_fault", bits=(8,), systems=POWER_SUPPLY, roles=CABINET_ROLES),
    StateRule(
        rule="S-9",
        condition="cabinet_standby_power_fault",
        bits=(9,),
        systems=POWER_SUPPLY,
        roles=CABINET_ROLES,
    ),
    StateRule(rule="S-3", condition="detection_system_fault", bits=(2,), systems=FIRE_ALARM_SYSTEM),
    StateRule(rule="S-3", condition="system_fault", bits=(2,)),
    StateRule(rule="S-4", condition="system_disabled", bits=(3,)),
    StateRule(rule="S-5", condition="system_supervisory", bits=(4,)),
    StateRule(rule="S-6", condition="system_started", bits=(5,)),
    StateRule(rule="S-7", condition="system_feedback", bits=(6,)),
    StateRule(rule="S-8", condition="system_delayed", bits=(7,)),
    StateRule(rule="S-9", condition="cabinet_main_power_fault", bits=(8,), systems=PUMPED),
    StateRule(rule="S-9", condition="cabinet_standby_power_fault", bits=(9,), systems=PUMPED),
    StateRule(rule="S-9", condition="main_power_fault", bits=(8,)),
    StateRule(rule="S-9", condition="standby_power_fault", bits=(9,)),
    StateRule(rule="S-10", condition="detection_bus_fault", bits=(10,), systems=FIRE_ALARM_SYSTEM),
    StateRule(rule="S-10", condition="bus_fault", bits=(10,)),
    StateRule(rule="S-11", condition="pumps_not_automatic", bits=(11,), systems=PUMPED),
    StateRule(rule="S-11", condition="system_manual", bits=(11,)),
    StateRule(rule="S-12", condition="configuration_changed", bits=(12,)),
    StateRule(rule="S-13", condition="system_reset", bits=(13,)),
    StateRule(rule="S-14", condition="device_removed", bits=(14,), vendor=True),
)

UITD_CONDITIONS: Final = (
    Condition(key="uitd_fire", rule="U-1", alarm_class=F, title=N_("用户信息传输装置火警"), kind="fire"),
    Condition(key="uitd_fault", rule="U-2", alarm_class=X, title=N_("用户信息传输装置故障")),
    Condition(key="uitd_main_power_fault", rule="U-2", alarm_class=X, title=N_("用户信息传输装置主电故障")),
    Condition(key="uitd_standby_power_fault", rule="U-2", alarm_class=X, title=N_("用户信息传输装置备电故障")),
    Condition(key="uitd_line_fault", rule="U-2", alarm_class=X, title=N_("用户信息传输装置监测连接线路故障")),
    Condition(
        key="uitd_channel_fault",
        rule="U-3",
        alarm_class=C,
        title=N_("用户信息传输装置与监控中心通信信道故障"),
        ends_on_reset=False,
    ),
    Condition(key="uitd_reserved_bits", rule="P-15", alarm_class=I, title=N_("用户信息传输装置未知状态位")),
)

UITD_RULES: Final = (
    StateRule(rule="U-1", condition="uitd_fire", bits=(1,)),
    StateRule(rule="U-2", condition="uitd_fault", bits=(2,)),
    StateRule(rule="U-2", condition="uitd_main_power_fault", bits=(3,)),
    StateRule(rule="U-2", condition="uitd_standby_power_fault", bits=(4,)),
    StateRule(rule="U-3", condition="uitd_channel_fault", bits=(5,)),
    StateRule(rule="U-2", condition="uitd_line_fault", bits=(6,)),
)

OPERATION_CONDITIONS: Final = (
    Condition(key="manual_alarm", rule="O-1", alarm_class=F, title=N_("手动报警"), kind="manual_alarm"),
    Condition(key="operation_reset", rule="O-2", alarm_class=I, title=N_("复位操作")),
    Condition(key="operation_alarm_cleared", rule="O-2", alarm_class=I, title=N_("警情消除操作")),
    Condition(key="operation_mute", rule="O-3", alarm_class=I, title=N_("消音操作")),
    Condition(key="operation_self_test", rule="O-3", alarm_class=I, title=N_("自检操作")),
    Condition(key="operation_acknowledge", rule="O-3", alarm_class=I, title=N_("确认操作")),
    Condition(key="duty_check_answer", rule="O-3", alarm_class=I, title=N_("查岗应答")),
    Condition(key="operation_test", rule="O-3", alarm_class=I, title=N_("测试操作")),
    Condition(key="operation_unknown", rule="P-15", alarm_class=I, title=N_("未知操作")),
)

_FACILITY_OPERATIONS: Final = {
    0: "operation_reset",
    1: "operation_mute",
    2: "manual_alarm",
    3: "operation_alarm_cleared",
    4: "operation_self_test",
    5: "operation_acknowledge",
    6: "operation_test",
}
#: tables 6.3 and 6.5: they differ in bit 5 only
OPERATION_RULES: Final = {
    Level.SYSTEM: _FACILITY_OPERATIONS,
    Level.UITD: _FACILITY_OPERATIONS | {5: "duty_check_answer"},
}

OTHER_CONDITIONS: Final = (
    Condition(
        key="unreadable_fire",
        rule="V-1",
        alarm_class=F,
        title=N_("疑似火警(无法解析的上报信息)"),
        kind="fire",
        ends_on_reset=False,
    ),
    Condition(key="unreadable", rule="V-2", alarm_class=A, title=N_("无法解析的上报信息"), ends_on_reset=False),
    Condition(key="link_lost", rule="L-1", alarm_class=C, title=N_("通信中断"), ends_on_reset=False),
    Condition(key="mass_outage", rule="L-3", alarm_class=C, title=N_("线路中断"), ends_on_reset=False),
    Condition(key="point_stale", rule="L-2", alarm_class=C, title=N_("监测点数据中断"), ends_on_reset=False),
)
