"""What a person's own particulars must look like. Pure; used by the use cases and by the import."""

import re
from typing import Final

from backend.core.i18n import LANGUAGES, N_, _
from backend.core.vocabulary import PROVIDER_ROLES, Channel, Role

_PHONE: Final = re.compile(r"\+?[0-9]{5,15}")
_MOBILE_LENGTH: Final = 11
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
_PHONE_SEPARATORS: Final = str.maketrans("", "", " -()（）")
#: the country code of mainland China
CHINA: Final = "+86"
_CHINESE_WITH_CODE: Final = re.compile(r"86(1[3-9][0-9]{9}|[1-9][0-9]{9,10})")
_CHAT: Final = re.compile(r"-?[0-9]{1,19}")
_WEB_ADDRESS: Final = re.compile(r"https?://[^\s/@]+(/\S*)?", re.IGNORECASE)
_APPRISE_ADDRESS: Final = re.compile(r"[a-z0-9]+://\S+", re.IGNORECASE)
_LONGEST_ADDRESS: Final = 200
_LONGEST_WEB_ADDRESS: Final = 1000
_TELEPHONES: Final = frozenset({Channel.SMS, Channel.VOICE})
#: what the address of another system looks like. It may hold a password or a token, so no sentence repeats it.
_FORMS: Final = {
    Channel.WEBHOOK: (_WEB_ADDRESS, N_("推送接口的地址应为 https:// 开头的网址,不含用户名")),
    Channel.APPRISE: (_APPRISE_ADDRESS, N_("其他通知的地址应为 Apprise 网址,如 ntfy://主题")),
}


def phone_number(text: str) -> str:
    """A telephone number (电话) without separators; empty stays empty. Raises ValueError with a sentence.

    A number of 11 digits that starts with 1 must be a mainland mobile number; others are 5 to 15 digits, with
    an optional plus sign (E.164).
    """
    number = text.translate(_PHONE_SEPARATORS)
    if not number:
        return ""
    if not _PHONE.fullmatch(number):
        raise ValueError(_("电话号码应为 5 到 15 位数字,可带前缀 +"))
    if len(number) == _MOBILE_LENGTH and number.startswith("1") and not _MOBILE.fullmatch(number):
        raise ValueError(_("手机号码应为 1 开头的 11 位数字,第二位为 3 到 9"))
    return number


def e164(text: str) -> str:
    """A telephone number as the world dials it: "+8613800000001". Without a country code it is mainland China's.

    What can't be read as a number stays as it is, for the carrier to refuse.
    """
    number = text.translate(_PHONE_SEPARATORS)
    digits = number.removeprefix("+").removeprefix("00")
    if not digits.isascii() or not digits.isdigit():
        return text.strip()
    if number.startswith(("+", "00")) or _CHINESE_WITH_CODE.fullmatch(digits):
        return f"+{digits}"
    return f"{CHINA}{digits.removeprefix('0')}"


def phone_spellings(phone: str) -> tuple[str, ...]:
    """The ways in which one number may have been written down; for look-ups."""
    number = e164(phone)
    bare = number.removeprefix("+")
    own = (number.removeprefix(CHINA), f"0{number.removeprefix(CHINA)}") if number.startswith(CHINA) else ()
    return (number, bare, f"00{bare}", *own)


def language_code(text: str) -> str:
    """One of `LANGUAGES` for "zh-CN", "zh", "en_US" …; empty is zh_CN. Raises ValueError with a sentence."""
    if not text:
        return LANGUAGES[0]
    wanted = text.replace("-", "_")
    exact = next((each for each in LANGUAGES if each.casefold() == wanted.casefold()), None)
    first = wanted.split("_", maxsplit=1)[0].casefold()
    near = next((each for each in LANGUAGES if each.split("_", maxsplit=1)[0] == first), None)
    if exact is None and near is None:
        raise ValueError(_("未知的语言,可用: {known}", known=", ".join(LANGUAGES)))
    return exact or near or LANGUAGES[0]


def contact_address(channel: Channel, address: str, person_code: str) -> str:
    """An address as its channel understands it. The app inbox's default is the person's code.

    Raises ValueError with a sentence.
    """
    if channel is Channel.APP and not address:
        return person_code
    longest = _LONGEST_WEB_ADDRESS if channel in _FORMS else _LONGEST_ADDRESS
    if not address or len(address) > longest:
        raise ValueError(_("联络地址为空或过长"))
    if channel is Channel.TELEGRAM and not _CHAT.fullmatch(address):
        raise ValueError(_("Telegram 的地址应为数字的会话编号 (chat id)"))
    if channel in _TELEPHONES:
        return e164(phone_number(address))
    if channel in _FORMS and not _FORMS[channel][0].fullmatch(address):
        raise ValueError(_(_FORMS[channel][1]))
    return address


def why_not_granted(role: Role, *, has_unit: bool) -> str | None:
    """Why `role` can't be held so, as a sentence; None when it can.

    Roles of the service provider are held over all units; the others in one unit.
    """
    if role in PROVIDER_ROLES and has_unit:
        return _("服务机构的角色不属于任何联网单位,单位应为空")
    if role not in PROVIDER_ROLES and not has_unit:
        return _("此角色必须指明联网单位")
    return None
