"""Which vendors there are, and the channels the settings make of them. To add one: write its client, list it here."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from backend.core.errors import BadSettings
from backend.core.settings import Settings
from workers.channels.aliyun.client import NAME as ALIYUN
from workers.channels.aliyun.sms import AliyunSms
from workers.channels.aliyun.voice import AliyunVoice
from workers.channels.ports import SmsVendor, VoiceVendor
from workers.channels.sms import SmsChannel
from workers.channels.tencent.sms import NAME as TENCENT
from workers.channels.tencent.sms import TencentSms
from workers.channels.twilio import NAME as TWILIO
from workers.channels.twilio.client import TwilioSms, TwilioVoice
from workers.channels.voice import VoiceChannel

V = TypeVar("V")


def _aliyun_sms(settings: Settings) -> SmsVendor:
    return AliyunSms(settings.aliyun, settings.workers.send_timeout_s)


def _tencent_sms(settings: Settings) -> SmsVendor:
    return TencentSms(settings.tencent, settings.workers.send_timeout_s)


def _twilio_sms(settings: Settings) -> SmsVendor:
    return TwilioSms(settings.twilio, settings.public_url, settings.workers.send_timeout_s)


def _aliyun_voice(settings: Settings) -> VoiceVendor:
    return AliyunVoice(settings.aliyun, settings.workers.send_timeout_s)


def _twilio_voice(settings: Settings) -> VoiceVendor:
    return TwilioVoice(settings.twilio, settings.public_url, settings.workers.send_timeout_s)


#: what `vendors` and `vendors_abroad` may name
SMS_VENDORS: Final[Mapping[str, Callable[[Settings], SmsVendor]]] = {
    ALIYUN: _aliyun_sms,
    TENCENT: _tencent_sms,
    TWILIO: _twilio_sms,
}
VOICE_VENDORS: Final[Mapping[str, Callable[[Settings], VoiceVendor]]] = {ALIYUN: _aliyun_voice, TWILIO: _twilio_voice}


def sms_channel(settings: Settings) -> SmsChannel | None:
    """The `sms` channel; None without vendors. Raises BadSettings for a vendor that is unknown or not set up."""
    section = settings.sms
    vendors = _built("sms", SMS_VENDORS, (*section.vendors, *section.vendors_abroad), settings)
    if not vendors:
        return None
    return SmsChannel(
        [vendors[name] for name in section.vendors],
        [vendors[name] for name in section.vendors_abroad],
        sign=section.sign,
        timeout_s=settings.workers.send_timeout_s,
    )


def voice_channel(settings: Settings) -> VoiceChannel | None:
    """The `voice` channel; None without vendors. Raises BadSettings for a vendor that is unknown or not set up."""
    section = settings.voice
    vendors = _built("voice", VOICE_VENDORS, (*section.vendors, *section.vendors_abroad), settings)
    if not vendors:
        return None
    return VoiceChannel(
        [vendors[name] for name in section.vendors],
        [vendors[name] for name in section.vendors_abroad],
        timeout_s=settings.workers.send_timeout_s,
    )


def _built(
    section: str, known: Mapping[str, Callable[[Settings], V]], names: tuple[str, ...], settings: Settings
) -> dict[str, V]:
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise BadSettings(f"bad setting in section [{section}]: no vendor {unknown}; known: {', '.join(sorted(known))}")
    return {name: known[name](settings) for name in dict.fromkeys(names)}
