"""The terms that CONDITIONS and rules are written in: point roles, contact meanings, limits, rows. Pure.

One rule: nothing here decides anything. The tables are in `conditions*.py`, the decisions in `rules*.py`; the
law is the GB 50440 extract, sections 3 to 7 (the point table, 点表, is its section 6).
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from backend.core.i18n import N_
from backend.core.vocabulary import AlarmClass
from backend.monitoring.model import Level


class PointRole(StrEnum):
    """What a point is there for, which the wire cannot say (点表用途; extract, 6)."""

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
    PUMP_CABINET_AUTO = "pump_cabinet_auto"
    PUMP_CABINET_MANUAL = "pump_cabinet_manual"
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


ROLE_LABELS: Final = {
    PointRole.DETECTOR: N_("火灾探测器"),
    PointRole.CALL_POINT: N_("手动火灾报警按钮"),
    PointRole.TANK_LEVEL: N_("消防水箱水位"),
    PointRole.POOL_LEVEL: N_("消防水池水位"),
    PointRole.WORST_POINT_PRESSURE: N_("最不利点压力"),
    PointRole.TEST_HYDRANT_PRESSURE: N_("试验消火栓压力"),
    PointRole.OUTDOOR_HYDRANT_PRESSURE: N_("室外消火栓压力"),
    PointRole.PIPE_PRESSURE: N_("管网压力"),
    PointRole.PUMP_RUNNING: N_("消防水泵运行"),
    PointRole.JOCKEY_RUNNING: N_("稳压泵运行"),
    PointRole.PUMP_FAULT: N_("水泵故障"),
    PointRole.PUMP_CABINET_AUTO: N_("水泵控制柜自动状态"),
    PointRole.PUMP_CABINET_MANUAL: N_("水泵控制柜手动状态"),
    PointRole.PUMP_CABINET_POWER: N_("水泵控制柜电源"),
    PointRole.PUMP_CABINET_VOLTAGE: N_("水泵控制柜电压"),
    PointRole.SIGNAL_VALVE: N_("信号阀"),
    PointRole.FLOW: N_("水流"),
    PointRole.EMERGENCY_STOP: N_("紧急停止"),
    PointRole.GAS_RELEASE: N_("灭火剂喷放"),
    PointRole.DOOR: N_("防火门"),
    PointRole.FAN: N_("风机"),
    PointRole.POWER_SUPPLY: N_("消防电源"),
    PointRole.OTHER: N_("其他"),
}

LEVEL_ROLES: Final = frozenset({PointRole.TANK_LEVEL, PointRole.POOL_LEVEL})
HYDRANT_PRESSURE_ROLES: Final = frozenset({PointRole.TEST_HYDRANT_PRESSURE, PointRole.OUTDOOR_HYDRANT_PRESSURE})
CABINET_ROLES: Final = frozenset(
    {
        PointRole.PUMP_CABINET_AUTO,
        PointRole.PUMP_CABINET_MANUAL,
        PointRole.PUMP_CABINET_POWER,
        PointRole.PUMP_CABINET_VOLTAGE,
    }
)


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

#: meanings whose *open* contact is the alarm
HEALTHY_MEANINGS: Final = frozenset(
    {ClosedMeans.NORMAL, ClosedMeans.AUTOMATIC, ClosedMeans.POWER_NORMAL, ClosedMeans.VALVE_OPEN}
)


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be wrong with a subject; an alarm is raised once per subject and `key`.

    `rule` is its home row in the extract, section 4; where several rows share a condition, `Standing.rule` names
    the row that matched. `item` is the letter of CQC/SC 11002 4.3.2. `settle_s` seconds pass before the alarm goes
    out, for a system's word that part frames may make needless (extract, 5 a). `ends_on_reset`: a reset of the panel
    ends it (extract, 7); items b to f and links end only by what section 5 lists.
    """

    key: str
    rule: str
    alarm_class: AlarmClass
    title: str
    item: str | None = None
    kind: str = ""
    settle_s: float = 0
    ends_on_reset: bool = True


class StateRule(msgspec.Struct, frozen=True, kw_only=True):
    """A row of section 4: `bits` of a subject that fits mean `condition`.

    Rows stand in order of precedence: a bit belongs to the first row that fits (specific before "any other").
    None means any. `vendor`: only when the device's profile knows the bits the standard leaves reserved.
    """

    rule: str
    condition: str
    bits: tuple[int, ...]
    systems: frozenset[int] | None = None
    components: frozenset[int] | None = None
    roles: frozenset[PointRole] | None = None
    vendor: bool = False

    def fits(self, system_type: int | None, component_type: int | None, role: str, vendor: bool) -> bool:
        """Whether this row speaks of such a subject."""
        return (
            (vendor or not self.vendor)
            and (self.systems is None or system_type in self.systems)
            and (self.components is None or component_type in self.components)
            and (self.roles is None or role in self.roles)
        )

    @property
    def mask(self) -> int:
        """The word with just these bits set."""
        return sum(1 << bit for bit in self.bits)


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """What a role makes of a point's contact (bits 5 and 6), and what closed means unless the table says."""

    condition: str
    closed_means: ClosedMeans


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """The conditions of a kind of analog point beyond its limits; one key twice means: no second step."""

    low: str
    high: str
    very_low: str = ""
    very_high: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """An analog point's limits from the point table, in the unit of table 5.3 (限值).

    `scale` overrides the table's resolution (value = reading x scale). `depth` (m) is a tank's design depth and
    `nominal` (V) a supply's voltage: sanity and the 85 % / 110 % rule need them. `measure` overrides the unit shown.
    """

    low_low: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    high_high: Decimal | None = None
    hysteresis: Decimal | None = None
    role: str = ""
    measure: str = ""
    scale: Decimal | None = None
    depth: Decimal | None = None
    nominal: Decimal | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that holds, the row that found it, and what a person should read beside its title.

    Each fact is a label (a message id) and its value: a message id or a figure with its unit.
    """

    condition: Condition
    rule: str
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The condition's key."""
        return self.condition.key


class Reset(msgspec.Struct, frozen=True, kw_only=True):
    """A panel was reset, or its alarm cleared by hand (复位): its signals end, named by `rule`.

    Without a system address it is the whole device's.
    """

    rule: str
    system_type: int | None = None
    system_address: int | None = None

    @property
    def level(self) -> Level:
        """SYSTEM: the signals of that system address; UITD: all of the device."""
        return Level.UITD if self.system_address is None else Level.SYSTEM


#: facts' labels
BIT_FACT: Final = N_("状态")
UNKNOWN_BITS_FACT: Final = N_("未知状态位")
CONTACT_FACT: Final = N_("触点")
CLOSED_MEANS_FACT: Final = N_("闭合含义")
MARK_FACT: Final = N_("标记")
VALUE_FACT: Final = N_("当前值")
READING_FACT: Final = N_("原始读数")
LOW_FACT: Final = N_("低限")
HIGH_FACT: Final = N_("高限")
OPERATOR_FACT: Final = N_("操作员编号")
POSITION_FACT: Final = N_("位置")
DEVICE_NAME_FACT: Final = N_("设备")
PANEL_EVENT_FACT: Final = N_("打印内容")
TEXT_FACT: Final = N_("文本")
TYPE_FLAG_FACT: Final = N_("类型标志")
#: facts' values
CLOSED: Final = N_("闭合")
OPEN: Final = N_("断开")
PHASE_LOST: Final = N_("缺相")
OUT_OF_RANGE: Final = N_("超出有效范围")
READ_FROM_TEXT: Final = N_("由文本识别")
