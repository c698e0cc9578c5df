"""Text messages by Aliyun (SendSms): one number a call, by filed templates.

`OutId` is the attempt's short number, so that a receipt finds its attempt even when we never heard the answer.
"""

from typing import Final

import msgspec

from backend.core.settings import Aliyun
from backend.delivery.carrier_codes import short_code
from workers.channels.aliyun.client import AliyunApi
from workers.channels.ports import Purpose, Sms, Taken

#: digits of the attempt's number that a reply's destination carries back; alarms.answering reads as many
_EXTEND_DIGITS: Final = 4


class AliyunSms(AliyunApi):
    """An SmsVendor. Raises BadSettings without credentials."""

    def __init__(self, settings: Aliyun, timeout_s: float) -> None:
        super().__init__(settings, settings.sms_base, timeout_s)
        self._templates: Final = {purpose: getattr(settings, f"sms_{purpose}") for purpose in Purpose}

    async def send(self, sms: Sms) -> Taken:
        """Hand over one message. Raises VendorRefusal."""
        parameters = {
            "PhoneNumbers": self.national(sms.phone),
            "SignName": self.settings.sign_name,
            "TemplateCode": self.code_of(sms.purpose, self._templates[sms.purpose]),
            "TemplateParam": msgspec.json.encode(dict(sms.parts)).decode(),
            "OutId": short_code(sms.number),
        }
        if self.settings.has_extend_codes:
            parameters["SmsUpExtendCode"] = f"{sms.number % 10**_EXTEND_DIGITS:0{_EXTEND_DIGITS}d}"
        return await self.act("SendSms", parameters, "BizId")
