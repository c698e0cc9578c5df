"""The demonstration's telephone carriers: what the sample provider has filed with Aliyun, Tencent Cloud and Twilio.

The rule: templates are filed word for word as `workers.channels.words.templates` lists them; a test compares them.
"""

import secrets
from typing import Final

from backend.core.settings import Settings
from backend.demo.carriers import aliyun, tencent
from backend.demo.carriers.telephony.exchange import Connected, Exchange
from backend.demo.carriers.twilio.server import API_PATH, TwilioServer

SIGN: Final = "烽火"
#: purpose → text, its variables by name
TEXTS: Final = {
    "fire": "火警 {where} {what} {time} {unit} 请立即核实 回复1确认 2误报 码{code}",
    "abnormal": "异常 {where} {what} {time} {unit} 请处理 回复1确认 2误报 码{code}",
    "fault": "故障 {where} {what} {time} {unit} 请处理 回复1确认 2误报 码{code}",
    "offline": "离线 {where} {what} {time} {unit} 请检查 回复1确认 2误报 码{code}",
    "restored": "已恢复 {where} {what} {time} {unit} 码{code}",
    "note": "通知 {where} {what} {time} {unit} 码{code}",
    "storm": "多处报警 {where} {what} {time} {unit} 请查看 回复1确认 码{code}",
}
VARIABLES: Final = ("where", "what", "time", "unit", "code")
_KEYS: Final = "按1确认，按2误报，按3转值班室，按星号重听。"
SPEECHES: Final = {
    "voice_fire": f"${{where}}，${{what}}。${{unit}}，${{time}}。请立即核实。{_KEYS}",
    "voice_other": f"${{where}}，${{what}}。${{unit}}，${{time}}。请处理。{_KEYS}",
    "voice_restored": "${where}，${what}，已恢复。${unit}，${time}。",
    "voice_thanks": "已收到，谢谢。",
}
SHOW_NUMBER: Final = "02155550119"
#: Twilio has no templates: an account, and the number that texts and calls come from
ACCOUNT_SID: Final = f"AC{'119' * 10}00"
NUMBER_ABROAD: Final = "+12025550119"


def aliyun_code(name: str) -> str:
    """The template code under which Aliyun has filed it."""
    return f"TTS_{name}" if name in SPEECHES else f"SMS_{name}"


def tencent_code(purpose: str) -> str:
    """The template id under which Tencent Cloud has filed it."""
    return str(2_026_001 + list(TEXTS).index(purpose))


def environment(base: str, secret: str) -> dict[str, str]:
    """The settings of a provider who sends by these carriers at `base`; one secret serves for all keys."""
    shared = {
        "FENGHUO_SMS_VENDORS": "aliyun,tencent",
        "FENGHUO_VOICE_VENDORS": "aliyun",
        "FENGHUO_ALIYUN_KEY_ID": "LTAI-demo",
        "FENGHUO_ALIYUN_KEY_SECRET": secret,
        "FENGHUO_ALIYUN_SIGN_NAME": SIGN,
        "FENGHUO_ALIYUN_HAS_EXTEND_CODES": "true",
        "FENGHUO_ALIYUN_VOICE_MODE": "ivr",
        "FENGHUO_ALIYUN_SHOW_NUMBER": SHOW_NUMBER,
        "FENGHUO_ALIYUN_HOOK_TOKEN": secret,
        "FENGHUO_ALIYUN_SMS_BASE": base,
        "FENGHUO_ALIYUN_VOICE_BASE": base,
        "FENGHUO_TENCENT_SECRET_ID": "AKID-demo",
        "FENGHUO_TENCENT_SECRET_KEY": secret,
        "FENGHUO_TENCENT_APP_ID": "1400006666",
        "FENGHUO_TENCENT_SIGN_NAME": SIGN,
        "FENGHUO_TENCENT_HAS_EXTEND_CODES": "true",
        "FENGHUO_TENCENT_HOOK_TOKEN": secret,
        "FENGHUO_TENCENT_API_BASE": base,
    }
    abroad = {
        "FENGHUO_SMS_VENDORS_ABROAD": "twilio",
        "FENGHUO_VOICE_VENDORS_ABROAD": "twilio",
        "FENGHUO_TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "FENGHUO_TWILIO_AUTH_TOKEN": secret,
        "FENGHUO_TWILIO_SENDER": NUMBER_ABROAD,
        "FENGHUO_TWILIO_API_BASE": base,
    }
    aliyun_codes = {f"FENGHUO_ALIYUN_SMS_{each.upper()}": aliyun_code(each) for each in TEXTS}
    speeches = {f"FENGHUO_ALIYUN_{each.upper()}": aliyun_code(each) for each in SPEECHES}
    tencent_codes = {f"FENGHUO_TENCENT_SMS_{each.upper()}": tencent_code(each) for each in TEXTS}
    return shared | abroad | aliyun_codes | speeches | tencent_codes


def new_secret() -> str:
    """A secret for one data directory."""
    return secrets.token_hex(16)


def build_exchange(settings: Settings) -> Exchange:
    """The carriers with what these settings have filed; they call back to the web process.

    Twilio calls back to the addresses its requests name, all of them below `public_url`, and signs over them.
    """
    hooks = f"{settings.public_url}/hooks"
    abroad = TwilioServer(
        settings.twilio.account_sid, settings.twilio.auth_token.value, reply_url=f"{hooks}/twilio/reply", reports=True
    )
    return Exchange(
        (
            Connected("aliyun", _aliyun(settings, hooks), header="x-acs-action"),
            Connected("tencent", _tencent(settings, hooks), header="x-tc-action"),
            Connected("twilio", abroad, path=API_PATH),
        )
    )


def _aliyun(settings: Settings, hooks: str) -> aliyun.AliyunCarrier:
    names = {name: f"${{{name}}}" for name in VARIABLES}
    account = aliyun.Account(
        key_id=settings.aliyun.key_id,
        key_secret=settings.aliyun.key_secret.value,
        sign_names=(SIGN,),
        sms_templates={aliyun_code(each): text.format(**names) for each, text in TEXTS.items()},
        voice_templates={aliyun_code(each): text for each, text in SPEECHES.items()},
        numbers=(SHOW_NUMBER,),
    )
    return aliyun.AliyunCarrier(account, f"{hooks}/aliyun/{settings.aliyun.hook_token.value}")


def _tencent(settings: Settings, hooks: str) -> tencent.TencentCarrier:
    numbers = {name: f"{{{index}}}" for index, name in enumerate(VARIABLES, start=1)}
    account = tencent.Account(
        secret_id=settings.tencent.secret_id,
        secret_key=settings.tencent.secret_key.value,
        app_id=settings.tencent.app_id,
        sign_names=(SIGN,),
        templates={tencent_code(each): text.format(**numbers) for each, text in TEXTS.items()},
    )
    return tencent.TencentCarrier(account, f"{hooks}/tencent/{settings.tencent.hook_token.value}")
