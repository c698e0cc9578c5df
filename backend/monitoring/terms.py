"""The terms that CONDITIONS and rules are written in: point roles, contact meanings, limits, rows. Pure.

One rule: nothing here decides anything. The tables are in `conditions*.py`, the decisions in `rules*.py`; the
law is the GB 50440 extract, sections 3 to 7 (the point table, 点表, is its section 6).
"""

from decimal import Decimal
from typing import Final

import msgspec

from backend.core.i18n import N_
from backend.core.vocabulary import AlarmClass
from backend.monitoring.model import Level
from backend.registry.model import ClosedMeans, ComponentRole

LEVEL_ROLES: Final = frozenset({ComponentRole.TANK_LEVEL, ComponentRole.POOL_LEVEL})
HYDRANT_PRESSURE_ROLES: Final = frozenset({ComponentRole.TEST_HYDRANT_PRESSURE, ComponentRole.OUTDOOR_HYDRANT_PRESSURE})
CABINET_ROLES: Final = frozenset(
    {
        ComponentRole.PUMP_CABINET_AUTO,
        ComponentRole.PUMP_CABINET_MANUAL,
        ComponentRole.PUMP_CABINET_POWER,
        ComponentRole.PUMP_CABINET_VOLTAGE,
    }
)


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
    roles: frozenset[ComponentRole] | None = None
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
