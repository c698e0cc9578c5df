"""Vendors' own codes (用户自定义) with their names, which profiles add to the tables (section 11)."""

from collections.abc import Mapping
from typing import Final

from protocol_gateway.gb26875.labels import Label
from protocol_gateway.gb26875.tables import AnalogType

DAHUA_TYPE_FLAGS: Final[Mapping[int, Label]] = {
    0x84: Label("system analog", "系统模拟量"),
    0x85: Label("part state, 8 octets", "部件状态(8字节)"),
    0x86: Label("part analogs", "部件模拟量"),
    0x87: Label("general report", "通用数据"),
    0x8A: Label("parameters", "参数"),
    0x8C: Label("extended registration", "扩展注册"),
    0xF9: Label("remote mute", "远程消音"),
    0xFA: Label("function configuration", "功能配置"),
}

DAHUA_SYSTEM_TYPES: Final[Mapping[int, Label]] = {
    128: Label("electrical fire", "电气火灾"),
    129: Label("UITD", "用户信息传输装置"),
    132: Label("home", "家用"),
    133: Label("IoT collector", "物联网数据采集终端"),
    135: Label("combined detector", "组合式探测器"),
    136: Label("front-end detector", "前端探测器"),
    137: Label("industrial", "工业"),
    150: Label("gateway", "小华网关"),
}

DAHUA_COMPONENT_TYPES: Final[Mapping[int, Label]] = {
    128: Label("pressure sensor", "压力传感器"),
    129: Label("arc detector", "电弧探测器"),
    130: Label("mains", "市电"),
    131: Label("level sensor", "液位传感器"),
    132: Label("humidity sensor", "湿度传感器"),
    133: Label("temperature sensor", "温度传感器"),
    134: Label("NB smoke detector", "NB感烟探测器"),
    137: Label("sounder", "声光警报器"),
    151: Label("gas or air flow", "气流"),
    152: Label("modem", "调制解调器"),
    153: Label("water leak", "水浸"),
    154: Label("isolator", "隔离器"),
    155: Label("propane", "丙烷"),
    156: Label("door contact", "门磁"),
}

DAHUA_ANALOG_TYPES: Final[Mapping[int, AnalogType]] = {
    row.code: row
    for row in (
        AnalogType.row(128, "residual current", "剩余电流", "mA", resolution="1"),
        AnalogType.row(129, "humidity", "湿度", "%RH", resolution="0.1"),
        AnalogType.row(130, "signal quality CSQ", "信号质量CSQ", "", resolution="1"),
        AnalogType.row(131, "signal strength RSSI", "信号强度RSSI", "dBm", resolution="1"),
        AnalogType.row(132, "resends", "重发次数", "", resolution="1"),
        AnalogType.row(133, "gas concentration", "气体浓度", "ppm", resolution="1"),
        AnalogType.row(256, "voltage", "电压", "V", resolution="0.01"),
        AnalogType.row(266, "battery", "电池电量", "%", resolution="1"),
        AnalogType.row(301, "smoke", "烟雾浓度", "", resolution="1"),
    )
}

DAHUA_SYSTEM_STATE_BITS: Final[Mapping[int, Label]] = {
    0: Label("test", "测试状态"),
    13: Label("reset", "复位"),
    14: Label("device removed", "设备被拆"),
}

DAHUA_COMPONENT_STATE_BITS: Final[Mapping[int, Label]] = {
    0: Label("test", "测试状态"),
    9: Label("lost contact", "失联"),
    10: Label("open circuit", "开路"),
    11: Label("short circuit", "短路"),
    12: Label("removed", "被拆"),
    13: Label("low battery of the separate unit", "分体欠压"),
    14: Label("sensor fault", "传感器故障"),
    15: Label("upgrade fault", "升级故障"),
    16: Label("power saving", "省电"),
    17: Label("end of life", "寿命故障"),
    18: Label("arc", "电弧"),
    19: Label("fluctuation", "波动"),
    20: Label("over the upper limit", "超上限"),
    21: Label("under the lower limit", "超下限"),
    22: Label("cover open", "开盖"),
    23: Label("door open", "开门"),
}
