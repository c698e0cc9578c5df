"""GB 50440 Appendix A, part 1: each running-state item and the wire forms that carry it. Data only.

Ids, items and evidence marks are the extract's (its section 1). Where part 1 and the rules of section 4 give a
form different classes, the graver one stands and the form's note says so.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from backend.monitoring.model import AnalogSaid, Level, OperationSaid, Statement, StateSaid, Subject, TextSaid
from backend.monitoring.terms import Limits
from backend.registry.model import ClosedMeans, ComponentRole

_GRAVER: Final = "part 1 says A; section 4.2 is graver and stands"


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One wire form of an item: statements that carry it, and the class, rule and 4.3.2 item each must give.

    `back` is what ends it where that is not the word 0; `alarm_class` "" means kept and shown, no class.
    """

    wire: str
    cases: tuple[Statement, ...]
    alarm_class: str
    rule: str
    item: str | None = None
    role: str = ""
    closed_means: str = ""
    limits: Limits | None = None
    back: AnalogSaid | StateSaid | None = None
    note: str = ""


class Row(msgspec.Struct, frozen=True):
    """One item of part 1: its id, system, item, evidence mark (S, P or R) and wire forms."""

    id: str
    system: str
    item: str
    evidence: str
    forms: tuple[Form, ...]


def _joined(codes: Iterable[int]) -> str:
    """Codes as the extract prints them: 10-13, 74."""
    runs: list[list[int]] = []
    for code in sorted(codes):
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _bits(bits: Iterable[int]) -> str:
    return ", ".join(f"b{bit}" for bit in bits)


def _system(codes: tuple[int, ...], bits: tuple[int, ...], cls: str, rule: str, item: str | None = None) -> Form:
    """Type 1: a system's state."""
    subjects = [Subject(level=Level.SYSTEM, system_type=code, system_address=1) for code in codes]
    cases = tuple(StateSaid(subject=each, state=1 << bit) for each in subjects for bit in bits)
    wire = f"type 1: s{_joined(codes)} {_bits(bits)}"
    return Form(wire=wire, cases=cases, alarm_class=cls, rule=rule, item=item)


def _subject(code: int, system: int) -> Subject:
    return Subject(
        level=Level.COMPONENT,
        system_type=system,
        system_address=1,
        component_type=code,
        component_address="01000200",
    )


def _part(
    codes: Iterable[int],
    bits: tuple[int, ...],
    cls: str,
    rule: str,
    item: str | None = None,
    *,
    system: int = 1,
    role: str = "",
    note: str = "",
) -> Form:
    """Type 2: a part's state."""
    listed = tuple(codes)
    cases = tuple(StateSaid(subject=_subject(code, system), state=1 << bit) for code in listed for bit in bits)
    by_role = f", role {role}" if role else ""
    wire = f"type 2: p{_joined(listed)} {_bits(bits)}{by_role}"
    return Form(wire=wire, cases=cases, alarm_class=cls, rule=rule, item=item, role=role, note=note)


def _open_contact(codes: tuple[int, ...], role: str, cls: str, rule: str, item: str) -> Form:
    """Type 2: a contact whose opening is the alarm (closed = automatic)."""
    cases = tuple(StateSaid(subject=_subject(code, 11), state=0) for code in codes)
    back = StateSaid(subject=_subject(codes[0], 11), state=1 << 6)
    wire = f"type 2: p{_joined(codes)} b5 and b6 clear, role {role}"
    return Form(wire=wire, cases=cases, alarm_class=cls, rule=rule, item=item, role=role, back=back)


def _contact(codes: tuple[int, ...], role: str, means: ClosedMeans, cls: str, item: str | None) -> Form:
    """Type 2: a contact whose closing is the alarm, by the point table."""
    cases = tuple(StateSaid(subject=_subject(code, 11), state=1 << bit) for code in codes for bit in (5, 6))
    wire = f"type 2: p{_joined(codes)} b5, b6, role {role}, closed = {means}"
    return Form(wire=wire, cases=cases, alarm_class=cls, rule="P-14", item=item, role=role, closed_means=means)


def _uitd(bits: tuple[int, ...], cls: str, rule: str) -> Form:
    """Type 21: the UITD's state."""
    cases = tuple(StateSaid(subject=Subject(level=Level.UITD), state=1 << bit) for bit in bits)
    return Form(wire=f"type 21: {_bits(bits)}", cases=cases, alarm_class=cls, rule=rule)


def _pressed(type_flag: int, bits: tuple[int, ...], cls: str, rule: str) -> Form:
    """Types 4 and 24: operations."""
    facility = Subject(level=Level.SYSTEM, system_type=1, system_address=1)
    subject = facility if type_flag == 4 else Subject(level=Level.UITD)
    cases = tuple(OperationSaid(subject=subject, flags=1 << bit, operator=3) for bit in bits)
    return Form(wire=f"type {type_flag}: {_bits(bits)}", cases=cases, alarm_class=cls, rule=rule)


def _told(type_flag: int, kind: str) -> Form:
    """Types 25, 26 and 28: kept and shown."""
    case = TextSaid(subject=Subject(level=Level.UITD), kind=kind, text="1.0")
    return Form(wire=f"type {type_flag}", cases=(case,), alarm_class="", rule="", note="kept and shown")


#: analog type -> resolution and unit of table 5.3; 128 is Dahua's residual current
_SCALES: Final = {
    2: ("0.01", "m"),
    3: ("0.1", "℃"),
    4: ("0.1", "MPa"),
    5: ("0.1", "kPa"),
    6: ("0.1", "%LEL"),
    8: ("0.1", "V"),
    9: ("0.1", "A"),
    128: ("1", "mA"),
}


def _analog(
    quantity: int,
    part: int,
    beyond_and_back: tuple[int, int],
    limits: Limits | None,
    cls: str,
    *,
    rule: str = "N-1",
    item: str | None = None,
    system: int = 11,
) -> Form:
    """Type 3: a raw value beyond its limit, and one that is back inside by the hysteresis."""
    resolution, measure = _SCALES[quantity]
    beyond, back = (
        AnalogSaid(
            subject=_subject(part, system),
            quantity=quantity,
            reading=reading,
            value=reading * Decimal(resolution),
            measure=measure,
        )
        for reading in beyond_and_back
    )
    role = f", role {limits.role}" if limits and limits.role else ""
    wire = f"type 3: a{quantity} on p{part}{role}, {'limits' if limits else 'no limits'}"
    return Form(wire=wire, cases=(beyond,), alarm_class=cls, rule=rule, item=item, limits=limits, back=back)


_LEVEL: Final = Limits(low=Decimal("1.80"), high=Decimal("2.20"))
_PRESSURE: Final = Limits(low=Decimal(100))
_PRESSURE_MPA: Final = Limits(low=Decimal("0.10"), scale=Decimal("0.001"))
_WORST: Final = Limits(low=Decimal(100), role=ComponentRole.WORST_POINT_PRESSURE)
_WORST_MPA: Final = Limits(low=Decimal("0.10"), scale=Decimal("0.001"), role=ComponentRole.WORST_POINT_PRESSURE)
_TEST_HYDRANT: Final = Limits(low=Decimal(100), role=ComponentRole.TEST_HYDRANT_PRESSURE)
_OUTDOOR_HYDRANT: Final = Limits(low=Decimal(140), role=ComponentRole.OUTDOOR_HYDRANT_PRESSURE)
_VOLTAGE: Final = Limits(nominal=Decimal(380), role=ComponentRole.PUMP_CABINET_VOLTAGE)
_SUPPLY: Final = Limits(low=Decimal(323), high=Decimal(418))
_BELOW_LEVEL: Final = _analog(2, 92, (120, 190), _LEVEL, "A", item="b")
_ABOVE_LEVEL: Final = _analog(2, 92, (230, 200), _LEVEL, "A", item="b")
_PIPE: Final = (
    _analog(5, 84, (500, 2000), _PRESSURE, "A"),
    _analog(4, 84, (50, 200), _PRESSURE_MPA, "A"),
)
_STOP: Final = ComponentRole.EMERGENCY_STOP
_DETECTORS: Final = (1, 21, 22, 23, 24, 25, *range(30, 74), *range(75, 80))

ROWS: Final = (
    Row("A1.1", "火灾探测报警系统", "火灾报警信息", "S", (
        _system((1,), (1,), "F", "S-1"),
        _part(_DETECTORS, (1,), "F", "P-1"),
        _uitd((1,), "F", "U-1"),
        _pressed(24, (2,), "F", "O-1"),
        _pressed(4, (2,), "F", "O-1"),
    )),
    Row("A1.2", "火灾探测报警系统", "可燃气体探测报警信息", "R", (
        _part((10, 11, 12, 13, 74), (1,), "F", "P-1"),
        _analog(6, 11, (300, 200), None, "F", rule="N-2", system=1),
        _analog(6, 74, (300, 100), Limits(high=Decimal(20)), "F", system=1),
    )),
    Row("A1.3", "火灾探测报警系统", "电气火灾监控报警信息", "R", (
        _part((16, 17, 18), (1,), "F", "P-1"),
        _analog(3, 18, (900, 400), Limits(high=Decimal(70)), "F", system=1),
        _analog(9, 17, (20, 1), Limits(high=Decimal("0.5")), "F", system=1),
        _analog(128, 17, (600, 100), Limits(high=Decimal(300)), "F", system=1),
    )),
    Row("A1.4", "火灾探测报警系统", "屏蔽信息", "R", (
        _system((1,), (3,), "A", "S-4"),
        _part((1, 23, 40), (3,), "A", "P-12"),
    )),
    Row("A1.5", "火灾探测报警系统", "故障信息", "S", (
        _system((1,), (2,), "X", "S-3", "a"),
        _system((1,), (8, 9), "X", "S-9"),
        _system((1,), (10,), "X", "S-10", "a"),
        _part((10, 17, 21, 23, 24, 25, 40), (2, 8), "X", "P-3", "a"),
        _part((1, 22), (2, 8), "X", "P-11"),
    )),
    Row("A2.1", "消防联动控制器", "动作状态", "R", (
        _system((10,), (5,), "A", "S-6"),
        _system((10,), (6,), "A", "S-7"),
        _part(range(84, 89), (5, 6), "A", "P-14", system=10),
    )),
    Row("A2.2", "消防联动控制器", "屏蔽信息", "R", (_system((10,), (3,), "A", "S-4"),)),
    Row("A2.3", "消防联动控制器", "故障信息", "R", (
        _system((10,), (2,), "X", "S-3"),
        _system((10,), (8, 9), "X", "S-9"),
        _system((10,), (10,), "X", "S-10"),
    )),
    Row("A3.1", "消火栓系统", "消防水泵电源工作状态", "S", (
        _system((11,), (8, 9), "X", "S-9", "e"),
        _part((91,), (8,), "X", "P-4", "e", system=11),
        _part((82,), (8,), "X", "P-11", system=11),
        _part((82,), (8,), "X", "P-4", "e", system=11, role=ComponentRole.PUMP_CABINET_POWER),
        _part((85,), (2, 8, 9), "X", "P-4", "e", system=23, role=ComponentRole.PUMP_CABINET_POWER),
        _contact((82, 85), ComponentRole.PUMP_CABINET_POWER, ClosedMeans.POWER_FAULT, "X", "e"),
        _analog(8, 82, (3000, 3800), _VOLTAGE, "X", item="e"),
        _analog(8, 82, (4300, 3800), _VOLTAGE, "X", item="e"),
    )),
    Row("A3.2", "消火栓系统", "消防水泵启、停状态", "S", (_part((91,), (5, 6), "A", "P-5", system=11),)),
    Row("A3.3", "消火栓系统", "消防水泵故障状态", "S", (_part((91,), (2,), "X", "P-11", system=11),)),
    Row("A3.4", "消火栓系统", "消防水箱(池)水位", "P", (
        _part((92,), (2, 4), "A", "P-8", "b", system=11),
        _part((131,), (2, 4, 5, 6), "A", "P-8", "b", system=11),
        _contact((84, 85), ComponentRole.POOL_LEVEL, ClosedMeans.LOW, "A", "b"),
        _BELOW_LEVEL,
        _ABOVE_LEVEL,
    )),
    Row("A3.5", "消火栓系统", "管网压力报警", "P", (
        _part((99,), (5, 6), "A", "P-6", system=11),
        *_PIPE,
        _analog(5, 84, (500, 1200), _WORST, "A", item="c"),
        _analog(4, 84, (50, 120), _WORST_MPA, "A", item="c"),
        _contact((85, 99), ComponentRole.WORST_POINT_PRESSURE, ClosedMeans.LOW_PRESSURE, "A", "c"),
        _analog(5, 84, (500, 1200), _TEST_HYDRANT, "A", item="f"),
        _analog(5, 84, (1000, 1600), _OUTDOOR_HYDRANT, "A", item="f"),
    )),
    Row("A3.6", "消火栓系统", "消火栓按钮报警信息", "R", (
        _part((24,), (1,), "F", "P-1", system=11),
        _part((24,), (5, 6), "F", "P-2", system=11),
    )),
    Row("A3.7", "消火栓系统", "手动、自动状态", "P", (
        _system((11,), (11,), "A", "S-11", "d"),
        _open_contact((82, 84, 85, 87, 91, 95, 105), ComponentRole.PUMP_CABINET_AUTO, "A", "P-14", "d"),
        _contact((82, 85, 91), ComponentRole.PUMP_CABINET_MANUAL, ClosedMeans.MANUAL, "A", "d"),
        _contact((82, 85, 91), ComponentRole.PUMP_CABINET_MANUAL, ClosedMeans.OFF, "A", "d"),
        _contact((82, 85, 91), ComponentRole.PUMP_CABINET_MANUAL, ClosedMeans.SERVICE, "A", "d"),
    )),
    Row("A4.1", "自动喷水、水喷雾(细水雾)灭火系统(泵供水)", "喷淋泵电源工作状态", "S", (
        _system((12, 14), (8, 9), "X", "S-9", "e"),
        _part((95,), (8,), "X", "P-4", "e", system=12),
    )),
    Row("A4.2", "自动喷水、水喷雾(细水雾)灭火系统(泵供水)", "喷淋泵启、停状态和故障状态", "S", (
        _part((95,), (5, 6), "A", "P-5", system=12),
        _part((95,), (2,), "X", "P-11", system=12),
    )),
    Row("A4.3", "自动喷水、水喷雾(细水雾)灭火系统(泵供水)", "水流指示器、信号阀、报警阀、压力开关状态", "S", (
        _part((96, 98, 99), (5, 6), "A", "P-6", system=12),
        _part((97,), (4, 5, 6), "A", "P-7", system=12),
        _part((96, 98, 99), (4,), "A", "P-13", system=12),
        _part(range(96, 100), (1,), "F", "P-1", system=12, note=_GRAVER),
    )),
    Row("A4.4", "自动喷水、水喷雾(细水雾)灭火系统(泵供水)", "水箱最低水位、管网最低压力", "S", (
        _part((92,), (1, 2, 4, 5, 6), "A", "P-8", "b", system=12),
        _BELOW_LEVEL,
        *_PIPE,
        _analog(5, 84, (500, 1200), _WORST, "A", item="c", system=12),
    )),
    Row("A4.5", "自动喷水、水喷雾(细水雾)灭火系统(泵供水)", "手动、自动状态", "R", (
        _system((12, 14), (11,), "A", "S-11", "d"),
    )),
    Row("A5.1", "气体、细水雾灭火系统(压力容器供水)", "手动、自动工作状态及故障状态", "R", (
        _system((13, 15), (11,), "A", "S-11"),
        _system((13, 15), (2,), "X", "S-3"),
        _part((81,), (11,), "A", "A5.1", system=13, note="bit 11 of a part is reserved by table 6.2"),
        _part((81,), (2,), "X", "P-11", system=13),
    )),
    Row("A5.2", "气体、细水雾灭火系统(压力容器供水)", "阀驱动装置的正常工作状态和动作状态", "R", (
        _part((101,), (5,), "G", "P-9", system=13, note=_GRAVER),
        _part((101,), (6,), "A", "P-9", system=13),
        _part((101,), (2,), "X", "P-11", system=13, note="part 1 says A; section 4.2 says X: same deadline"),
    )),
    Row("A5.3", "气体、细水雾灭火系统(压力容器供水)", "防护区防火门(窗)、防火阀、通风空调", "R", (
        _part(range(102, 105), (5, 6), "A", "P-10", system=13),
    )),
    Row("A5.4", "气体、细水雾灭火系统(压力容器供水)", "启、停信息", "R", (
        _system((13, 15), (5, 7), "G", "S-2"),
        _part((81,), (5, 7), "G", "P-9", system=13),
        _contact((85,), ComponentRole.GAS_RELEASE, ClosedMeans.ALARM, "G", None),
    )),
    Row("A5.5", "气体、细水雾灭火系统(压力容器供水)", "紧急停止信号", "R", (
        _part((81, 85), (5, 6), "A", "P-14", system=13, role=_STOP),
    )),
    Row("A5.6", "气体、细水雾灭火系统(压力容器供水)", "管网压力信号", "R", (
        _part((99,), (5, 6), "A", "P-6", system=13),
        *_PIPE,
    )),
    Row("A6.1", "泡沫灭火系统", "电源的工作状态", "R", (
        _system((16,), (8, 9), "X", "S-9", "e"),
        _part((91, 105), (8,), "X", "P-4", "e", system=16),
    )),
    Row("A6.2", "泡沫灭火系统", "手动、自动工作状态及故障状态", "R", (
        _system((16,), (11,), "A", "S-11", "d"),
        _system((16,), (2,), "X", "S-3"),
    )),
    Row("A6.3", "泡沫灭火系统", "水泵、泡沫液泵正常工作状态和动作状态", "R", (
        _part((91, 105), (5, 6), "A", "P-5", system=16),
    )),
    Row("A7.1", "干粉灭火系统", "手动、自动,故障,驱动装置,启停,紧急停止,管网压力", "R", (
        _system((17,), (11,), "A", "S-11"),
        _system((17,), (2,), "X", "S-3"),
        _system((17,), (5, 7), "G", "S-2"),
        _part((101,), (5, 7), "G", "P-9", system=17),
        _part((99,), (5, 6), "A", "P-6", system=17),
        _part((85,), (5, 6), "A", "P-14", system=17, role=_STOP),
    )),
    Row("A8.1", "防烟排烟系统", "手动、自动工作状态", "R", (_system((18,), (11,), "A", "S-11"),)),
    Row("A8.2", "防烟排烟系统", "风机电源的工作状态", "R", (_part((111,), (8,), "X", "P-11", system=18),)),
    Row("A8.3", "防烟排烟系统", "风机、阀、口、窗、挡烟垂壁的正常工作状态和动作状态", "R", (
        _part((103, 111, 113, 114, 115, 116), (5, 6), "A", "P-10", system=18),
        _part((103, 111, 113, 114, 115, 116), (2,), "X", "P-11", system=18),
    )),
    Row("A9.1", "防火门及卷帘系统", "防火卷帘控制器、防火门监控器工作状态和故障状态", "R", (
        _part((117, 118), (5, 6), "A", "P-10", system=19),
        _part((117, 118), (2,), "X", "P-11", system=19),
    )),
    Row("A9.2", "防火门及卷帘系统", "具有反馈信号的防火门、疏散门工作状态和故障状态", "R", (
        _part((102,), (5, 6), "A", "P-10", system=19),
        _part((102,), (2,), "X", "P-11", system=19),
    )),
    Row("A10.1", "消防电梯", "停用和故障状态", "R", (
        _system((20,), (5,), "A", "S-6"),
        _system((20,), (6,), "A", "S-7"),
        _system((20,), (2,), "X", "S-3"),
    )),
    Row("A11.1", "消防应急广播", "启动、停止和故障状态", "R", (
        _system((21,), (5,), "A", "S-6"),
        _system((21,), (2,), "X", "S-3"),
    )),
    Row("A12.1", "消防应急照明和疏散指示系统", "故障状态和应急工作状态", "R", (
        _system((22,), (2,), "X", "S-3"),
        _system((22,), (5,), "A", "S-6"),
    )),
    Row("A13.1", "消防电源", "供电电源和备用电源工作状态和欠压报警信息", "R", (
        _system((23,), (8, 9), "X", "S-9"),
        _system((23,), (2,), "X", "S-3"),
        _analog(8, 0, (3000, 3800), _SUPPLY, "X", system=23),
    )),
    Row("A14.1", "消防电话", "故障", "R", (_system((24,), (2,), "X", "S-3"),)),
    Row("A15.1", "用户信息传输装置", "状态、电源、通信、线路、查岗、自检", "S", (
        _uitd((2, 3, 4, 6), "X", "U-2"),
        _uitd((5,), "C", "U-3"),
        _pressed(24, (0, 3), "I", "O-2"),
        _pressed(24, (1, 4, 5, 6), "I", "O-3"),
        _told(25, "software_version"),
        _told(26, "configuration"),
        _told(28, "clock"),
    )),
)  # fmt: skip
