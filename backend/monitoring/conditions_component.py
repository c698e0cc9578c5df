"""CONDITIONS of components, as rows in order of precedence (GB 50440 extract, 4.2 and 5). Data only.

P-16 and P-17 are ours: what a known part's bits 5 to 7 say when no rule names it (shown, no alarm), and the
Dahua bits above 15 (protocol extract, 11.4). "A5.1" is the row of part 1 that asks for bit 11 of a gas controller.
"""

from typing import Final

from backend.core.i18n import N_
from backend.core.vocabulary import AlarmClass
from backend.monitoring.conditions_system import POWER_SUPPLY, RELEASING
from backend.monitoring.terms import CABINET_ROLES, HYDRANT_PRESSURE_ROLES, LEVEL_ROLES, Condition, Contact, StateRule
from backend.monitoring.words import COMPONENT_TYPES, FIRST_USER_CODE
from backend.registry.model import ClosedMeans, ComponentRole

F, G, A, X, C, I = (AlarmClass(letter) for letter in "FGAXCI")  # noqa: E741 - the letters of the classes

GAS_DETECTORS: Final = frozenset({10, 11, 12, 13, 74})
ELECTRICAL_DETECTORS: Final = frozenset({16, 17, 18})
CALL_POINTS: Final = frozenset({23})
HYDRANT_BUTTONS: Final = frozenset({24})
#: P-3: whose fault is item a; the last five are Dahua's arc, temperature, NB smoke, gas flow and propane
DETECTORS: Final = frozenset({*range(10, 14), *range(16, 19), 21, *range(23, 26), *range(30, 80)}) | {
    129, 133, 134, 151, 155,
}  # fmt: skip
PUMPS: Final = frozenset({91, 95, 105})
FLOW_SWITCHES: Final = frozenset({96, 98, 99})
PRESSURE_SWITCHES: Final = frozenset({99})
SIGNAL_VALVES: Final = frozenset({97})
WATER_TANKS: Final = frozenset({92})
LEVEL_SENSORS: Final = frozenset({131})
PRESSURE_SENSORS: Final = frozenset({128})
RELEASE_PARTS: Final = frozenset({81, 101})
GAS_CONTROLLERS: Final = frozenset({81})
ACTING_PARTS: Final = frozenset({*range(102, 105), 111, *range(113, 119), 121})
MODULES: Final = frozenset({0, 82, *range(84, 89)})
DETECTING_ROLES: Final = frozenset({ComponentRole.DETECTOR, ComponentRole.CALL_POINT})

#: parts whose bits 5 and 6 a role never re-reads
FIXED_PARTS: Final = DETECTORS | HYDRANT_BUTTONS
CONTACT_BITS: Final = (5, 6)


def is_free_part(component_type: int | None) -> bool:
    """Whether bits 5 and 6 mean what the point table says (P-14): modules, user-defined and unknown types.

    A device that sends a reserved code defines it itself, so reserved codes count as user-defined.
    """
    if component_type is None or component_type in MODULES:
        return True
    if component_type in FIXED_PARTS | LEVEL_SENSORS:
        return False
    return component_type >= FIRST_USER_CODE or component_type not in COMPONENT_TYPES


COMPONENT_CONDITIONS: Final = (
    Condition(key="fire", rule="P-1", alarm_class=F, title=N_("火灾报警"), kind="fire"),
    Condition(key="gas", rule="P-1", alarm_class=F, title=N_("可燃气体报警"), kind="gas"),
    Condition(key="electrical", rule="P-1", alarm_class=F, title=N_("电气火灾监控报警"), kind="electrical"),
    Condition(key="call_point", rule="P-1", alarm_class=F, title=N_("手动火灾报警按钮报警"), kind="call_point"),
    Condition(key="hydrant_button", rule="P-1", alarm_class=F, title=N_("消火栓按钮报警"), kind="hydrant_button"),
    Condition(key="detector_fault", rule="P-3", alarm_class=X, title=N_("火灾探测器故障"), item="a"),
    Condition(
        key="cabinet_power_fault",
        rule="P-4",
        alarm_class=X,
        title=N_("消防水泵、稳压泵控制柜电源故障"),
        item="e",
        ends_on_reset=False,
    ),
    Condition(key="pump_running", rule="P-5", alarm_class=A, title=N_("消防水泵启动")),
    Condition(key="jockey_running", rule="P-14", alarm_class=A, title=N_("稳压泵启动")),
    Condition(key="water_flow", rule="P-6", alarm_class=A, title=N_("管路水流动作")),
    Condition(key="pressure_switch", rule="P-6", alarm_class=A, title=N_("压力开关动作")),
    Condition(key="signal_valve_closed", rule="P-7", alarm_class=A, title=N_("信号阀关闭")),
    Condition(
        key="level_contact",
        rule="P-8",
        alarm_class=A,
        title=N_("消防水箱(池)水位异常"),
        item="b",
        ends_on_reset=False,
    ),
    Condition(
        key="part_release_countdown",
        rule="P-9",
        alarm_class=G,
        title=N_("气体灭火喷放延时"),
        kind="release",
    ),
    Condition(key="part_release_started", rule="P-9", alarm_class=G, title=N_("气体灭火启动喷放"), kind="release"),
    Condition(key="part_release_feedback", rule="P-9", alarm_class=A, title=N_("灭火驱动装置反馈")),
    Condition(
        key="gas_controller_manual",
        rule="A5.1",
        alarm_class=A,
        title=N_("气体灭火控制器手动状态"),
        ends_on_reset=False,
    ),
    Condition(key="part_acted", rule="P-10", alarm_class=A, title=N_("设备动作")),
    Condition(key="pump_fault", rule="P-11", alarm_class=X, title=N_("消防水泵故障")),
    Condition(key="component_fault", rule="P-11", alarm_class=X, title=N_("部件故障")),
    Condition(key="component_power_fault", rule="P-11", alarm_class=X, title=N_("部件电源故障")),
    Condition(key="component_disabled", rule="P-12", alarm_class=A, title=N_("部件屏蔽")),
    Condition(key="component_supervisory", rule="P-13", alarm_class=A, title=N_("部件监管")),
    Condition(key="module_acted", rule="P-14", alarm_class=A, title=N_("模块动作")),
    Condition(
        key="cabinet_not_automatic",
        rule="P-14",
        alarm_class=A,
        title=N_("消防水泵、稳压泵控制柜非自动状态"),
        item="d",
        ends_on_reset=False,
    ),
    Condition(
        key="worst_pressure_contact",
        rule="P-14",
        alarm_class=A,
        title=N_("供水分区最不利点处低压"),
        item="c",
        ends_on_reset=False,
    ),
    Condition(
        key="hydrant_pressure_contact",
        rule="P-14",
        alarm_class=A,
        title=N_("试验消火栓、室外消火栓低压力"),
        item="f",
        ends_on_reset=False,
    ),
    Condition(
        key="pipe_pressure_contact",
        rule="P-14",
        alarm_class=A,
        title=N_("管网压力异常"),
        ends_on_reset=False,
    ),
    Condition(key="emergency_stop", rule="P-14", alarm_class=A, title=N_("紧急停止")),
    Condition(key="supply_contact", rule="P-14", alarm_class=X, title=N_("消防电源故障"), ends_on_reset=False),
    Condition(key="component_reserved_bits", rule="P-15", alarm_class=I, title=N_("未知部件状态位")),
    Condition(key="component_action", rule="P-16", alarm_class=I, title=N_("部件动作信息")),
    Condition(key="vendor_power_save", rule="P-17", alarm_class=I, title=N_("节电状态")),
    Condition(key="vendor_arc", rule="P-17", alarm_class=A, title=N_("故障电弧")),
    Condition(key="vendor_limit", rule="P-17", alarm_class=A, title=N_("监测值越限或波动")),
    Condition(key="vendor_opened", rule="P-17", alarm_class=A, title=N_("箱盖或门打开")),
)

_PRESSURE_OTHER: Final = frozenset({ComponentRole.PIPE_PRESSURE})
_PRESSURE_ROLES: Final = HYDRANT_PRESSURE_ROLES | {ComponentRole.WORST_POINT_PRESSURE, ComponentRole.PIPE_PRESSURE}
_WORST_POINT: Final = frozenset({ComponentRole.WORST_POINT_PRESSURE})
_VENDOR_FAULT_BITS: Final = (9, 10, 11, 12, 13, 14, 15, 17)
_UNDER: Final = (21,)
_OVER: Final = (20,)
_LIMIT_BITS: Final = (20, 21)

COMPONENT_RULES: Final = (
    # P-8 stands before P-1: bit 1 of a tank is its level. A code 131 of an unknown vendor keeps its fire.
    StateRule(rule="P-8", condition="level_contact", bits=(1, 2, 4, 5, 6), components=WATER_TANKS),
    StateRule(rule="P-8", condition="level_contact", bits=(2, 4, 5, 6), components=LEVEL_SENSORS),
    StateRule(rule="P-8", condition="level_contact", bits=(1,), components=LEVEL_SENSORS, vendor=True),
    StateRule(rule="P-8", condition="level_contact", bits=(1,), components=LEVEL_SENSORS, roles=LEVEL_ROLES),
    StateRule(
        rule="P-8",
        condition="level_contact",
        bits=_LIMIT_BITS,
        components=WATER_TANKS | LEVEL_SENSORS,
        vendor=True,
    ),
    StateRule(rule="P-8", condition="level_contact", bits=_LIMIT_BITS, roles=LEVEL_ROLES, vendor=True),
    StateRule(rule="P-1", condition="gas", bits=(1,), components=GAS_DETECTORS),
    StateRule(rule="P-1", condition="electrical", bits=(1,), components=ELECTRICAL_DETECTORS),
    StateRule(rule="P-1", condition="call_point", bits=(1,), components=CALL_POINTS),
    StateRule(rule="P-1", condition="hydrant_button", bits=(1,), components=HYDRANT_BUTTONS),
    StateRule(rule="P-1", condition="fire", bits=(1,)),
    StateRule(rule="P-2", condition="hydrant_button", bits=CONTACT_BITS, components=HYDRANT_BUTTONS),
    StateRule(rule="P-3", condition="detector_fault", bits=(2, 8), components=DETECTORS),
    StateRule(rule="P-3", condition="detector_fault", bits=_VENDOR_FAULT_BITS, components=DETECTORS, vendor=True),
    StateRule(rule="P-3", condition="detector_fault", bits=(2, 8), roles=DETECTING_ROLES),
    StateRule(
        rule="P-4",
        condition="cabinet_power_fault",
        bits=(2, 8, 9),
        systems=POWER_SUPPLY,
        roles=CABINET_ROLES,
    ),
    StateRule(rule="P-4", condition="cabinet_power_fault", bits=(8,), components=PUMPS),
    StateRule(rule="P-4", condition="cabinet_power_fault", bits=(8,), roles=CABINET_ROLES),
    StateRule(rule="P-5", condition="pump_running", bits=CONTACT_BITS, components=PUMPS),
    StateRule(
        rule="P-6",
        condition="pressure_switch",
        bits=CONTACT_BITS,
        systems=RELEASING,
        components=PRESSURE_SWITCHES,
    ),
    StateRule(rule="P-6", condition="water_flow", bits=CONTACT_BITS, components=FLOW_SWITCHES),
    StateRule(rule="P-7", condition="signal_valve_closed", bits=(4, 5, 6), components=SIGNAL_VALVES),
    StateRule(rule="P-9", condition="part_release_started", bits=(5,), components=RELEASE_PARTS),
    StateRule(rule="P-9", condition="part_release_countdown", bits=(7,), components=RELEASE_PARTS),
    StateRule(rule="P-9", condition="part_release_feedback", bits=(6,), components=RELEASE_PARTS),
    StateRule(rule="P-10", condition="part_acted", bits=CONTACT_BITS, components=ACTING_PARTS),
    StateRule(rule="P-11", condition="pump_fault", bits=(2,), components=PUMPS),
    StateRule(rule="P-11", condition="component_fault", bits=(2,)),
    StateRule(rule="P-11", condition="component_power_fault", bits=(8,)),
    StateRule(rule="P-11", condition="component_fault", bits=_VENDOR_FAULT_BITS, vendor=True),
    StateRule(rule="P-12", condition="component_disabled", bits=(3,)),
    StateRule(rule="P-13", condition="component_supervisory", bits=(4,)),
    StateRule(rule="A5.1", condition="gas_controller_manual", bits=(11,), components=GAS_CONTROLLERS),
    StateRule(rule="P-16", condition="component_action", bits=(5, 6, 7)),
    StateRule(
        rule="P-17",
        condition="hydrant_pressure_contact",
        bits=_UNDER,
        roles=HYDRANT_PRESSURE_ROLES,
        vendor=True,
    ),
    StateRule(rule="P-17", condition="worst_pressure_contact", bits=_UNDER, roles=_WORST_POINT, vendor=True),
    StateRule(rule="P-17", condition="pipe_pressure_contact", bits=_UNDER, roles=_PRESSURE_OTHER, vendor=True),
    StateRule(rule="P-17", condition="worst_pressure_contact", bits=_UNDER, components=PRESSURE_SENSORS, vendor=True),
    StateRule(rule="P-17", condition="pipe_pressure_contact", bits=_OVER, roles=_PRESSURE_ROLES, vendor=True),
    StateRule(rule="P-17", condition="pipe_pressure_contact", bits=_OVER, components=PRESSURE_SENSORS, vendor=True),
    StateRule(rule="P-17", condition="vendor_power_save", bits=(16,), vendor=True),
    StateRule(rule="P-17", condition="vendor_arc", bits=(18,), vendor=True),
    StateRule(rule="P-17", condition="vendor_limit", bits=(19, 20, 21), vendor=True),
    StateRule(rule="P-17", condition="vendor_opened", bits=(22, 23), vendor=True),
)

#: P-14: what a role makes of bits 5 and 6 (extract, 6). Closed = condition, save where section 5 d says automatic.
CONTACTS: Final = {
    ComponentRole.DETECTOR: Contact(condition="fire", closed_means=ClosedMeans.ALARM),
    ComponentRole.CALL_POINT: Contact(condition="call_point", closed_means=ClosedMeans.ALARM),
    ComponentRole.TANK_LEVEL: Contact(condition="level_contact", closed_means=ClosedMeans.ALARM),
    ComponentRole.POOL_LEVEL: Contact(condition="level_contact", closed_means=ClosedMeans.ALARM),
    ComponentRole.WORST_POINT_PRESSURE: Contact(
        condition="worst_pressure_contact", closed_means=ClosedMeans.LOW_PRESSURE
    ),
    ComponentRole.TEST_HYDRANT_PRESSURE: Contact(
        condition="hydrant_pressure_contact", closed_means=ClosedMeans.LOW_PRESSURE
    ),
    ComponentRole.OUTDOOR_HYDRANT_PRESSURE: Contact(
        condition="hydrant_pressure_contact", closed_means=ClosedMeans.LOW_PRESSURE
    ),
    ComponentRole.PIPE_PRESSURE: Contact(condition="pipe_pressure_contact", closed_means=ClosedMeans.ALARM),
    ComponentRole.PUMP_RUNNING: Contact(condition="pump_running", closed_means=ClosedMeans.RUNNING),
    ComponentRole.JOCKEY_RUNNING: Contact(condition="jockey_running", closed_means=ClosedMeans.RUNNING),
    ComponentRole.PUMP_FAULT: Contact(condition="pump_fault", closed_means=ClosedMeans.FAULT),
    ComponentRole.PUMP_CABINET_AUTO: Contact(condition="cabinet_not_automatic", closed_means=ClosedMeans.AUTOMATIC),
    ComponentRole.PUMP_CABINET_MANUAL: Contact(condition="cabinet_not_automatic", closed_means=ClosedMeans.MANUAL),
    ComponentRole.PUMP_CABINET_POWER: Contact(condition="cabinet_power_fault", closed_means=ClosedMeans.POWER_FAULT),
    ComponentRole.SIGNAL_VALVE: Contact(condition="signal_valve_closed", closed_means=ClosedMeans.VALVE_CLOSED),
    ComponentRole.FLOW: Contact(condition="water_flow", closed_means=ClosedMeans.FLOWING),
    ComponentRole.EMERGENCY_STOP: Contact(condition="emergency_stop", closed_means=ClosedMeans.ALARM),
    ComponentRole.GAS_RELEASE: Contact(condition="part_release_started", closed_means=ClosedMeans.ALARM),
    ComponentRole.DOOR: Contact(condition="part_acted", closed_means=ClosedMeans.ALARM),
    ComponentRole.FAN: Contact(condition="part_acted", closed_means=ClosedMeans.ALARM),
    ComponentRole.POWER_SUPPLY: Contact(condition="supply_contact", closed_means=ClosedMeans.POWER_FAULT),
}

#: the role that a contact's meaning tells of where the point table names none
ROLE_OF_MEANING: Final = {
    ClosedMeans.AUTOMATIC: ComponentRole.PUMP_CABINET_AUTO,
    ClosedMeans.MANUAL: ComponentRole.PUMP_CABINET_MANUAL,
    ClosedMeans.OFF: ComponentRole.PUMP_CABINET_MANUAL,
    ClosedMeans.SERVICE: ComponentRole.PUMP_CABINET_MANUAL,
    ClosedMeans.LOW: ComponentRole.TANK_LEVEL,
    ClosedMeans.HIGH: ComponentRole.TANK_LEVEL,
    ClosedMeans.OVERFLOW: ComponentRole.TANK_LEVEL,
    ClosedMeans.LOW_PRESSURE: ComponentRole.WORST_POINT_PRESSURE,
    ClosedMeans.POWER_FAULT: ComponentRole.POWER_SUPPLY,
    ClosedMeans.POWER_NORMAL: ComponentRole.POWER_SUPPLY,
    ClosedMeans.RUNNING: ComponentRole.PUMP_RUNNING,
    ClosedMeans.FAULT: ComponentRole.PUMP_FAULT,
    ClosedMeans.VALVE_CLOSED: ComponentRole.SIGNAL_VALVE,
    ClosedMeans.VALVE_OPEN: ComponentRole.SIGNAL_VALVE,
    ClosedMeans.FLOWING: ComponentRole.FLOW,
}
