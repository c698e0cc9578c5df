"""The standard's enumerations (sections 1.1, 3 and 5), with Chinese and English names.

A code no table knows stays an integer everywhere; the `…_name` functions then say "未知类型 200". A
profile's own codes come in through `vocabulary`.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol, Self

import msgspec

from protocol_gateway.gb26875.bits import (
    BitField,
    ComponentStateBit,
    LabelledBit,
    OperationBit,
    SystemStateBit,
    UitdOperationBit,
    UitdStateBit,
    bits_of,
)
from protocol_gateway.gb26875.component_types import ComponentType
from protocol_gateway.gb26875.labels import Label, LabelledCode, label_of

__all__ = [
    "ANALOG_TYPES",
    "ANSWER_TYPES",
    "AnalogType",
    "BitField",
    "Command",
    "ComponentStateBit",
    "ComponentType",
    "Direction",
    "Label",
    "LabelledBit",
    "OperationBit",
    "SystemStateBit",
    "SystemType",
    "TypeFlag",
    "UitdOperationBit",
    "UitdStateBit",
    "Vocabulary",
    "analog_type",
    "analog_type_name",
    "bits_of",
    "command_label",
    "component_type_name",
    "is_user_code",
    "system_type_name",
    "type_flag_name",
]

_FIRST_USER_CODE: Final = 128


def is_user_code(code: int) -> bool:
    """Whether a command, type flag or enumeration value lies in the user-defined range, 128 and above."""
    return code >= _FIRST_USER_CODE


class Command(LabelledCode):
    """命令字节: the control unit's last octet (section 1.1)."""

    #: The centre tells the device to act: clock, initialise, post check.
    CONTROL = 1, "control", "控制命令"
    #: The device reports.
    SEND = 2, "send", "发送数据"
    #: Receipt of a frame; never a person's acknowledgement.
    CONFIRM = 3, "confirm", "确认"
    #: The centre asks.
    REQUEST = 4, "request", "请求"
    #: The device answers a request.
    RESPONSE = 5, "response", "应答"
    #: The frame failed a check; the starter sends it again.
    DENY = 6, "deny", "否认"


class Direction(StrEnum):
    """Which way a type travels."""

    UP = "up"
    DOWN = "down"


_UP: Final = frozenset({Command.SEND, Command.RESPONSE})
_READ: Final = frozenset({Command.REQUEST})
_ACT: Final = frozenset({Command.CONTROL})


class TypeFlag(LabelledCode):
    """类型标志 (section 3): what an application data unit's objects are."""

    SYSTEM_STATE = 1, "facility system state", "建筑消防设施系统状态"
    COMPONENT_STATE = 2, "facility part running state", "建筑消防设施部件运行状态"
    ANALOG_VALUE = 3, "facility part analog value", "建筑消防设施部件模拟量值"
    FACILITY_OPERATION = 4, "facility operation", "建筑消防设施操作信息"
    SOFTWARE_VERSION = 5, "facility software version", "建筑消防设施软件版本"
    SYSTEM_CONFIGURATION = 6, "facility system configuration", "建筑消防设施系统配置情况"
    COMPONENT_CONFIGURATION = 7, "facility part configuration", "建筑消防设施部件配置情况"
    SYSTEM_CLOCK = 8, "facility system time", "建筑消防设施系统时间"
    UITD_STATE = 21, "UITD running state", "用户信息传输装置运行状态"
    UITD_OPERATION = 24, "UITD operation", "用户信息传输装置操作信息"
    UITD_VERSION = 25, "UITD software version", "用户信息传输装置软件版本"
    UITD_CONFIGURATION = 26, "UITD configuration", "用户信息传输装置配置情况"
    UITD_CLOCK = 28, "UITD system time", "用户信息传输装置系统时间"
    READ_SYSTEM_STATE = 61, "read system state", "读建筑消防设施系统状态"
    READ_COMPONENT_STATE = 62, "read part state", "读建筑消防设施部件运行状态"
    READ_ANALOG_VALUE = 63, "read part analog value", "读建筑消防设施部件模拟量值"
    READ_OPERATIONS = 64, "read operations", "读建筑消防设施操作信息"
    READ_SOFTWARE_VERSION = 65, "read software version", "读建筑消防设施软件版本"
    READ_SYSTEM_CONFIGURATION = 66, "read system configuration", "读建筑消防设施系统配置情况"
    READ_COMPONENT_CONFIGURATION = 67, "read part configuration", "读建筑消防设施部件配置情况"
    READ_SYSTEM_CLOCK = 68, "read system time", "读建筑消防设施系统时间"
    READ_UITD_STATE = 81, "read UITD state", "读用户信息传输装置运行状态"
    READ_UITD_OPERATIONS = 84, "read UITD operations", "读用户信息传输装置操作信息记录"
    READ_UITD_VERSION = 85, "read UITD version", "读用户信息传输装置软件版本"
    READ_UITD_CONFIGURATION = 86, "read UITD configuration", "读用户信息传输装置配置情况"
    READ_UITD_CLOCK = 88, "read UITD time", "读用户信息传输装置系统时间"
    INITIALISE_UITD = 89, "initialise UITD", "初始化用户信息传输装置"
    SYNCHRONISE_CLOCK = 90, "synchronise UITD clock", "同步用户信息传输装置时钟"
    DUTY_CHECK = 91, "post check", "查岗命令"

    @property
    def direction(self) -> Direction:
        """Up types come from the device, down types go to it."""
        return Direction.UP if self < TypeFlag.READ_SYSTEM_STATE else Direction.DOWN

    @property
    def commands(self) -> frozenset[Command]:
        """The commands this type may travel under."""
        if self.direction is Direction.UP:
            return _UP
        return _ACT if self >= TypeFlag.INITIALISE_UITD else _READ

    @property
    def max_objects(self) -> int:
        """How many objects of this type fit one unit (信息对象数目 at most)."""
        return _MAX_OBJECTS.get(self, 1)

    @property
    def is_timed(self) -> bool:
        """Whether each object ends in the time tag of its event."""
        return self in _TIMED

    @property
    def answer(self) -> "TypeFlag | None":
        """The type a device answers this read with, or None for what is only confirmed."""
        return ANSWER_TYPES.get(self)


_TIMED: Final = frozenset(
    {
        TypeFlag.SYSTEM_STATE,
        TypeFlag.COMPONENT_STATE,
        TypeFlag.ANALOG_VALUE,
        TypeFlag.FACILITY_OPERATION,
        TypeFlag.UITD_STATE,
        TypeFlag.UITD_OPERATION,
    },
)

_MAX_OBJECTS: Final[Mapping[TypeFlag, int]] = {
    TypeFlag.SYSTEM_STATE: 102,
    TypeFlag.COMPONENT_STATE: 22,
    TypeFlag.ANALOG_VALUE: 63,
    TypeFlag.FACILITY_OPERATION: 102,
    TypeFlag.SYSTEM_CONFIGURATION: 3,
    TypeFlag.COMPONENT_CONFIGURATION: 26,
    TypeFlag.UITD_OPERATION: 127,
    TypeFlag.READ_SYSTEM_STATE: 102,
    TypeFlag.READ_COMPONENT_STATE: 22,
    TypeFlag.READ_ANALOG_VALUE: 63,
    TypeFlag.READ_SYSTEM_CONFIGURATION: 3,
    TypeFlag.READ_COMPONENT_CONFIGURATION: 26,
}

#: Which up type answers which read (section 3, answer pairs).
ANSWER_TYPES: Final[Mapping[int, TypeFlag]] = {
    TypeFlag.READ_SYSTEM_STATE: TypeFlag.SYSTEM_STATE,
    TypeFlag.READ_COMPONENT_STATE: TypeFlag.COMPONENT_STATE,
    TypeFlag.READ_ANALOG_VALUE: TypeFlag.ANALOG_VALUE,
    TypeFlag.READ_OPERATIONS: TypeFlag.FACILITY_OPERATION,
    TypeFlag.READ_SOFTWARE_VERSION: TypeFlag.SOFTWARE_VERSION,
    TypeFlag.READ_SYSTEM_CONFIGURATION: TypeFlag.SYSTEM_CONFIGURATION,
    TypeFlag.READ_COMPONENT_CONFIGURATION: TypeFlag.COMPONENT_CONFIGURATION,
    TypeFlag.READ_SYSTEM_CLOCK: TypeFlag.SYSTEM_CLOCK,
    TypeFlag.READ_UITD_STATE: TypeFlag.UITD_STATE,
    TypeFlag.READ_UITD_OPERATIONS: TypeFlag.UITD_OPERATION,
    TypeFlag.READ_UITD_VERSION: TypeFlag.UITD_VERSION,
    TypeFlag.READ_UITD_CONFIGURATION: TypeFlag.UITD_CONFIGURATION,
    TypeFlag.READ_UITD_CLOCK: TypeFlag.UITD_CLOCK,
}


class SystemType(LabelledCode):
    """系统类型 (section 5.1). 128-255 are user-defined; a profile may name them."""

    GENERAL = 0, "general", "通用"
    FIRE_ALARM = 1, "fire alarm system", "火灾报警系统"
    LINKAGE_CONTROLLER = 10, "fire linkage controller", "消防联动控制器"
    HYDRANTS = 11, "hydrants", "消火栓系统"
    SPRINKLERS = 12, "sprinklers", "自动喷水灭火系统"
    GAS_EXTINGUISHING = 13, "gas extinguishing", "气体灭火系统"
    WATER_SPRAY_PUMP = 14, "water spray, pump-started", "水喷雾灭火系统(泵启动方式)"
    WATER_SPRAY_VESSEL = 15, "water spray, pressure vessel", "水喷雾灭火系统(压力容器启动方式)"
    FOAM = 16, "foam", "泡沫灭火系统"
    DRY_POWDER = 17, "dry powder", "干粉灭火系统"
    SMOKE_CONTROL = 18, "smoke control", "防烟排烟系统"
    DOORS_AND_SHUTTERS = 19, "fire doors and shutters", "防火门及卷帘系统"
    FIRE_LIFT = 20, "fire lift", "消防电梯"
    EMERGENCY_BROADCAST = 21, "emergency broadcast", "消防应急广播"
    EMERGENCY_LIGHTING = 22, "emergency lighting and evacuation signs", "消防应急照明和疏散指示系统"
    FIRE_POWER_SUPPLY = 23, "fire power supply", "消防电源"
    FIRE_TELEPHONE = 24, "fire telephone", "消防电话"


class AnalogType(msgspec.Struct, frozen=True):
    """模拟量类型 (section 5.3): what a raw value means. Physical value = raw x resolution, in decimals."""

    code: int
    label: Label
    unit: str
    resolution: Decimal
    raw_low: int
    raw_high: int

    @classmethod
    def row(
        cls,
        code: int,
        en: str,
        zh: str,
        unit: str,
        *,
        resolution: str,
        raw: tuple[int, int] = (-32768, 32767),
    ) -> Self:
        """A line of the table; `raw` holds the least and the greatest valid raw value."""
        return cls(code, Label(en, zh), unit, Decimal(resolution), *raw)

    def value(self, raw: int) -> Decimal:
        """The physical value of `raw`, in `unit`; never clipped."""
        return raw * self.resolution

    def holds(self, raw: int) -> bool:
        """Whether `raw` lies in the valid range (有效值范围)."""
        return self.raw_low <= raw <= self.raw_high


_TO_32000: Final = (0, 32000)

#: Table 6 of the standard by code.
ANALOG_TYPES: Final[Mapping[int, AnalogType]] = {
    row.code: row
    for row in (
        AnalogType.row(1, "event count", "事件计数", "件", resolution="1", raw=_TO_32000),
        AnalogType.row(2, "height", "高度", "m", resolution="0.01", raw=_TO_32000),
        AnalogType.row(3, "temperature", "温度", "℃", resolution="0.1", raw=(-2730, 32000)),
        AnalogType.row(4, "pressure", "压力", "MPa", resolution="0.1", raw=_TO_32000),
        AnalogType.row(5, "pressure", "压力", "kPa", resolution="0.1", raw=_TO_32000),
        AnalogType.row(6, "gas concentration", "气体浓度", "%LEL", resolution="0.1", raw=(0, 1000)),
        AnalogType.row(7, "time", "时间", "s", resolution="1", raw=_TO_32000),
        AnalogType.row(8, "voltage", "电压", "V", resolution="0.1", raw=_TO_32000),
        AnalogType.row(9, "current", "电流", "A", resolution="0.1", raw=_TO_32000),
        AnalogType.row(10, "flow", "流量", "L/s", resolution="0.1", raw=_TO_32000),
        AnalogType.row(11, "air volume", "风量", "m³/min", resolution="0.1", raw=_TO_32000),
        AnalogType.row(12, "wind speed", "风速", "m/s", resolution="1", raw=(0, 20)),
    )
}


class Vocabulary(Protocol):
    """A profile's own codes; looked at before the standard's tables."""

    @property
    def system_types(self) -> Mapping[int, Label]:
        """Names of user-defined system types."""

    @property
    def component_types(self) -> Mapping[int, Label]:
        """Names of user-defined component types."""

    @property
    def type_flags(self) -> Mapping[int, Label]:
        """Names of user-defined type flags."""

    @property
    def analog_types(self) -> Mapping[int, AnalogType]:
        """User-defined analog types."""


_SYSTEM_LABELS: Final = SystemType.labels()
_COMPONENT_LABELS: Final = ComponentType.labels()
_TYPE_FLAG_LABELS: Final = TypeFlag.labels()
_UNUSED_ANALOG: Final = {0: Label("unused", "未用")}


def system_type_label(code: int, vocabulary: Vocabulary | None = None) -> Label:
    """系统类型 in both languages."""
    return label_of(code, _SYSTEM_LABELS, vocabulary.system_types if vocabulary else None)


def component_type_label(code: int, vocabulary: Vocabulary | None = None) -> Label:
    """部件类型 in both languages."""
    return label_of(code, _COMPONENT_LABELS, vocabulary.component_types if vocabulary else None)


def type_flag_label(code: int, vocabulary: Vocabulary | None = None) -> Label:
    """类型标志 in both languages."""
    return label_of(code, _TYPE_FLAG_LABELS, vocabulary.type_flags if vocabulary else None)


def analog_type(code: int, vocabulary: Vocabulary | None = None) -> AnalogType | None:
    """模拟量类型 by code, or None for one that neither the profile nor table 6 knows."""
    own = vocabulary.analog_types.get(code) if vocabulary else None
    return own or ANALOG_TYPES.get(code)


def analog_type_label(code: int, vocabulary: Vocabulary | None = None) -> Label:
    """模拟量类型 in both languages."""
    row = analog_type(code, vocabulary)
    return row.label if row else label_of(code, _UNUSED_ANALOG)


def system_type_name(code: int, language: str = "zh", vocabulary: Vocabulary | None = None) -> str:
    """系统类型的名称; "未知类型 200" for one nobody knows."""
    return system_type_label(code, vocabulary).in_language(language)


def component_type_name(code: int, language: str = "zh", vocabulary: Vocabulary | None = None) -> str:
    """部件类型的名称; "未知类型 200" for one nobody knows."""
    return component_type_label(code, vocabulary).in_language(language)


def type_flag_name(code: int, language: str = "zh", vocabulary: Vocabulary | None = None) -> str:
    """类型标志的名称; "未知类型 200" for one nobody knows."""
    return type_flag_label(code, vocabulary).in_language(language)


def analog_type_name(code: int, language: str = "zh", vocabulary: Vocabulary | None = None) -> str:
    """模拟量类型的名称; "未知类型 200" for one nobody knows."""
    return analog_type_label(code, vocabulary).in_language(language)


_COMMAND_LABELS: Final = Command.labels()


def command_label(code: int) -> Label:
    """命令字节 in both languages: reserved and user-defined ones say so."""
    known = _COMMAND_LABELS.get(code)
    if known is not None:
        return known
    return Label("user-defined", "用户自定义") if is_user_code(code) else Label("reserved", "预留")
