"""Bit fields: states (状态) and operations (操作标志) of facilities and of the UITD (section 6).

Bit 0 is the least significant. Never let bit 0 of a state suppress an alarm (section 6.6): one large
vendor sends it the other way round, and many real fires carry it clear.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, Self

from protocol_gateway.gb26875.labels import Label


class LabelledBit(IntEnum):
    """A bit of a state or operation word; its value is the bit's number."""

    label: Label
    clear_label: Label

    def __new__(cls, value: int, en: str, zh: str, clear_en: str = "none", clear_zh: str = "无") -> Self:
        """Make the bit `value` with its meaning when 1, and when 0."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.label = Label(en, zh)
        member.clear_label = Label(clear_en, clear_zh)
        return member

    @property
    def zh(self) -> str:
        """What 1 means, in Chinese."""
        return self.label.zh

    @property
    def en(self) -> str:
        """What 1 means, in English."""
        return self.label.en

    @property
    def mask(self) -> int:
        """The word with only this bit set."""
        return 1 << self.value

    def in_word(self, word: int) -> bool:
        """Whether `word` has this bit set."""
        return bool(word >> self.value & 1)


class SystemStateBit(LabelledBit):
    """建筑消防设施系统状态, 16 bits of type 1 (section 6.1)."""

    NORMAL = 0, "normal running", "正常运行状态", "test", "测试状态"
    FIRE = 1, "fire alarm", "火警", "none", "无火警"
    FAULT = 2, "fault", "故障", "none", "无故障"
    DISABLED = 3, "disabled", "屏蔽", "none", "无屏蔽"
    SUPERVISORY = 4, "supervisory", "监管", "none", "无监管"
    STARTED = 5, "started", "启动(开启)", "stopped", "停止(关闭)"
    FEEDBACK = 6, "feedback", "反馈", "none", "无反馈"
    DELAYED = 7, "delay running", "延时状态", "no delay", "未延时"
    MAIN_POWER_FAULT = 8, "main power fault", "主电故障", "normal", "主电正常"
    STANDBY_POWER_FAULT = 9, "standby power fault", "备电故障", "normal", "备电正常"
    BUS_FAULT = 10, "bus fault", "总线故障", "normal", "总线正常"
    MANUAL = 11, "manual", "手动状态", "automatic", "自动状态"
    CONFIGURATION_CHANGED = 12, "configuration changed", "配置改变", "no", "无配置改变"
    RESET = 13, "reset", "复位", "normal", "正常"


class ComponentStateBit(LabelledBit):
    """建筑消防设施部件状态, 16 bits of type 2 (section 6.2)."""

    NORMAL = 0, "normal running", "正常运行状态", "test", "测试状态"
    FIRE = 1, "fire alarm", "火警", "none", "无火警"
    FAULT = 2, "fault", "故障", "none", "无故障"
    DISABLED = 3, "disabled", "屏蔽", "none", "无屏蔽"
    SUPERVISORY = 4, "supervisory", "监管", "none", "无监管"
    STARTED = 5, "started", "启动(开启)", "stopped", "停止(关闭)"
    FEEDBACK = 6, "feedback", "反馈", "none", "无反馈"
    DELAYED = 7, "delay running", "延时状态", "no delay", "未延时"
    POWER_FAULT = 8, "power fault", "电源故障", "normal", "电源正常"


class OperationBit(LabelledBit):
    """建筑消防设施操作标志, 8 bits of type 4 (section 6.3)."""

    RESET = 0, "reset", "复位", "no", "无操作"
    MUTE = 1, "mute", "消音", "no", "无操作"
    MANUAL_ALARM = 2, "manual alarm", "手动报警", "no", "无操作"
    ALARM_CLEARED = 3, "alarm cleared", "警情消除", "no", "无操作"
    SELF_TEST = 4, "self-test", "自检", "no", "无操作"
    ACKNOWLEDGE = 5, "acknowledge", "确认", "no", "无操作"
    TEST = 6, "test", "测试", "no", "无操作"


class UitdStateBit(LabelledBit):
    """用户信息传输装置运行状态, 8 bits of type 21 (section 6.4)."""

    NORMAL = 0, "normal monitoring", "正常监视状态", "test", "测试状态"
    FIRE = 1, "fire alarm", "火警", "none", "无火警"
    FAULT = 2, "fault", "故障", "none", "无故障"
    MAIN_POWER_FAULT = 3, "main power fault", "主电故障", "normal", "主电正常"
    STANDBY_POWER_FAULT = 4, "standby power fault", "备电故障", "normal", "备电正常"
    CENTRE_CHANNEL_FAULT = (
        5,
        "fault of the channel to the center",
        "与监控中心通信信道故障",
        "normal",
        "通信信道正常",
    )
    MONITORED_LINE_FAULT = (
        6,
        "fault of the monitored line",
        "监测连接线路故障",
        "normal",
        "监测连接线路正常",
    )


class UitdOperationBit(LabelledBit):
    """用户信息传输装置操作标志, 8 bits of type 24 (section 6.5): bit 5 answers a post check."""

    RESET = 0, "reset", "复位", "no", "无操作"
    MUTE = 1, "mute", "消音", "no", "无操作"
    MANUAL_ALARM = 2, "manual alarm", "手动报警", "no", "无操作"
    ALARM_CLEARED = 3, "alarm cleared", "警情消除", "no", "无操作"
    SELF_TEST = 4, "self-test", "自检", "no", "无操作"
    POST_CHECK_ANSWER = 5, "answer to a post check", "查岗应答", "no", "无操作"
    TEST = 6, "test", "测试", "no", "无操作"


class BitField:
    """One word's bits: their names and which positions the standard leaves reserved (预留)."""

    __slots__ = ("labels", "reserved", "width")

    def __init__(self, bits: type[LabelledBit], width: int) -> None:
        """Describe a word of `width` bits named by `bits`."""
        self.labels: Mapping[int, Label] = {int(bit): bit.label for bit in bits}
        self.width = width
        self.reserved = ((1 << width) - 1) & ~sum(bit.mask for bit in bits)


SYSTEM_STATE: Final = BitField(SystemStateBit, 16)
COMPONENT_STATE: Final = BitField(ComponentStateBit, 16)
OPERATION: Final = BitField(OperationBit, 8)
UITD_STATE: Final = BitField(UitdStateBit, 8)
UITD_OPERATION: Final = BitField(UitdOperationBit, 8)


def bits_of(word: int) -> tuple[int, ...]:
    """The numbers of the bits set in `word`, lowest first."""
    return tuple(number for number in range(word.bit_length()) if word >> number & 1)
