"""Aliyun's SMS and voice endpoints in one server: both hosts of the vendor may be pointed here.

The rule: what a customer can see here it could have seen from dysmsapi and dyvmsapi (2017-05-25); the caps are
those of the vendor's pages, counted when submitted.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import msgspec

from backend.core import clock
from backend.demo.carriers.aliyun.checking import parameters_of, why_refused
from backend.demo.carriers.aliyun.templates import Refused, filled, values_of
from backend.demo.carriers.telephony.caps import Cap, Caps
from backend.demo.carriers.telephony.phones import Listeners, Outcome, Ring, Telephone, Text
from backend.demo.carriers.telephony.pushing import Pushing
from backend.demo.carriers.telephony.serving import Answered, Asked, HttpCarrier

_DAY: Final = timedelta(days=1)
SMS_CAPS: Final = (Cap(50, _DAY, "触发天级流控Permits:50"),)
VOICE_CAPS: Final = (
    Cap(1, timedelta(minutes=1), "触发分钟级流控Permits:1"),
    Cap(5, timedelta(hours=1), "触发小时级流控Permits:5"),
    Cap(20, _DAY, "触发天级流控Permits:20"),
)
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE: Final = re.compile(r"0[0-9]{9,11}")
_ZONE: Final = ZoneInfo("Asia/Shanghai")
_LONGEST_TTS: Final = 250
_LONGEST_OUT_ID: Final = 15
_MOST_KEYS: Final = 12

_CALL_CODES: Final = {
    Outcome.HEARD: "200000",
    Outcome.HUNG_UP_EARLY: "200001",
    Outcome.BUSY: "200002",
    Outcome.NOT_ANSWERED: "200003",
    Outcome.NO_SUCH_NUMBER: "200004",
    Outcome.NO_KEY: "200008",
    Outcome.OFF: "200010",
}
_TEXT_CODES: Final = {
    None: ("DELIVERED", "用户接收成功"),
    Outcome.OFF: ("IS_CLOSED", "关机"),
    Outcome.NO_SUCH_NUMBER: ("MOBILE_NOT_ON_SERVICE", "空号"),
}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer has filed and bought."""

    key_id: str
    key_secret: str
    sign_names: tuple[str, ...] = ()
    sms_templates: Mapping[str, str] = {}  #: code → text with ${variables}
    voice_templates: Mapping[str, str] = {}
    numbers: tuple[str, ...] = ()  #: bought numbers, for IvrCall


class AliyunCarrier(HttpCarrier):
    """One account. `hooks` is where it calls back, such as `http://…/hooks/aliyun/<token>`."""

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
        self.sms_caps, self.voice_caps = Caps(SMS_CAPS), Caps(VOICE_CAPS)
        self.phones: dict[str, Telephone] = {}
        self._now = now
        self._nonces: set[str] = set()
        self._serial = count(1)
        self._listeners = Listeners(key=self._on_key, end=self._on_end, reply=self._on_reply, now=now)
        self._actions: Mapping[str, Callable[[dict[str, str]], Awaitable[dict[str, str]]]] = {
            "SendSms": self._send_sms,
            "SingleCallByTts": self._single_call,
            "IvrCall": self._ivr_call,
        }

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
        return asked.headers.get("x-acs-action", "")

    def business_error(self, code: str, message: str) -> Answered:
        """A refusal: business errors come with HTTP 200, the gateway's own with 400."""
        status = 200 if code.startswith(("isv.", "isp.")) else 400
        return Answered(status, {"Code": code, "Message": message, "RequestId": self._id()})

    async def act(self, action: str, asked: Asked) -> Answered:
        """Signature, then the action."""
        code = why_refused(asked, self.account.key_id, self.account.key_secret, self._now())
        nonce = asked.headers.get("x-acs-signature-nonce", "")
        if not code and nonce in self._nonces:
            code = "SignatureNonceUsed"
        if code:
            return self.business_error(code, "Specified signature is not matched with our calculation.")
        self._nonces.add(nonce)
        do = self._actions.get(action)
        if do is None:
            return self.business_error("InvalidAction.NotFound", f"Specified api is not found: {action}")
        try:
            answer = await do(parameters_of(asked))
        except Refused as refused:
            return self.business_error(refused.code, refused.message)
        return Answered(200, {"Code": "OK", "Message": "OK", "RequestId": self._id(), **answer})

    async def _send_sms(self, asked: dict[str, str]) -> dict[str, str]:
        phone = asked.get("PhoneNumbers", "")
        if not _MOBILE.fullmatch(phone):
            raise Refused("isv.MOBILE_NUMBER_ILLEGAL", "手机号码格式错误")
        sign, code = asked.get("SignName", ""), asked.get("TemplateCode", "")
        if sign not in self.account.sign_names:
            raise Refused("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
        template = self.account.sms_templates.get(code)
        if template is None:
            raise Refused("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
        words = filled(template, values_of(asked.get("TemplateParam", "{}")))
        self._let_through(self.sms_caps, (phone, sign, code))
        text = Text(
            id=f"{self._id()}^0",
            phone=phone,
            text=f"【{sign}】{words}",
            sent_at=self._now(),
            out_id=asked.get("OutId", ""),
            extend=asked.get("SmsUpExtendCode", ""),
        )
        self.phone(phone).takes(text)
        self.pushing.soon(self.pushing.tell("sms-report", [self._sms_report(text)]))
        return {"BizId": text.id}

    async def _single_call(self, asked: dict[str, str]) -> dict[str, str]:
        return await self._ring(asked, asked.get("TtsCode", ""), asked.get("TtsParam", "{}"), hears_keys=False)

    async def _ivr_call(self, asked: dict[str, str]) -> dict[str, str]:
        if asked.get("CalledShowNumber", "") not in self.account.numbers:
            raise Refused("isv.DISPLAY_NUMBER_ILLEGAL", "显示号码不合法")
        offered = [asked[name] for n in range(1, _MOST_KEYS + 1) if (name := f"MenuKeyMap.{n}.Key") in asked]
        if not offered or asked.get("ByeCode", "") not in self.account.voice_templates:
            raise Refused("isv.INVALID_PARAMETERS", "参数异常")
        return await self._ring(asked, asked.get("StartCode", ""), asked.get("StartTtsParams", "{}"), hears_keys=True)

    async def _ring(self, asked: dict[str, str], code: str, values: str, *, hears_keys: bool) -> dict[str, str]:
        phone = asked.get("CalledNumber", "")
        if not (_MOBILE.fullmatch(phone) or _LANDLINE.fullmatch(phone)):
            raise Refused("isv.MOBILE_NUMBER_ILLEGAL", "被叫号码格式错误")
        template = self.account.voice_templates.get(code)
        if template is None:
            raise Refused("isv.TTS_TEMPLATE_ILLEGAL", "该账号下找不到对应语音模板")
        if (
            not 1 <= len(asked.get("OutId", "0").encode()) <= _LONGEST_OUT_ID
            or asked.get("PlayTimes", "1") not in "123"
        ):
            raise Refused("isv.INVALID_PARAMETERS", "参数异常")
        said = filled(template, values_of(values, most=_LONGEST_TTS), longest=_LONGEST_TTS)
        self._let_through(self.voice_caps, (phone,))
        call = Ring(
            id=f"{self._id()}^1",
            phone=phone,
            said=said,
            rang_at=self._now(),
            out_id=asked.get("OutId", ""),
            hears_keys=hears_keys,
        )
        ended = self.phone(phone).rings(call)
        if ended is not None:
            self.pushing.soon(self.phone(phone).ends(call, ended))
        return {"CallId": call.id}

    def _let_through(self, caps: Caps, key: tuple[str, ...]) -> None:
        cap = caps.exceeded(key, self._now())
        if cap is not None:
            raise Refused("isv.BUSINESS_LIMIT_CONTROL", cap.word)
        caps.count(key, self._now())

    async def _on_key(self, call: Ring, key: str) -> None:
        report = {
            "call_id": call.id,
            "status_code": "300000",
            "smart_status_code": "",
            "status_time": self._wall(self._now()),
            "out_id": call.out_id,
            "dtmf": key,
        }
        await self.pushing.tell("call-report", [report])

    async def _on_end(self, call: Ring) -> None:
        report = {
            "call_id": call.id,
            "originate_time": self._wall(call.rang_at),
            "ring_time": self._wall(call.rang_at),
            "start_time": self._wall(call.rang_at) if call.outcome is Outcome.HEARD else "",
            "end_time": self._wall(call.ended_at or self._now()),
            "caller": next(iter(self.account.numbers), ""),
            "callee": call.phone,
            "duration": 20 if call.outcome is Outcome.HEARD else 0,
            "status_code": _CALL_CODES[call.outcome or Outcome.HEARD],
            "hangup_direction": "0",
            "status_msg": str(call.outcome),
            "out_id": call.out_id,
            "dtmf": call.pressed if call.hears_keys else "",
            "voice_type": "ivr" if call.hears_keys else "tts",
            "toll_type": "LOCAL",
        }
        await self.pushing.tell("voice-report", [report])

    async def _on_reply(self, phone: Telephone, words: str, to: Text | None) -> None:
        up = {
            "phone_number": phone.number,
            "content": words,
            "send_time": self._wall(self._now()),
            "dest_code": f"1069055{to.extend if to else ''}",
            "sequence_id": next(self._serial),
            "sign_name": next(iter(self.account.sign_names), ""),
        }
        await self.pushing.tell("sms-up", [up])

    def _sms_report(self, text: Text) -> dict[str, Any]:
        code, words = _TEXT_CODES.get(text.why, _TEXT_CODES[None])
        return {
            "phone_number": text.phone,
            "send_time": self._wall(text.sent_at),
            "report_time": self._wall(self._now()),
            "success": text.is_delivered,
            "err_code": code,
            "err_msg": words,
            "sms_size": "1",
            "biz_id": text.id,
            "out_id": text.out_id,
        }

    def _wall(self, at: datetime) -> str:
        """The vendor's times name no zone: China's."""
        return at.astimezone(_ZONE).strftime("%Y-%m-%d %H:%M:%S")

    def _id(self) -> str:
        return f"{next(self._serial):012d}"


def _is_taken(answer: Any) -> bool:
    return isinstance(answer, dict) and answer.get("code") == 0
