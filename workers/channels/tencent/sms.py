"""Text messages by Tencent Cloud (SendSms): one number a call, by filed templates.

The rule: raises VendorRefusal and nothing else; the number's own code decides, not the HTTP status.
"""

from typing import Any, Final, Self

import msgspec

from backend.core import clock
from backend.core.errors import BadSettings
from backend.core.settings import Tencent
from backend.delivery.carrier_codes import short_code
from backend.delivery.model import RefusalKind
from backend.people.rules import CHINA
from workers.channels.asking import Asker
from workers.channels.ports import Purpose, Sms, Taken, VendorRefusal
from workers.channels.tencent.refusals import WINDOWS, kind_of
from workers.channels.tencent.signature import CONTENT_TYPE, authorization

NAME: Final = "tencent"
_SERVICE: Final = "sms"
_ACTION: Final = "SendSms"
_VERSION: Final = "2021-01-11"
_OK: Final = "Ok"
_EXTEND_DIGITS: Final = 4


class TencentSms:
    """An SmsVendor. Raises BadSettings without credentials."""

    name = NAME

    def __init__(self, settings: Tencent, timeout_s: float) -> None:
        if not (settings.secret_id and settings.secret_key and settings.app_id):
            raise BadSettings("[tencent] secret_id, secret_key and app_id must be set for SMS by Tencent Cloud")
        self.settings = settings
        self._asker = Asker(NAME, settings.api_base, timeout_s)
        self._templates: Final = {purpose: getattr(settings, f"sms_{purpose}") for purpose in Purpose}

    async def open(self) -> None:
        """Nothing to take up: connections are made when needed."""

    async def close(self) -> None:
        """Give connections back."""
        await self._asker.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, sms: Sms) -> Taken:
        """Hand over one message. Raises VendorRefusal."""
        if not sms.phone.startswith(CHINA):
            raise self._asker.refusal(RefusalKind.CONTENT, "carries to mainland China only")
        template = self._templates[sms.purpose]
        if not template:
            raise self._asker.refusal(RefusalKind.CONTENT, f"no template is set for {sms.purpose}")
        body: dict[str, Any] = {
            "PhoneNumberSet": [sms.phone],
            "SmsSdkAppId": self.settings.app_id,
            "SignName": self.settings.sign_name,
            "TemplateId": template,
            "TemplateParamSet": [value for _, value in sms.parts],
            "SessionContext": short_code(sms.number),
        }
        if self.settings.has_extend_codes:
            body["ExtendCode"] = f"{sms.number % 10**_EXTEND_DIGITS:0{_EXTEND_DIGITS}d}"
        return self._taken(*await self._ask(msgspec.json.encode(body)))

    async def _ask(self, body: bytes) -> tuple[int, dict[str, Any]]:
        settings, timestamp = self.settings, int(clock.now().timestamp())
        signed = authorization(
            settings.secret_id,
            settings.secret_key.value,
            service=_SERVICE,
            host=self._asker.host,
            timestamp=timestamp,
            body=body,
        )
        headers = {
            "content-type": CONTENT_TYPE,
            "host": self._asker.host,
            "x-tc-action": _ACTION,
            "x-tc-version": _VERSION,
            "x-tc-timestamp": str(timestamp),
            "x-tc-region": settings.region,
            "authorization": signed,
        }
        return await self._asker.ask(self._asker.request("/", headers=headers, content=body))

    def _taken(self, status: int, answer: dict[str, Any]) -> Taken:
        """Errors of the request stand beside the answer with HTTP 200; each number has a code of its own."""
        response = answer.get("Response")
        if not isinstance(response, dict):
            kind = RefusalKind.AWAY if status >= 500 else RefusalKind.UNKNOWN
            raise self._asker.refusal(kind, f"HTTP {status} without Response")
        error, entries = response.get("Error"), response.get("SendStatusSet")
        if isinstance(error, dict):
            raise self._refusal(error)
        entry = entries[0] if isinstance(entries, list) and entries and isinstance(entries[0], dict) else {}
        if entry.get("Code") == _OK and entry.get("SerialNo"):
            return Taken(vendor=NAME, id=str(entry["SerialNo"]))
        if entry.get("Code") in {None, _OK}:
            raise self._asker.refusal(RefusalKind.UNKNOWN, f"HTTP {status} without Code and SerialNo")
        raise self._refusal(entry)

    def _refusal(self, said: dict[str, Any]) -> VendorRefusal:
        code, message = str(said.get("Code", "")), str(said.get("Message", ""))
        return self._asker.refusal(kind_of(code), f"{code} {message}".strip(), code=code, retry_after=WINDOWS.get(code))
