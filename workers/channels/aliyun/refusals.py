"""What Aliyun's error codes mean for a message: one table, and a rule for codes that are not in it.

Sources: the API error code pages of SendSms and of the voice service.
"""

import re
from typing import Final

from backend.delivery.model import RefusalKind as Kind

CODES: Final = {
    "isv.BUSINESS_LIMIT_CONTROL": Kind.LIMIT,
    "isv.DAY_LIMIT_CONTROL": Kind.LIMIT,
    "isv.MONTH_LIMIT_CONTROL": Kind.LIMIT,
    "isv.AMOUNT_NOT_ENOUGH": Kind.MONEY,
    "isv.OUT_OF_SERVICE": Kind.MONEY,
    "isv.ACCOUNT_ABNORMAL": Kind.MONEY,
    "isv.MOBILE_NUMBER_ILLEGAL": Kind.CONTACT,
    "isv.CALLED_NUMBER_ILLEGAL": Kind.CONTACT,
    "isv.TEMPLATE_MISSING_PARAMETERS": Kind.CONTENT,
    "isv.TEMPLATE_PARAMS_ILLEGAL": Kind.CONTENT,
    "isv.INVALID_JSON_PARAM": Kind.CONTENT,
    "isv.INVALID_PARAMETERS": Kind.CONTENT,
    "isv.PARAM_LENGTH_LIMIT": Kind.CONTENT,
    "isv.PARAM_NOT_SUPPORT_URL": Kind.CONTENT,
    "isv.BLACK_KEY_CONTROL_LIMIT": Kind.CONTENT,
    "isv.MOBILE_COUNT_OVER_LIMIT": Kind.CONTENT,
    "isv.SMS_TEMPLATE_ILLEGAL": Kind.CONFIGURATION,
    "isv.SMS_SIGNATURE_ILLEGAL": Kind.CONFIGURATION,
    "isv.SMS_SIGN_ILLEGAL": Kind.CONFIGURATION,
    "isv.TTS_TEMPLATE_ILLEGAL": Kind.CONFIGURATION,
    "isv.VOICE_FILE_ILLEGAL": Kind.CONFIGURATION,
    "isv.DISPLAY_NUMBER_ILLEGAL": Kind.CONFIGURATION,
    "isv.PRODUCT_UN_SUBSCRIPT": Kind.CONFIGURATION,
    "isv.PRODUCT_UNSUBSCRIBE": Kind.CONFIGURATION,
    "isv.ACCOUNT_NOT_EXISTS": Kind.CONFIGURATION,
    "isp.RAM_PERMISSION_DENY": Kind.CONFIGURATION,
    "SignatureDoesNotMatch": Kind.CONFIGURATION,
    "IncompleteSignature": Kind.CONFIGURATION,
    "SignatureNonceUsed": Kind.BUSY,
    "InvalidTimeStamp.Expired": Kind.CONFIGURATION,
    "InvalidAccessKeyId.NotFound": Kind.CONFIGURATION,
    "InvalidAccessKeyId.Inactive": Kind.CONFIGURATION,
    "isp.SYSTEM_ERROR": Kind.AWAY,
    "isp.UNKNOWN_ERROR": Kind.AWAY,
    "ServiceUnavailable": Kind.AWAY,
    "InternalError": Kind.AWAY,
    "Throttling": Kind.BUSY,
    "Throttling.User": Kind.BUSY,
    "Throttling.Api": Kind.BUSY,
}
#: codes of a family that are not in the table; none of them is an acceptance
_FAMILIES: Final = (
    ("Throttling", Kind.BUSY),
    ("isp.", Kind.AWAY),
    ("isv.", Kind.CONFIGURATION),
    ("Forbidden", Kind.CONFIGURATION),
    ("NoPermission", Kind.CONFIGURATION),
    ("Invalid", Kind.CONTENT),
    ("Missing", Kind.CONTENT),
)
#: how long a cap lasts, by the word that Aliyun's message has for it ("触发小时级流控Permits:5")
_WINDOWS: Final = (("分钟", 60.0), ("小时", 3600.0), ("天", 86_400.0))
_LEVEL: Final = re.compile("触发(分钟|小时|天)级流控")


def kind_of(code: str, status: int) -> Kind:
    """The class of a refusal."""
    known = CODES.get(code) or next((kind for start, kind in _FAMILIES if code.startswith(start)), None)
    if known is not None:
        return known
    return Kind.AWAY if status >= 500 else Kind.CONFIGURATION


def window_of(message: str) -> float | None:
    """Seconds until the cap lets another message through, when the message says which cap it was."""
    level = _LEVEL.search(message)
    return dict(_WINDOWS)[level[1]] if level else None
