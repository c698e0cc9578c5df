"""Names for people: system types, component types, quantities and bits, as the alarm text needs them.

Message ids are the Chinese names; English comes from the catalogue. The codec keeps its own tables for the wire
(`backend` may not import an edge); these are the names that persons read. Source: GB/T 26875.3 extract, 5, 6, 11.4.
"""

from collections.abc import Mapping
from typing import Final

from backend.core.i18n import DEFAULT_LANGUAGE, N_, _
from backend.monitoring.model import Level

#: codes from here on are the vendor's (用户自定义)
FIRST_USER_CODE: Final = 128
#: stands between the words of a list, such as several bits of one word
LIST_MARK: Final = N_("、")

#: 系统类型 (5.1)
SYSTEM_TYPES: Final[Mapping[int, str]] = {
    0: N_("通用"),
    1: N_("火灾报警系统"),
    10: N_("消防联动控制器"),
    11: N_("消火栓系统"),
    12: N_("自动喷水灭火系统"),
    13: N_("气体灭火系统"),
    14: N_("水喷雾灭火系统(泵启动方式)"),
    15: N_("水喷雾灭火系统(压力容器启动方式)"),
    16: N_("泡沫灭火系统"),
    17: N_("干粉灭火系统"),
    18: N_("防烟排烟系统"),
    19: N_("防火门及卷帘系统"),
    20: N_("消防电梯"),
    21: N_("消防应急广播"),
    22: N_("消防应急照明和疏散指示系统"),
    23: N_("消防电源"),
    24: N_("消防电话"),
}

#: 部件类型 (5.2)
COMPONENT_TYPES: Final[Mapping[int, str]] = {
    0: N_("通用"),
    1: N_("火灾报警控制器"),
    10: N_("可燃气体探测器"),
    11: N_("点型可燃气体探测器"),
    12: N_("独立式可燃气体探测器"),
    13: N_("线型可燃气体探测器"),
    16: N_("电气火灾监控报警器"),
    17: N_("剩余电流式电气火灾监控探测器"),
    18: N_("测温式电气火灾监控探测器"),
    21: N_("探测回路"),
    22: N_("火灾显示盘"),
    23: N_("手动火灾报警按钮"),
    24: N_("消火栓按钮"),
    25: N_("火灾探测器"),
    30: N_("感温火灾探测器"),
    31: N_("点型感温火灾探测器"),
    32: N_("点型感温火灾探测器(S型)"),
    33: N_("点型感温火灾探测器(R型)"),
    34: N_("线型感温火灾探测器"),
    35: N_("线型感温火灾探测器(S型)"),
    36: N_("线型感温火灾探测器(R型)"),
    37: N_("光纤感温火灾探测器"),
    40: N_("感烟火灾探测器"),
    41: N_("点型离子感烟火灾探测器"),
    42: N_("点型光电感烟火灾探测器"),
    43: N_("线型光束感烟火灾探测器"),
    44: N_("吸气式感烟火灾探测器"),
    50: N_("复合式火灾探测器"),
    51: N_("复合式感烟感温火灾探测器"),
    52: N_("复合式感光感温火灾探测器"),
    53: N_("复合式感光感烟火灾探测器"),
    61: N_("紫外火焰探测器"),
    62: N_("红外火焰探测器"),
    69: N_("感光火灾探测器"),
    74: N_("气体探测器"),
    78: N_("图像摄像方式火灾探测器"),
    79: N_("感声火灾探测器"),
    81: N_("气体灭火控制器"),
    82: N_("消防电气控制装置"),
    83: N_("消防控制室图形显示装置"),
    84: N_("模块"),
    85: N_("输入模块"),
    86: N_("输出模块"),
    87: N_("输入/输出模块"),
    88: N_("中继模块"),
    91: N_("消防水泵"),
    92: N_("消防水箱"),
    95: N_("喷淋泵"),
    96: N_("水流指示器"),
    97: N_("信号阀"),
    98: N_("报警阀"),
    99: N_("压力开关"),
    101: N_("阀驱动装置"),
    102: N_("防火门"),
    103: N_("防火阀"),
    104: N_("通风空调"),
    105: N_("泡沫液泵"),
    106: N_("管网电磁阀"),
    111: N_("防烟排烟风机"),
    113: N_("排烟防火阀"),
    114: N_("常闭送风口"),
    115: N_("排烟口"),
    116: N_("电控挡烟垂壁"),
    117: N_("防火卷帘控制器"),
    118: N_("防火门监控器"),
    121: N_("警报装置"),
}

#: 模拟量类型 (5.3)
QUANTITIES: Final[Mapping[int, str]] = {
    1: N_("事件计数"),
    2: N_("高度"),
    3: N_("温度"),
    4: N_("压力"),
    5: N_("压力"),
    6: N_("气体浓度"),
    7: N_("时间"),
    8: N_("电压"),
    9: N_("电流"),
    10: N_("流量"),
    11: N_("风量"),
    12: N_("风速"),
}

#: vendors' system types, by profile (11.4)
VENDOR_SYSTEM_TYPES: Final[Mapping[str, Mapping[int, str]]] = {
    "dahua": {
        128: N_("电气火灾监控系统"),
        129: N_("用户信息传输装置"),
        132: N_("家用火灾报警系统"),
        133: N_("物联网数据采集终端"),
        135: N_("组合式探测器"),
        136: N_("前端探测器"),
        137: N_("工业设备"),
        150: N_("物联网网关"),
    },
}

#: vendors' component types, by profile (11.4, 11.7)
VENDOR_COMPONENT_TYPES: Final[Mapping[str, Mapping[int, str]]] = {
    "dahua": {
        128: N_("压力传感器"),
        129: N_("故障电弧探测器"),
        130: N_("市电监测装置"),
        131: N_("液位传感器"),
        132: N_("湿度传感器"),
        133: N_("温度传感器"),
        134: N_("NB 感烟探测器"),
        135: N_("用电监测装置"),
        136: N_("用电监测装置"),
        137: N_("声光警报器"),
        138: N_("用电监测装置"),
        139: N_("用电监测装置"),
        140: N_("用电监测装置"),
        141: N_("用电监测装置"),
        142: N_("用电监测装置"),
        143: N_("用电监测装置"),
        144: N_("用电监测装置"),
        145: N_("用电监测装置"),
        146: N_("用电监测装置"),
        147: N_("用电监测装置"),
        148: N_("用电监测装置"),
        149: N_("用电监测装置"),
        150: N_("用电监测装置"),
        151: N_("气体流量探测器"),
        152: N_("通信模块"),
        153: N_("水浸传感器"),
        154: N_("隔离器"),
        155: N_("丙烷探测器"),
        156: N_("门磁开关"),
    },
    "sanjiang": {
        128: N_("打印机故障"),
        249: N_("备电故障"),
        251: N_("主电故障"),
    },
}

#: vendors' analog types, by profile (11.4)
VENDOR_QUANTITIES: Final[Mapping[str, Mapping[int, str]]] = {
    "dahua": {
        128: N_("剩余电流"),
        129: N_("湿度"),
        130: N_("信号质量"),
        131: N_("信号强度"),
        132: N_("重发次数"),
        133: N_("气体浓度"),
        256: N_("电压"),
        266: N_("电池电量"),
        301: N_("烟雾浓度"),
    },
}

#: what a set bit of a state word says (6.1, 6.2, 6.4)
STATE_BITS: Final[Mapping[Level, Mapping[int, str]]] = {
    Level.SYSTEM: {
        0: N_("正常运行状态"),
        1: N_("火警"),
        2: N_("故障"),
        3: N_("屏蔽"),
        4: N_("监管"),
        5: N_("启动(开启)"),
        6: N_("反馈"),
        7: N_("延时状态"),
        8: N_("主电故障"),
        9: N_("备电故障"),
        10: N_("总线故障"),
        11: N_("手动状态"),
        12: N_("配置改变"),
        13: N_("复位"),
    },
    Level.COMPONENT: {
        0: N_("正常运行状态"),
        1: N_("火警"),
        2: N_("故障"),
        3: N_("屏蔽"),
        4: N_("监管"),
        5: N_("启动(开启)"),
        6: N_("反馈"),
        7: N_("延时状态"),
        8: N_("电源故障"),
    },
    Level.UITD: {
        0: N_("正常监视状态"),
        1: N_("火警"),
        2: N_("故障"),
        3: N_("主电故障"),
        4: N_("备电故障"),
        5: N_("与监控中心通信信道故障"),
        6: N_("监测连接线路故障"),
    },
}

#: what a bit that the standard leaves reserved says where the profile knows it (11.4)
VENDOR_STATE_BITS: Final[Mapping[Level, Mapping[int, str]]] = {
    Level.SYSTEM: {14: N_("设备被拆")},
    Level.COMPONENT: {
        9: N_("失联"),
        10: N_("开路"),
        11: N_("短路"),
        12: N_("被拆"),
        13: N_("分体欠压"),
        14: N_("传感器故障"),
        15: N_("升级故障"),
        16: N_("节电"),
        17: N_("寿命故障"),
        18: N_("电弧"),
        19: N_("波动"),
        20: N_("超上限"),
        21: N_("超下限"),
        22: N_("开盖"),
        23: N_("开门"),
    },
    Level.UITD: {},
}

#: profiles that name the bits which the standard leaves reserved
EXTENSION_BIT_PROFILES: Final = frozenset({"dahua"})

#: what an operation flag says (6.3, 6.5)
OPERATION_BITS: Final[Mapping[Level, Mapping[int, str]]] = {
    Level.SYSTEM: {
        0: N_("复位"),
        1: N_("消音"),
        2: N_("手动报警"),
        3: N_("警情消除"),
        4: N_("自检"),
        5: N_("确认"),
        6: N_("测试"),
    },
    Level.UITD: {
        0: N_("复位"),
        1: N_("消音"),
        2: N_("手动报警"),
        3: N_("警情消除"),
        4: N_("自检"),
        5: N_("查岗应答"),
        6: N_("测试"),
    },
}


def _name(
    code: int,
    standard: Mapping[int, str],
    vendors: Mapping[str, Mapping[int, str]],
    profile: str,
) -> str | None:
    """The message id of `code`: the profile's own name first, then the standard's, else None."""
    return vendors.get(profile, {}).get(code) or standard.get(code)


def system_type_name(code: int | None, language: str = DEFAULT_LANGUAGE, profile: str = "") -> str:
    """系统类型 in `language`; "未知系统类型 200" for one nobody knows."""
    known = None if code is None else _name(code, SYSTEM_TYPES, VENDOR_SYSTEM_TYPES, profile)
    return _(known, language) if known else _("未知系统类型 {code}", language, code=code)


def component_type_name(code: int | None, language: str = DEFAULT_LANGUAGE, profile: str = "") -> str:
    """部件类型 in `language`; "未知部件类型 200" for one nobody knows."""
    known = None if code is None else _name(code, COMPONENT_TYPES, VENDOR_COMPONENT_TYPES, profile)
    return _(known, language) if known else _("未知部件类型 {code}", language, code=code)


def quantity_name(code: int, language: str = DEFAULT_LANGUAGE, profile: str = "") -> str:
    """模拟量类型 in `language`; "未知模拟量类型 200" for one nobody knows."""
    known = _name(code, QUANTITIES, VENDOR_QUANTITIES, profile)
    return _(known, language) if known else _("未知模拟量类型 {code}", language, code=code)


def fact_text(value: str, language: str = DEFAULT_LANGUAGE) -> str:
    """A fact's value in `language`: our words translated, each of a list; figures and the device's as they stand."""
    whole = _(value, language)
    if whole != value or LIST_MARK not in value:
        return whole
    return _(LIST_MARK, language).join(_(part, language) for part in value.split(LIST_MARK))


def state_bit_name(level: Level, bit: int, is_vendor: bool) -> str | None:
    """The message id of a set bit, or None for one that is reserved and not known by the profile."""
    vendor = VENDOR_STATE_BITS[level].get(bit) if is_vendor else None
    return vendor or STATE_BITS[level].get(bit)
