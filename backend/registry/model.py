"""What is registered, as structs: facts for the hot path, and rows for pages. Pure.

The facts are lean (no cycles, so the garbage collector need not look at them): a process keeps 10 000 devices
and 100 000 components of them.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from backend.core.i18n import N_
from backend.core.ids import BuildingId, ComponentId, DeviceId, UnitId, ZoneId
from backend.core.vocabulary import DeviceKind, Power

#: how a device departs from the standard (GB/T 26875.3 extract, 11.8); the gateway holds what each means
PROFILES: Final = ("standard", "jk", "dahua", "hikvision", "printer-text", "gst")
DEFAULT_PROFILE: Final = PROFILES[0]
DEFAULT_TIMEZONE: Final = "Asia/Shanghai"


class ComponentRole(StrEnum):
    """What a point is for, which its wire key can't say (点表; GB 50440 extract, 6)."""

    DETECTOR = "detector"
    CALL_POINT = "call_point"
    TANK_LEVEL = "tank_level"
    POOL_LEVEL = "pool_level"
    WORST_POINT_PRESSURE = "worst_point_pressure"
    TEST_HYDRANT_PRESSURE = "test_hydrant_pressure"
    OUTDOOR_HYDRANT_PRESSURE = "outdoor_hydrant_pressure"
    PIPE_PRESSURE = "pipe_pressure"
    PUMP_RUNNING = "pump_running"
    JOCKEY_RUNNING = "jockey_running"
    PUMP_FAULT = "pump_fault"
    PUMP_CABINET_AUTO = "pump_cabinet_auto"  #: contact closed = automatic
    PUMP_CABINET_MANUAL = "pump_cabinet_manual"  #: contact closed = manual
    PUMP_CABINET_POWER = "pump_cabinet_power"
    PUMP_CABINET_VOLTAGE = "pump_cabinet_voltage"
    SIGNAL_VALVE = "signal_valve"
    FLOW = "flow"
    EMERGENCY_STOP = "emergency_stop"
    GAS_RELEASE = "gas_release"
    DOOR = "door"
    FAN = "fan"
    POWER_SUPPLY = "power_supply"
    OTHER = "other"


COMPONENT_ROLE_LABELS: Final = {
    ComponentRole.DETECTOR: N_("火灾探测器"),
    ComponentRole.CALL_POINT: N_("报警按钮"),
    ComponentRole.TANK_LEVEL: N_("消防水箱水位"),
    ComponentRole.POOL_LEVEL: N_("消防水池水位"),
    ComponentRole.WORST_POINT_PRESSURE: N_("最不利点压力"),
    ComponentRole.TEST_HYDRANT_PRESSURE: N_("试验消火栓压力"),
    ComponentRole.OUTDOOR_HYDRANT_PRESSURE: N_("室外消火栓压力"),
    ComponentRole.PIPE_PRESSURE: N_("管网压力"),
    ComponentRole.PUMP_RUNNING: N_("消防水泵运行"),
    ComponentRole.JOCKEY_RUNNING: N_("稳压泵运行"),
    ComponentRole.PUMP_FAULT: N_("消防水泵故障"),
    ComponentRole.PUMP_CABINET_AUTO: N_("水泵控制柜自动状态"),
    ComponentRole.PUMP_CABINET_MANUAL: N_("水泵控制柜手动状态"),
    ComponentRole.PUMP_CABINET_POWER: N_("水泵控制柜电源"),
    ComponentRole.PUMP_CABINET_VOLTAGE: N_("水泵控制柜电压"),
    ComponentRole.SIGNAL_VALVE: N_("信号阀"),
    ComponentRole.FLOW: N_("水流"),
    ComponentRole.EMERGENCY_STOP: N_("紧急停止"),
    ComponentRole.GAS_RELEASE: N_("气体喷放"),
    ComponentRole.DOOR: N_("防火门、卷帘"),
    ComponentRole.FAN: N_("风机"),
    ComponentRole.POWER_SUPPLY: N_("消防电源"),
    ComponentRole.OTHER: N_("其他"),
}


class ClosedMeans(StrEnum):
    """What a closed contact (bit 5 or 6 set) says, by the point table (触点闭合含义; extract, 6)."""

    ALARM = "alarm"  #: what the role is there to tell
    NORMAL = "normal"  #: all is well; open is the alarm
    AUTOMATIC = "automatic"
    MANUAL = "manual"
    OFF = "off"
    SERVICE = "service"
    LOW = "low"
    HIGH = "high"
    OVERFLOW = "overflow"
    LOW_PRESSURE = "low_pressure"
    POWER_FAULT = "power_fault"
    POWER_NORMAL = "power_normal"
    RUNNING = "running"
    FAULT = "fault"
    VALVE_CLOSED = "valve_closed"
    VALVE_OPEN = "valve_open"
    FLOWING = "flowing"


CLOSED_MEANS_LABELS: Final = {
    ClosedMeans.ALARM: N_("报警"),
    ClosedMeans.NORMAL: N_("正常"),
    ClosedMeans.AUTOMATIC: N_("自动"),
    ClosedMeans.MANUAL: N_("手动"),
    ClosedMeans.OFF: N_("停止"),
    ClosedMeans.SERVICE: N_("检修"),
    ClosedMeans.LOW: N_("低水位"),
    ClosedMeans.HIGH: N_("高水位"),
    ClosedMeans.OVERFLOW: N_("溢流"),
    ClosedMeans.LOW_PRESSURE: N_("低压"),
    ClosedMeans.POWER_FAULT: N_("电源故障"),
    ClosedMeans.POWER_NORMAL: N_("电源正常"),
    ClosedMeans.RUNNING: N_("运行"),
    ClosedMeans.FAULT: N_("故障"),
    ClosedMeans.VALVE_CLOSED: N_("阀门关闭"),
    ClosedMeans.VALVE_OPEN: N_("阀门开启"),
    ClosedMeans.FLOWING: N_("水流动作"),
}


class WireKey(Protocol):
    """Whatever names a system or a component behind a device; a Report's Subject does."""

    @property
    def system_type(self) -> int | None:
        """系统类型."""
        ...

    @property
    def system_address(self) -> int | None:
        """系统地址."""
        ...

    @property
    def component_address(self) -> str | None:
        """部件地址: 8 hex digits in wire order; None speaks of the system or the device."""
        ...


class DeviceFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A device as the hot path needs it. Without a unit it is unidentified (未登记设备)."""

    id: DeviceId
    address: str
    unit: UnitId | None
    building: BuildingId | None
    kind: DeviceKind
    power: Power
    profile: str
    name: str
    timezone: str | None  #: of its unit


class AnalogPoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One analog of a component: limits in `measure`; `scale`: worth of one count, if not the table's."""

    id: ComponentId
    quantity: int
    measure: str
    role: ComponentRole
    low: Decimal | None
    high: Decimal | None
    scale: Decimal | None
    hysteresis: Decimal | None
    interval_s: int | None  #: how often it reports; silence beyond twice this + 60 s is stale


NO_POINTS: Final[Mapping[int, AnalogPoint]] = MappingProxyType({})


class ComponentFacts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A component (部件) as the hot path needs it, with its analogs by quantity (模拟量类型)."""

    id: ComponentId
    component_type: int
    zone: ZoneId | None
    description: str
    role: ComponentRole
    closed_means: ClosedMeans | None
    points: Mapping[int, AnalogPoint] = NO_POINTS


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where something is, in words for people; empty where the registry doesn't know."""

    unit: UnitId | None = None
    unit_name: str = ""
    timezone: str = DEFAULT_TIMEZONE
    device_name: str = ""
    building: str = ""
    zone: str = ""
    floor: str = ""
    description: str = ""


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A networked unit (联网单位)."""

    id: UnitId
    code: str
    name: str
    address: str
    timezone: str


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A zone (区域) of a building."""

    id: ZoneId
    building: BuildingId
    code: str
    name: str
    floor: str


class Building(msgspec.Struct, frozen=True, kw_only=True):
    """A building (建(构)筑物) with its zones."""

    id: BuildingId
    unit: UnitId
    code: str
    name: str
    address: str
    zones: tuple[Zone, ...] = ()


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A UITD or collector as pages show it (用户信息传输装置、信息采集装置)."""

    id: DeviceId
    unit: UnitId | None
    building: BuildingId | None
    kind: DeviceKind
    address: str
    power: Power
    profile: str
    name: str
    first_seen_at: datetime | None
    adopted_at: datetime | None


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the point table (点表): a component, or one quantity of it."""

    id: ComponentId
    device: DeviceId
    zone: ZoneId | None
    system_type: int
    system_address: int
    component_type: int
    component_address: str
    description: str
    role: ComponentRole
    quantity: int | None
    low: Decimal | None
    high: Decimal | None
    scale: Decimal | None
    hysteresis: Decimal | None
    interval_s: int | None
    closed_means: ClosedMeans | None


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """A service agreement (服务协议): what is monitored and the repair time agreed."""

    unit: UnitId
    number: str
    scope: str
    repair_hours: int
    starts_on: datetime
    ends_on: datetime | None = None
    is_active: bool = True


class UnitTree(msgspec.Struct, frozen=True, kw_only=True):
    """A unit with all that belongs to it except its components."""

    unit: Unit
    buildings: tuple[Building, ...]
    devices: tuple[Device, ...]
    agreements: tuple[Agreement, ...]
