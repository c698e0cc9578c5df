"""Twilio's REST API: one form a message, basic authentication. Raises VendorRefusal and nothing else."""

from typing import Any, Final
from urllib.parse import urlencode

import httpx
import msgspec

from backend.core.errors import BadSettings
from backend.core.settings import Twilio
from backend.delivery.model import RefusalKind
from workers.channels.ports import Call, Sms, Taken, VendorRefusal
from workers.channels.twilio import ANSWERED_PATH, ATTEMPT, CALL_PATH, KEY_PATH, MESSAGE_PATH, NAME
from workers.channels.twilio.errors import refusal_of
from workers.channels.twilio.twiml import calling
from workers.channels.webhook import retry_after

_VERSION: Final = "2010-04-01"
_SERVICE: Final = "MG"  #: how a Messaging Service's sid begins
#: what certainly did not reach Twilio; after anything else it may have
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Created(msgspec.Struct):
    """What Twilio made of a request."""

    sid: str = ""


class TwilioAccount:
    """One account's connection. Raises BadSettings when a part of it is missing."""

    name = NAME

    def __init__(self, twilio: Twilio, public_url: str, timeout_s: float) -> None:
        for name in ("account_sid", "auth_token"):
            if not getattr(twilio, name):
                raise BadSettings(f"twilio is a vendor, but [twilio] {name} is not set")
        self._twilio = twilio
        self._public_url = public_url
        self._http = httpx.AsyncClient(
            auth=(twilio.account_sid, twilio.auth_token.value),
            timeout=timeout_s,
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=60),
        )

    async def open(self) -> None:
        """Nothing to take up: connections are made when needed, and kept."""

    async def close(self) -> None:
        """Give connections back."""
        await self._http.aclose()

    def _hook(self, path: str, number: int) -> str:
        """What we are called back at for one attempt."""
        return f"{self._public_url}{path}?{urlencode({ATTEMPT: number})}"

    async def _create(self, resource: str, form: dict[str, Any]) -> Taken:
        url = f"{self._twilio.api_base}/{_VERSION}/Accounts/{self._twilio.account_sid}/{resource}.json"
        try:
            answer = await self._http.post(url, data=form)
        except _NOT_SENT as failure:
            raise VendorRefusal(RefusalKind.AWAY, f"twilio: {type(failure).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            raise VendorRefusal(RefusalKind.UNKNOWN, f"twilio: {type(failure).__name__}") from None
        if not answer.is_success:
            raise refusal_of(answer.status_code, answer.content, retry_after(answer.headers.get("Retry-After")))
        try:
            created = msgspec.json.decode(answer.content, type=Created)
        except msgspec.DecodeError:
            created = Created()  # taken all the same; its receipts are found by the attempt's number
        return Taken(vendor=NAME, id=created.sid)


class TwilioSms(TwilioAccount):
    """An SmsVendor. Raises BadSettings without a sender."""

    def __init__(self, twilio: Twilio, public_url: str, timeout_s: float) -> None:
        super().__init__(twilio, public_url, timeout_s)
        if not twilio.sender:
            raise BadSettings("twilio carries texts, but [twilio] sender is not set")

    async def send(self, sms: Sms) -> Taken:
        """Hand over one text; its own words, for there are no templates here."""
        sender = self._twilio.sender
        return await self._create(
            "Messages",
            {
                "To": sms.phone,
                "MessagingServiceSid" if sender.startswith(_SERVICE) else "From": sender,
                "Body": sms.text,
                "StatusCallback": self._hook(MESSAGE_PATH, sms.number),
            },
        )


class TwilioVoice(TwilioAccount):
    """A VoiceVendor. Raises BadSettings without a number to call from."""

    def __init__(self, twilio: Twilio, public_url: str, timeout_s: float) -> None:
        super().__init__(twilio, public_url, timeout_s)
        self._caller = twilio.caller or ("" if twilio.sender.startswith(_SERVICE) else twilio.sender)
        if not self._caller:
            raise BadSettings("twilio makes calls, but [twilio] caller is not set")

    async def call(self, call: Call) -> Taken:
        """Have one telephone rung. What answers is found out while the message is already being said."""
        return await self._create(
            "Calls",
            {
                "To": call.phone,
                "From": self._caller,
                "Twiml": calling(call, self._hook(KEY_PATH, call.number)),
                "Timeout": self._twilio.ring_s,
                "StatusCallback": self._hook(CALL_PATH, call.number),
                "StatusCallbackEvent": ["answered", "completed"],
                "MachineDetection": "Enable",
                "AsyncAmd": "true",
                "AsyncAmdStatusCallback": self._hook(ANSWERED_PATH, call.number),
            },
        )
