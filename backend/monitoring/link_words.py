"""Names for people: what is odd about a device's frames (GB/T 26875.3 extract, 7 and 10), and kinds of told texts."""

from collections.abc import Mapping
from typing import Final

from backend.core.i18n import N_

#: deviation → what an installer should read
DEVIATION_LABELS: Final[Mapping[str, str]] = {
    "major_version_not_1": N_("主版本号不是 1"),
    "frame_time_invalid": N_("帧内时间无效"),
    "object_time_invalid": N_("对象时间无效"),
    "object_time_missing": N_("缺少对象时间"),
    "object_time_unexpected": N_("多出对象时间"),
    "count_zero": N_("信息对象数目为 0"),
    "count_mismatch": N_("信息对象数目不符"),
    "extra_bytes": N_("对象后有多余字节"),
    "body_size": N_("对象长度不符"),
    "empty_app_data": N_("应用数据单元为空"),
    "short_app_data": N_("应用数据单元过短"),
    "confirm_with_app_data": N_("确认帧带有应用数据"),
    "user_type": N_("用户自定义类型标志"),
    "reserved_type": N_("预留类型标志"),
    "user_command": N_("用户自定义命令"),
    "reserved_command": N_("预留命令"),
    "command_type_mismatch": N_("命令与类型标志不符"),
    "state_bit0_clear": N_("状态位 0 未置位"),
    "reserved_state_bits": N_("预留状态位被置位"),
    "value_out_of_range": N_("数值超出有效范围"),
    "leading_nul_text": N_("文本以空字符开头"),
    "stale_bytes_after_text": N_("文本后有残留字节"),
    "text_padded_ff": N_("文本以 FF 填充"),
    "text_cut_mid_character": N_("文本在汉字中间截断"),
    "text_undecodable": N_("文本无法解码"),
}

#: `TextSaid.kind` → what stands before its text
KIND_LABELS: Final[Mapping[str, str]] = {
    "software_version": N_("软件版本"),
    "configuration": N_("配置情况"),
    "clock": N_("设备时钟"),
    "clock_off": N_("时钟偏差"),
    "operation_record": N_("操作记录"),
    "registration": N_("设备注册"),
    "manufactured": N_("出厂"),
    "signed_up": N_("注册"),
    "powered_on": N_("开机"),
    "powered_off": N_("关机"),
    "system_on": N_("系统投入"),
    "system_off": N_("系统退出"),
    "line_state": N_("线路状态"),
    "line_restored": N_("线路恢复"),
    "linkage": N_("联动"),
    "moment": N_("时刻"),
}
