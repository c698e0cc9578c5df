"""部件类型: the component types of GB/T 26875.3, table 5 (section 5.2)."""

from protocol_gateway.gb26875.labels import LabelledCode


class ComponentType(LabelledCode):
    """部件类型 (section 5.2). 128-255 are user-defined; a profile may name them."""

    GENERAL = 0, "general", "通用"
    FIRE_ALARM_CONTROL_UNIT = 1, "fire alarm control unit", "火灾报警控制器"
    COMBUSTIBLE_GAS_DETECTOR = 10, "combustible gas detector", "可燃气体探测器"
    POINT_COMBUSTIBLE_GAS_DETECTOR = 11, "point combustible gas detector", "点型可燃气体探测器"
    STAND_ALONE_COMBUSTIBLE_GAS_DETECTOR = 12, "stand-alone combustible gas detector", "独立式可燃气体探测器"
    LINE_COMBUSTIBLE_GAS_DETECTOR = 13, "line combustible gas detector", "线型可燃气体探测器"
    ELECTRICAL_FIRE_ALARM_UNIT = 16, "electrical fire alarm unit", "电气火灾监控报警器"
    RESIDUAL_CURRENT_ELECTRICAL_FIRE_DETECTOR = (
        17,
        "residual current electrical fire detector",
        "剩余电流式电气火灾监控探测器",
    )
    TEMPERATURE_ELECTRICAL_FIRE_DETECTOR = (
        18,
        "temperature electrical fire detector",
        "测温式电气火灾监控探测器",
    )
    DETECTION_LOOP = 21, "detection loop", "探测回路"
    FIRE_DISPLAY_PANEL = 22, "fire display panel", "火灾显示盘"
    MANUAL_CALL_POINT = 23, "manual call point", "手动火灾报警按钮"
    HYDRANT_BUTTON = 24, "hydrant button", "消火栓按钮"
    FIRE_DETECTOR = 25, "fire detector", "火灾探测器"
    HEAT_DETECTOR = 30, "heat detector", "感温火灾探测器"
    POINT_HEAT = 31, "point heat", "点型感温火灾探测器"
    POINT_HEAT_S = 32, "point heat, S", "点型感温火灾探测器(S型)"
    POINT_HEAT_R = 33, "point heat, R", "点型感温火灾探测器(R型)"
    LINE_HEAT = 34, "line heat", "线型感温火灾探测器"
    LINE_HEAT_S = 35, "line heat, S", "线型感温火灾探测器(S型)"
    LINE_HEAT_R = 36, "line heat, R", "线型感温火灾探测器(R型)"
    FIBRE_HEAT = 37, "fibre heat", "光纤感温火灾探测器"
    SMOKE_DETECTOR = 40, "smoke detector", "感烟火灾探测器"
    POINT_IONISATION_SMOKE = 41, "point ionisation smoke", "点型离子感烟火灾探测器"
    POINT_PHOTOELECTRIC_SMOKE = 42, "point photoelectric smoke", "点型光电感烟火灾探测器"
    LINE_BEAM_SMOKE = 43, "line beam smoke", "线型光束感烟火灾探测器"
    ASPIRATING_SMOKE = 44, "aspirating smoke", "吸气式感烟火灾探测器"
    COMBINED_DETECTOR = 50, "combined detector", "复合式火灾探测器"
    COMBINED_SMOKE_AND_HEAT = 51, "combined smoke and heat", "复合式感烟感温火灾探测器"
    COMBINED_LIGHT_AND_HEAT = 52, "combined light and heat", "复合式感光感温火灾探测器"
    COMBINED_LIGHT_AND_SMOKE = 53, "combined light and smoke", "复合式感光感烟火灾探测器"
    ULTRAVIOLET_FLAME_DETECTOR = 61, "ultraviolet flame detector", "紫外火焰探测器"
    INFRARED_FLAME_DETECTOR = 62, "infrared flame detector", "红外火焰探测器"
    LIGHT_SENSING_FIRE_DETECTOR = 69, "light-sensing fire detector", "感光火灾探测器"
    GAS_DETECTOR = 74, "gas detector", "气体探测器"
    IMAGE_FIRE_DETECTOR = 78, "image fire detector", "图像摄像方式火灾探测器"
    SOUND_FIRE_DETECTOR = 79, "sound fire detector", "感声火灾探测器"
    GAS_EXTINGUISHING_CONTROLLER = 81, "gas extinguishing controller", "气体灭火控制器"
    FIRE_ELECTRICAL_CONTROL_DEVICE = 82, "fire electrical control device", "消防电气控制装置"
    CONTROL_ROOM_GRAPHIC_DISPLAY = 83, "control room graphic display", "消防控制室图形显示装置"
    MODULE = 84, "module", "模块"
    INPUT_MODULE = 85, "input module", "输入模块"
    OUTPUT_MODULE = 86, "output module", "输出模块"
    INPUT_OUTPUT_MODULE = 87, "input/output module", "输入/输出模块"
    RELAY_MODULE = 88, "relay module", "中继模块"
    FIRE_PUMP = 91, "fire pump", "消防水泵"
    FIRE_WATER_TANK = 92, "fire water tank", "消防水箱"
    SPRINKLER_PUMP = 95, "sprinkler pump", "喷淋泵"
    WATER_FLOW_INDICATOR = 96, "water flow indicator", "水流指示器"
    SIGNAL_VALVE = 97, "signal valve", "信号阀"
    ALARM_VALVE = 98, "alarm valve", "报警阀"
    PRESSURE_SWITCH = 99, "pressure switch", "压力开关"
    VALVE_ACTUATOR = 101, "valve actuator", "阀驱动装置"
    FIRE_DOOR = 102, "fire door", "防火门"
    FIRE_DAMPER = 103, "fire damper", "防火阀"
    VENTILATION_AND_AIR_CONDITIONING = 104, "ventilation and air conditioning", "通风空调"
    FOAM_LIQUID_PUMP = 105, "foam liquid pump", "泡沫液泵"
    PIPE_SOLENOID_VALVE = 106, "pipe solenoid valve", "管网电磁阀"
    SMOKE_CONTROL_FAN = 111, "smoke control fan", "防烟排烟风机"
    SMOKE_EXHAUST_FIRE_DAMPER = 113, "smoke exhaust fire damper", "排烟防火阀"
    NORMALLY_CLOSED_SUPPLY_VENT = 114, "normally closed supply vent", "常闭送风口"
    SMOKE_OUTLET = 115, "smoke outlet", "排烟口"
    ELECTRIC_SMOKE_CURTAIN = 116, "electric smoke curtain", "电控挡烟垂壁"
    FIRE_SHUTTER_CONTROLLER = 117, "fire shutter controller", "防火卷帘控制器"
    FIRE_DOOR_MONITOR = 118, "fire door monitor", "防火门监控器"
    ALARM_SOUNDER = 121, "alarm sounder", "警报装置"
