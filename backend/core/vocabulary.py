"""The field's words as enums with Chinese labels; one place for each list (house.md §5)."""

from enum import StrEnum
from typing import Final

from backend.core.i18n import N_


class Severity(StrEnum):
    """How urgent an alarm is: 火灾报警、故障、异常状态、通信故障."""

    FIRE = "fire"
    FAULT = "fault"
    ABNORMAL = "abnormal"
    OFFLINE = "offline"


class AlarmClass(StrEnum):
    """The alarm classes of the GB 50440 extract, 3; `I` is information and makes no alarm."""

    F = "F"  #: 火灾报警
    G = "G"  #: 喷放/延时: people may be inside
    A = "A"  #: 异常状态
    X = "X"  #: 故障状态
    C = "C"  #: 通信故障
    I = "I"  # noqa: E741 - the letter of the class (信息)


SEVERITY_OF_CLASS = {
    AlarmClass.F: Severity.FIRE,
    AlarmClass.G: Severity.FIRE,
    AlarmClass.A: Severity.ABNORMAL,
    AlarmClass.X: Severity.FAULT,
    AlarmClass.C: Severity.OFFLINE,
}


class Role(StrEnum):
    """What a person is, in a unit or at the service provider."""

    UNIT_MANAGER = "unit_manager"  #: 消防安全管理人
    UNIT_DUTY = "unit_duty"  #: 单位值班人员
    MAINTAINER = "maintainer"  #: 维保人员
    PROVIDER_OPERATOR = "provider_operator"  #: 服务机构值班员
    COMPLAINT_HANDLER = "complaint_handler"  #: 投诉处理人
    QUALITY_LEAD = "quality_lead"  #: 质量负责人
    ADMINISTRATOR = "administrator"  #: 系统管理员
    GROUP = "group"  #: 群: no person but a chat of several, told of its unit's alarms


#: roles held at the provider, over all units
PROVIDER_ROLES = frozenset({Role.PROVIDER_OPERATOR, Role.COMPLAINT_HANDLER, Role.QUALITY_LEAD, Role.ADMINISTRATOR})


class Channel(StrEnum):
    """A kind of contact (通知方式)."""

    TELEGRAM = "telegram"
    APP = "app"  #: the phone page's own inbox
    SMS = "sms"  #: 短信
    VOICE = "voice"  #: 语音电话
    WEBHOOK = "webhook"  #: a signed request to another system; one-way
    APPRISE = "apprise"  #: whatever Apprise reaches; one-way


#: ways whose words people read: no call says the words of an answer, and what another program takes nobody has read yet
READ_CHANNELS: Final = (Channel.TELEGRAM, Channel.APP, Channel.SMS)


class Via(StrEnum):
    """The way a person's answer came."""

    TELEGRAM = "telegram"
    PHONE = "phone"  #: the phone page
    CONSOLE = "console"
    API = "api"
    SMS = "sms"  #: a reply to the message
    VOICE = "voice"  #: a key pressed during the call


class Verdict(StrEnum):
    """处置结论: what people found."""

    REAL = "real"  #: 真实火警
    FALSE = "false"  #: 误报
    TEST = "test"  #: 测试/检修
    FAULT = "fault"  #: 故障


class ComplaintKind(StrEnum):
    """What a complaint is about (投诉), or what else people tell the provider (服务反馈); CQC/SC 11002, 5.5."""

    ALARM = "alarm"  #: about an alarm, or one that did not come
    ORDER = "order"  #: about a work order
    PERSON = "person"  #: about somebody
    OTHER = "other"
    PRAISE = "praise"  #: 表扬
    QUESTION = "question"  #: 咨询
    SUGGESTION = "suggestion"  #: 建议


#: what is no complaint: it is answered too, and it needs no cause
FEEDBACK_KINDS = frozenset({ComplaintKind.PRAISE, ComplaintKind.QUESTION, ComplaintKind.SUGGESTION})


class DeviceKind(StrEnum):
    """用户信息传输装置 or 信息采集装置."""

    UITD = "uitd"
    COLLECTOR = "collector"


class Power(StrEnum):
    """How a device is fed, which sets its patrol cycle (CQC/SC 11002 4.4.2)."""

    MAINS = "mains"
    BATTERY = "battery"


class Lane(StrEnum):
    """Which workers carry an attempt. Fire has its own and is never behind anything else."""

    FIRE = "fire"
    ROUTINE = "routine"


SEVERITY_LABELS = {
    Severity.FIRE: N_("火警"),
    Severity.FAULT: N_("故障"),
    Severity.ABNORMAL: N_("异常"),
    Severity.OFFLINE: N_("离线"),
}
SEVERITY_ICONS = {
    Severity.FIRE: "🔥",
    Severity.FAULT: "🛠",
    Severity.ABNORMAL: "⚠️",
    Severity.OFFLINE: "📡",
}
ROLE_LABELS = {
    Role.UNIT_MANAGER: N_("消防安全管理人"),
    Role.UNIT_DUTY: N_("单位值班人员"),
    Role.MAINTAINER: N_("维保人员"),
    Role.PROVIDER_OPERATOR: N_("服务机构值班员"),
    Role.COMPLAINT_HANDLER: N_("投诉处理人"),
    Role.QUALITY_LEAD: N_("质量负责人"),
    Role.ADMINISTRATOR: N_("系统管理员"),
    Role.GROUP: N_("群"),
}
VIA_LABELS = {
    Via.TELEGRAM: N_("Telegram"),
    Via.PHONE: N_("手机页面"),
    Via.CONSOLE: N_("值班台"),
    Via.API: N_("接口"),
    Via.SMS: N_("短信"),
    Via.VOICE: N_("语音电话"),
}
CHANNEL_LABELS = {
    Channel.TELEGRAM: N_("Telegram"),
    Channel.APP: N_("手机页面"),
    Channel.SMS: N_("短信"),
    Channel.VOICE: N_("语音电话"),
    Channel.WEBHOOK: N_("推送接口"),
    Channel.APPRISE: N_("其他通知"),
}
COMPLAINT_LABELS = {
    ComplaintKind.ALARM: N_("报警投诉"),
    ComplaintKind.ORDER: N_("工单投诉"),
    ComplaintKind.PERSON: N_("人员投诉"),
    ComplaintKind.OTHER: N_("其他投诉"),
    ComplaintKind.PRAISE: N_("表扬"),
    ComplaintKind.QUESTION: N_("咨询"),
    ComplaintKind.SUGGESTION: N_("建议"),
}
VERDICT_LABELS = {
    Verdict.REAL: N_("真实火警"),
    Verdict.FALSE: N_("误报"),
    Verdict.TEST: N_("测试/检修"),
    Verdict.FAULT: N_("设备故障"),
}
