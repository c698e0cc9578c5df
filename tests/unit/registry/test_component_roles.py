"""Default roles, meanings and hysteresis by the data tables (GB 50440 extract, 5 and 6)."""

from decimal import Decimal

import pytest

from backend.registry.component_roles import default_closed_means, default_hysteresis, default_role
from backend.registry.model import COMPONENT_ROLE_LABELS, ClosedMeans, ComponentRole

R = ComponentRole


@pytest.mark.clause("4.3.2")
@pytest.mark.parametrize(
    ("component_type", "quantity", "description", "role"),
    [
        (42, None, "5层走廊感烟", R.DETECTOR),
        (42, None, "消防水泵房电源柜旁感烟", R.DETECTOR),
        (11, 6, "厨房燃气", R.DETECTOR),
        (23, None, "手动报警按钮", R.CALL_POINT),
        (24, None, "消火栓按钮", R.CALL_POINT),
        (92, 2, "屋顶水位", R.TANK_LEVEL),
        (92, 2, "消防水池液位", R.POOL_LEVEL),
        (131, 2, "液位传感器", R.TANK_LEVEL),
        (0, 2, "高位消防水箱", R.TANK_LEVEL),
        (85, None, "消防水池低水位", R.POOL_LEVEL),
        (92, None, "水箱浮球", R.TANK_LEVEL),
        (0, 5, "试验消火栓压力", R.TEST_HYDRANT_PRESSURE),
        (0, 4, "屋顶试验消火栓(最不利点)", R.TEST_HYDRANT_PRESSURE),
        (128, 5, "室外消火栓", R.OUTDOOR_HYDRANT_PRESSURE),
        (0, 5, "高区最不利点", R.WORST_POINT_PRESSURE),
        (0, 5, "末端试水装置", R.WORST_POINT_PRESSURE),
        (99, None, "低区最不利点低压", R.WORST_POINT_PRESSURE),
        (0, 5, "喷淋管网", R.PIPE_PRESSURE),
        (99, None, "湿式报警阀压力开关", R.FLOW),
        (82, None, "消火栓泵控制柜自动状态", R.PUMP_CABINET_AUTO),
        (85, None, "消火栓泵控制柜自动/手动", R.PUMP_CABINET_AUTO),
        (85, None, "喷淋泵控制柜手动状态", R.PUMP_CABINET_MANUAL),
        (85, None, "稳压泵控制柜非自动", R.PUMP_CABINET_MANUAL),
        (82, None, "稳压泵控制柜电源故障", R.PUMP_CABINET_POWER),
        (82, 8, "消火栓泵控制柜 A 相电压", R.PUMP_CABINET_VOLTAGE),
        (85, None, "2号消火栓泵故障", R.PUMP_FAULT),
        (85, None, "稳压泵运行", R.JOCKEY_RUNNING),
        (91, None, "1号泵", R.PUMP_RUNNING),
        (84, None, "消火栓泵启动反馈", R.PUMP_RUNNING),
        (96, None, "水流指示器", R.FLOW),
        (97, None, "信号阀", R.SIGNAL_VALVE),
        (81, None, "气体灭火紧急停止", R.EMERGENCY_STOP),
        (81, None, "气体灭火控制器", R.GAS_RELEASE),
        (102, None, "常闭防火门", R.DOOR),
        (117, None, "防火卷帘", R.DOOR),
        (111, None, "排烟风机", R.FAN),
        (85, None, "消防电源监控", R.POWER_SUPPLY),
        (200, None, "", R.OTHER),
    ],
)
def test_a_component_without_a_role_gets_one_from_type_quantity_and_words(
    component_type: int, quantity: int | None, description: str, role: ComponentRole
) -> None:
    assert default_role(component_type, quantity, description) is role


def test_every_role_has_a_chinese_label() -> None:
    assert set(COMPONENT_ROLE_LABELS) == set(ComponentRole)


@pytest.mark.parametrize(
    ("role", "quantity", "low", "high", "hysteresis"),
    [
        (R.TANK_LEVEL, 2, None, None, "0.05"),
        (R.TANK_LEVEL, 2, "1.0", "1.95", "0.05"),
        (R.POOL_LEVEL, 2, "3.60", "4.95", "0.1"),
        (R.TANK_LEVEL, 2, "1.00", "1.10", "0.025"),
        (R.WORST_POINT_PRESSURE, 5, "100", None, "10"),
        (R.TEST_HYDRANT_PRESSURE, 4, "0.15", None, "0.01"),
        (R.PUMP_CABINET_VOLTAGE, 8, "323", "418", "7.6"),
        (R.PUMP_CABINET_VOLTAGE, 8, None, "418", "7.6"),
        (R.PUMP_CABINET_VOLTAGE, 8, None, None, None),
        (R.OTHER, 3, "1", "2", None),
        (R.TANK_LEVEL, None, None, None, None),
    ],
)
def test_hysteresis_defaults_are_those_of_the_extract(
    role: ComponentRole, quantity: int | None, low: str | None, high: str | None, hysteresis: str | None
) -> None:
    limits = [None if each is None else Decimal(each) for each in (low, high)]
    expected = None if hysteresis is None else Decimal(hysteresis)
    assert default_hysteresis(role, quantity, *limits) == expected


@pytest.mark.parametrize(
    ("role", "description", "means"),
    [
        (R.TANK_LEVEL, "水箱低水位", ClosedMeans.LOW),
        (R.POOL_LEVEL, "水池高水位", ClosedMeans.HIGH),
        (R.POOL_LEVEL, "水池溢流", ClosedMeans.OVERFLOW),
        (R.WORST_POINT_PRESSURE, "最不利点低压", ClosedMeans.LOW_PRESSURE),
        (R.PUMP_CABINET_AUTO, "自动", ClosedMeans.AUTOMATIC),
        (R.PUMP_CABINET_MANUAL, "手动", ClosedMeans.MANUAL),
        (R.PUMP_CABINET_POWER, "电源故障", ClosedMeans.POWER_FAULT),
        (R.PUMP_CABINET_POWER, "电源", None),
        (R.DETECTOR, "低", None),
    ],
)
def test_a_closed_contact_means_what_its_words_say(
    role: ComponentRole, description: str, means: ClosedMeans | None
) -> None:
    assert default_closed_means(role, None, description) is means
    assert default_closed_means(role, 2, description) is None
