"""Filed templates and what Aliyun refuses in their values."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]*)\}")
_LINK: Final = re.compile(r"https?://|www\.|[A-Za-z0-9-]+\.(?:com|cn|net|org)\b|[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_LONGEST_VALUE: Final = 35
_LONGEST_TEXT: Final = 500


class Refused(Exception):  # noqa: N818 - what the vendor says
    """The vendor's code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def values_of(text: str, *, most: int = _LONGEST_TEXT * 4) -> dict[str, str]:
    """The values of a TemplateParam or TtsParam: a JSON object of strings."""
    try:
        values = msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise Refused("isv.INVALID_JSON_PARAM", "JSON参数不合法") from None
    if len(text) > most:
        raise Refused("isv.PARAM_LENGTH_LIMIT", "参数超过长度限制")
    return values


def filled(template: str, values: Mapping[str, str], *, longest: int = _LONGEST_VALUE) -> str:
    """The text that arrives."""
    for name in _VARIABLE.findall(template):
        value = values.get(name, "")
        if not value:
            raise Refused("isv.TEMPLATE_MISSING_PARAMETERS", f"模板缺少变量 {name}")
        if len(value) > longest:
            raise Refused("isv.PARAM_LENGTH_LIMIT", f"参数 {name} 超过长度限制")
        if _LINK.search(value):
            raise Refused("isv.PARAM_NOT_SUPPORT_URL", f"变量 {name} 不支持URL")
        if "【" in value or "】" in value:
            raise Refused("isv.BLACK_KEY_CONTROL_LIMIT", "黑名单管控")
    text = _VARIABLE.sub(lambda found: values[found[1]], template)
    if len(text) > _LONGEST_TEXT:
        raise Refused("isv.PARAM_LENGTH_LIMIT", "短信内容超过长度限制")
    return text
