"""Tencent Cloud's SMS endpoint (2021-01-11).

The rule: errors of the request stand in `Response.Error` with HTTP 200, each number has its own `Code`. The caps are
set in the vendor's console; these are the usual ones.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import msgspec

from backend.core import clock
from backend.demo.carriers.telephony.caps import Cap, Caps
from backend.demo.carriers.telephony.phones import Listeners, Outcome, Ring, Telephone, Text
from backend.demo.carriers.telephony.pushing import Pushing
from backend.demo.carriers.telephony.serving import Answered, Asked, HttpCarrier
from backend.demo.carriers.tencent.checking import why_refused

_DAY: Final = timedelta(days=1)
CAPS: Final = (
    Cap(1, timedelta(seconds=30), "LimitExceeded.PhoneNumberThirtySecondLimit"),
    Cap(5, timedelta(hours=1), "LimitExceeded.PhoneNumberOneHourLimit"),
    Cap(10, _DAY, "LimitExceeded.PhoneNumberDailyLimit"),
)
SAME_TEXT: Final = (Cap(5, _DAY, "LimitExceeded.PhoneNumberSameContentDailyLimit"),)
_NUMBER: Final = re.compile(r"\+86(1[3-9][0-9]{9})")
_VARIABLE: Final = re.compile(r"\{([0-9]+)\}")
_LINK: Final = re.compile(r"https?://|www\.")
_ZONE: Final = ZoneInfo("Asia/Shanghai")
_ACTION: Final = "SendSms"
_STATES: Final = {
    None: ("SUCCESS", "DELIVRD", "用户短信送达成功"),
    Outcome.OFF: ("FAIL", "EXPIRED", "关机"),
    Outcome.NO_SUCH_NUMBER: ("FAIL", "UNDELIV", "空号"),
}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer has filed."""

    secret_id: str
    secret_key: str
    app_id: str
    sign_names: tuple[str, ...] = ()
    templates: Mapping[str, str] = {}  #: id → text with {1}, {2} …


class _SendSms(msgspec.Struct, kw_only=True):
    """The request."""

    PhoneNumberSet: list[str]
    SmsSdkAppId: str
    TemplateId: str
    SignName: str = ""
    TemplateParamSet: list[str] = []
    ExtendCode: str = ""
    SessionContext: str = ""


class TencentCarrier(HttpCarrier):
    """One account. `hooks` is where it calls back, such as `http://…/hooks/tencent/<token>`."""

    def __init__(
        self,
        account: Account,
        hooks: str = "",
        *,
        now: Callable[[], datetime] = clock.now,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__()
        self.account = account
        self.pushing = Pushing(hooks, _is_taken, client)
        self.caps, self.same_text = Caps(CAPS), Caps(SAME_TEXT)
        self.phones: dict[str, Telephone] = {}
        self._now = now
        self._serial = count(1)
        self._listeners = Listeners(key=_no_calls, end=_no_ends, reply=self._on_reply, now=now)

    def phone(self, number: str) -> Telephone:
        """The telephone with this number."""
        number = number.removeprefix("+86")
        return self.phones.setdefault(number, Telephone(number, self._listeners))

    async def close(self) -> None:
        """End what waits."""
        await super().close()
        await self.pushing.close()

    def action_of(self, asked: Asked) -> str:
        """The API action."""
        return asked.headers.get("x-tc-action", "")

    def business_error(self, code: str, message: str) -> Answered:
        """A refusal of the whole request."""
        return _response({"Error": {"Code": code, "Message": message}})

    async def act(self, action: str, asked: Asked) -> Answered:
        """Signature, then the request's form, then each number."""
        code = why_refused(asked, self.account.secret_id, self.account.secret_key, self._now())
        if code:
            return self.business_error(code, "The provided credentials could not be validated.")
        if action != _ACTION or asked.headers.get("x-tc-version") != "2021-01-11":
            return self.business_error("InvalidAction", "The requested action does not exist.")
        try:
            request = msgspec.json.decode(asked.body, type=_SendSms)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            return self.business_error("InvalidParameter", str(error))
        code = self._why_not(request)
        if code:
            return self.business_error(code, code)
        return _response({"SendStatusSet": [self._send(phone, request) for phone in request.PhoneNumberSet]})

    def _why_not(self, request: _SendSms) -> str:
        """What is wrong with the whole request."""
        template = self.account.templates.get(request.TemplateId)
        checks = {
            "MissingParameter.EmptyPhoneNumberSet": not request.PhoneNumberSet,
            "LimitExceeded.PhoneNumberCountLimit": len(request.PhoneNumberSet) > 200,
            "UnauthorizedOperation.SmsSdkAppIdVerifyFail": request.SmsSdkAppId != self.account.app_id,
            "FailedOperation.SignatureIncorrectOrUnapproved": request.SignName not in self.account.sign_names,
            "FailedOperation.TemplateIncorrectOrUnapproved": template is None,
            "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": len(set(_VARIABLE.findall(template or "")))
            != len(request.TemplateParamSet),
            "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter": any(
                _LINK.search(value) for value in request.TemplateParamSet
            ),
        }
        return next((code for code, is_so in checks.items() if is_so), "")

    def _send(self, phone: str, request: _SendSms) -> dict[str, Any]:
        found = _NUMBER.fullmatch(phone)
        if found is None:
            return _entry(phone, request, code="InvalidParameterValue.IncorrectPhoneNumber")
        words = _VARIABLE.sub(
            lambda number: request.TemplateParamSet[int(number[1]) - 1], self.account.templates[request.TemplateId]
        )
        now = self._now()
        cap = self.caps.exceeded((phone,), now) or self.same_text.exceeded((phone, words), now)
        if cap is not None:
            return _entry(phone, request, code=cap.word)
        self.caps.count((phone,), now)
        self.same_text.count((phone, words), now)
        text = Text(
            id=f"2028:{next(self._serial):012d}",
            phone=found[1],
            text=f"【{request.SignName}】{words}",
            sent_at=now,
            out_id=request.SessionContext,
            extend=request.ExtendCode,
        )
        self.phone(phone).takes(text)
        self.pushing.soon(self.pushing.tell("status", [self._status(text)]))
        return _entry(phone, request, code="Ok", serial=text.id)

    def _status(self, text: Text) -> dict[str, str]:
        state, word, description = _STATES.get(text.why, _STATES[None])
        return {
            "user_receive_time": self._wall(),
            "nationcode": "86",
            "mobile": text.phone,
            "report_status": state,
            "errmsg": word,
            "description": description,
            "sid": text.id,
        }

    async def _on_reply(self, phone: Telephone, words: str, to: Text | None) -> None:
        reply = {
            "extend": to.extend if to else "",
            "mobile": phone.number,
            "nationcode": "86",
            "sign": next(iter(self.account.sign_names), ""),
            "text": words,
            "time": self._wall(),
        }
        await self.pushing.tell("reply", reply)

    def _wall(self) -> str:
        return self._now().astimezone(_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def _entry(phone: str, request: _SendSms, *, code: str, serial: str = "") -> dict[str, Any]:
    return {
        "SerialNo": serial,
        "PhoneNumber": phone,
        "Fee": 1 if serial else 0,
        "SessionContext": request.SessionContext,
        "Code": code,
        "Message": "send success" if serial else code,
        "IsoCode": "CN",
    }


def _response(inside: dict[str, Any]) -> Answered:
    return Answered(200, {"Response": {**inside, "RequestId": "f9c9e0a2-0000-4000-8000-000000000000"}})


def _is_taken(answer: Any) -> bool:
    return isinstance(answer, dict) and answer.get("result") == 0


async def _no_calls(_call: Ring, _key: str) -> None:
    """This account makes no calls."""


async def _no_ends(_call: Ring) -> None:
    """This account makes no calls."""
