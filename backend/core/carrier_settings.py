"""Settings of the ways to people: chats, telephone vendors, other systems, and carriers' limits."""

from typing import Annotated

from msgspec import Meta

from backend.core.settings_types import CountOrNone, Secret, Section, Share, SignName


class Telegram(Section, frozen=True):
    """The Telegram bot. Without a token there is none."""

    token: Secret = Secret()
    api_base: str = "https://api.telegram.org"
    bot_username: Annotated[str, Meta(pattern="^[A-Za-z0-9_]{0,32}$")] = ""  #: for links that open the bot
    webhook_secret: Secret = Secret()  #: set: updates come to /hooks/telegram; unset: long polling


class Sms(Section, frozen=True):
    """Who carries text messages, in the order in which they are asked. Without vendors there are none."""

    vendors: tuple[str, ...] = ()  #: to telephones of mainland China
    vendors_abroad: tuple[str, ...] = ()  #: to all others
    sign: SignName = "烽火"  #: 【短信签名】 as filed; where there are no templates


class Voice(Section, frozen=True):
    """Who makes telephone calls, in the order in which they are asked."""

    vendors: tuple[str, ...] = ()
    vendors_abroad: tuple[str, ...] = ()


class Twilio(Section, frozen=True):
    """Twilio: texts and calls outside mainland China. Its callbacks come to /hooks/twilio and bear its signature."""

    account_sid: Annotated[str, Meta(pattern="^(AC[0-9a-fA-F]{32})?$")] = ""
    auth_token: Secret = Secret()
    sender: Annotated[str, Meta(pattern=r"^(\+[0-9]{5,15}|MG[0-9a-fA-F]{32})?$")] = ""  #: texts: number or MG… sid
    caller: Annotated[str, Meta(pattern=r"^(\+[0-9]{5,15})?$")] = ""  #: calls: our number; default: `sender`
    api_base: str = "https://api.twilio.com"
    ring_s: Annotated[int, Meta(ge=5, le=600)] = 25  #: shorter than it takes most voicemail to answer


class Webhook(Section, frozen=True):
    """Signed requests to other systems. Without a secret there are none."""

    secret: Secret = Secret()
    plain_http: bool = False  #: also http:// addresses
    private_networks: bool = False  #: also addresses that are not public


class Apprise(Section, frozen=True):
    """Whatever Apprise reaches (the optional package `fenghuo[apprise]`); one-way."""

    enabled: bool = False


class Aliyun(Section, frozen=True):
    """Aliyun 阿里云 SMS and voice, for mainland China. Templates: `workers.channels.words.templates`."""

    key_id: str = ""
    key_secret: Secret = Secret()
    sign_name: SignName = ""  #: without brackets
    sms_fire: str = ""  #: template codes, one for each purpose
    sms_abnormal: str = ""
    sms_fault: str = ""
    sms_offline: str = ""
    sms_restored: str = ""
    sms_storm: str = ""
    sms_note: str = ""
    has_extend_codes: bool = False  #: the account may extend the sender's number, so that a reply names its message
    voice_mode: Annotated[str, Meta(pattern="^(tts|ivr)$")] = "tts"  #: ivr hears keys; it needs `show_number`
    voice_fire: str = ""  #: speech templates
    voice_other: str = ""
    voice_restored: str = ""
    voice_thanks: str = ""  #: said after a key
    show_number: str = ""  #: the bought number that calls
    hook_token: Secret = Secret()  #: set: callbacks come to /hooks/aliyun/<token>/…; unset: they are refused
    sms_base: str = "https://dysmsapi.aliyuncs.com"
    voice_base: str = "https://dyvmsapi.aliyuncs.com"


class Tencent(Section, frozen=True):
    """Tencent Cloud 腾讯云 SMS, for mainland China."""

    secret_id: str = ""
    secret_key: Secret = Secret()
    app_id: str = ""  #: SmsSdkAppId
    sign_name: SignName = ""
    region: str = "ap-guangzhou"
    sms_fire: str = ""  #: template ids, one for each purpose
    sms_abnormal: str = ""
    sms_fault: str = ""
    sms_offline: str = ""
    sms_restored: str = ""
    sms_storm: str = ""
    sms_note: str = ""
    has_extend_codes: bool = False
    hook_token: Secret = Secret()  #: set: callbacks come to /hooks/tencent/<token>/…; unset: they are refused
    api_base: str = "https://sms.tencentcloudapi.com"


class Budgets(Section, frozen=True):
    """Carriers' limits as messages in a window (delivery.budgets says where each is from; 0: none), and fire's part."""

    fire_reserve: Annotated[float, Meta(gt=0, lt=1)] = 0.4  #: of each limit, for fire only
    low_share: Share = 0.25  #: of what is left for the rest: below it, messages are spread and told together
    telegram_per_chat_per_second: CountOrNone = 1
    telegram_fire_per_chat_per_second: CountOrNone = 5
    telegram_per_chat_per_minute: CountOrNone = 60
    telegram_per_group_per_minute: CountOrNone = 20
    telegram_per_second: CountOrNone = 30
    sms_per_number_per_day: CountOrNone = 50
    voice_per_callee_per_minute: CountOrNone = 1
    voice_per_callee_per_hour: CountOrNone = 5
    voice_per_callee_per_day: CountOrNone = 20
    voice_per_second: CountOrNone = 1
    webhook_per_address_per_second: CountOrNone = 20
    wecom_per_robot_per_minute: CountOrNone = 20
    dingtalk_per_robot_per_minute: CountOrNone = 20
