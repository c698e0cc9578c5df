"""The REST API as a Litestar application, and the people's side of it: telephones that ring, read, press and reply."""

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
from litestar import Litestar, Request, Response, post
from litestar.params import FromPath

from backend.core import clock
from backend.core.ids import new_id
from backend.demo.carriers.twilio.calls import BadTwiml, CallState, PhoneCall, read_message, read_twiml
from backend.demo.carriers.twilio.faults import Fault, FaultKind, FaultPlan

_VERSION: Final = "2010-04-01"
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_LONGEST_BODY: Final = 1600
#: what the server refuses a form for: code → its words
_WORDS: Final = {
    12100: "Document parse failure",
    20001: "Refused on purpose",
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "An internal server error has occurred",
    21205: "Url is not a valid URL",
    21211: "The 'To' number is not a valid phone number.",
    21212: "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21609: "The 'StatusCallback' URL is not a valid URL.",
    21617: "The concatenated message body exceeds the 1600 character limit.",
}
Form = dict[str, str]


class Text(msgspec.Struct, kw_only=True):
    """A text message as its telephone shows it."""

    sid: str
    to: str
    from_: str
    body: str
    callback: str


class ApiRefusal(Exception):  # noqa: N818 - what the server answers
    """A request is refused."""

    def __init__(self, code: int, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.headers = dict(headers or {})


class Asked(msgspec.Struct, frozen=True):
    """A request as it came."""

    resource: str
    form: Form


class Posted(msgspec.Struct, frozen=True):
    """A callback as it was posted: it can be posted again."""

    url: str
    form: Form


class TwilioServer:
    """Twilio for one account. `reply_url` is where texts to our own number are posted, `http` how callbacks are."""

    def __init__(
        self, account_sid: str, auth_token: str, *, reply_url: str = "", http: httpx.AsyncClient | None = None
    ) -> None:
        self._sid = account_sid
        self._token = auth_token
        self.reply_url = reply_url
        self.faults = FaultPlan()
        self.asked: list[Asked] = []
        self.texts: dict[str, Text] = {}
        self.calls: dict[str, PhoneCall] = {}
        self.posted: list[Posted] = []
        self._closing = asyncio.Event()
        self._http = http or httpx.AsyncClient(timeout=10, trust_env=False)
        self.app = Litestar([self._route("Messages"), self._route("Calls")], openapi_config=None, logging_config=None)

    async def close(self) -> None:
        """End everything that stalls."""
        self._closing.set()
        await self._http.aclose()

    # what people do with their telephones

    async def reach(self, text: Text, status: str = "delivered", error: str = "") -> int:
        """Say what became of a text; answers the callback's status."""
        form = {"MessageSid": text.sid, "SmsSid": text.sid, "MessageStatus": status, "SmsStatus": status}
        form |= {"To": text.to, "From": text.from_} | ({"ErrorCode": error} if error else {})
        return (await self.post(text.callback, form)).status_code

    async def reply(self, text: Text, words: str) -> str:
        """The telephone's owner writes back; answers what they are written."""
        form = {"MessageSid": _sid("SM"), "From": text.to, "To": text.from_, "Body": words, "NumMedia": "0"}
        return read_message((await self.post(self.reply_url, form)).text)

    async def answer(self, call: PhoneCall, answered_by: str = "human") -> None:
        """Somebody, or something, takes the call and hears what is said."""
        call.state = CallState.IN_PROGRESS
        await self._call_moved(call, "answered")
        call.go_on()
        if call.form.get("AsyncAmdStatusCallback"):
            form = {"CallSid": call.sid, "AnsweredBy": answered_by, "MachineDetectionDuration": "3000"}
            await self.post(call.form["AsyncAmdStatusCallback"], form)
        await self._end_if_over(call)

    async def press(self, call: PhoneCall, digit: str) -> int:
        """A key is pressed while the call waits for one; answers the hook's status."""
        assert call.action is not None
        answer = await self.post(call.action, self._call_form(call) | {"Digits": digit})
        if answer.is_success:
            call.todo = read_twiml(answer.text, call.action)
            call.go_on()
        await self._end_if_over(call)
        return answer.status_code

    async def wait_in_silence(self, call: PhoneCall) -> None:
        """No key comes in time."""
        call.go_on()
        await self._end_if_over(call)

    async def end(self, call: PhoneCall, state: CallState) -> None:
        """Hung up, busy, not answered."""
        call.state = state
        await self._call_moved(call, "completed")

    async def post(self, url: str, form: Form, *, token: str | None = None) -> httpx.Response:
        """Post a signed callback."""
        form = {"AccountSid": self._sid, "ApiVersion": _VERSION, **form}
        self.posted.append(Posted(url, form))
        signature = _signed(self._token if token is None else token, url, form)
        return await self._http.post(url, data=form, headers={"X-Twilio-Signature": signature})

    # the REST API

    def _route(self, resource: str) -> Any:
        @post(f"/{_VERSION}/Accounts/{{account:str}}/{resource}.json", status_code=201)
        async def create(request: Request[Any, Any, Any], account: FromPath[str]) -> Response[dict[str, Any]]:
            given = parse_qs((await request.body()).decode(), keep_blank_values=True)
            form = {name: ",".join(values) for name, values in given.items()}
            self.asked.append(Asked(resource, form))
            try:
                self._prove(request.headers.get("authorization", ""), account)
                return Response(await self._carry_out(resource, form), status_code=201)
            except ApiRefusal as refusal:
                return _refused(refusal)

        return create

    def _prove(self, given: str, account: str) -> None:
        right = f"Basic {base64.b64encode(f'{self._sid}:{self._token}'.encode()).decode()}"
        if not hmac.compare_digest(given.encode(), right.encode()):
            raise ApiRefusal(20003, 401)
        if account != self._sid:
            raise ApiRefusal(20404, 404)

    async def _carry_out(self, resource: str, form: Form) -> dict[str, Any]:
        fault = self.faults.take(resource)
        create = {"Messages": self._message, "Calls": self._call}[resource]
        if fault is None:
            return create(form)
        if fault.kind is not FaultKind.STALL:
            raise _spoiled(fault)
        early = create(form) if fault.carried_out else None
        try:
            async with asyncio.timeout(fault.seconds):
                await self._closing.wait()
        except TimeoutError:
            pass
        return early or create(form)

    def _message(self, form: Form) -> dict[str, Any]:
        _check(form, sender=form.get("MessagingServiceSid") or form.get("From", ""))
        body = form.get("Body", "")
        if not body:
            raise ApiRefusal(21602)
        if len(body) > _LONGEST_BODY:
            raise ApiRefusal(21617)
        sender = form.get("From", "+15550006666")  # a service picks one of its numbers
        text = Text(sid=_sid("SM"), to=form["To"], from_=sender, body=body, callback=form.get("StatusCallback", ""))
        self.texts[text.sid] = text
        return self._created("Messages", text.sid, form) | {"body": body, "num_segments": "1", "error_code": None}

    def _call(self, form: Form) -> dict[str, Any]:
        _check(form, sender=form.get("From", ""))
        if "Twiml" not in form:
            raise ApiRefusal(21205)
        try:
            todo = read_twiml(form["Twiml"])
        except BadTwiml:
            raise ApiRefusal(12100) from None
        call = PhoneCall(sid=_sid("CA"), to=form["To"], from_=form["From"], form=form, todo=todo)
        self.calls[call.sid] = call
        return self._created("Calls", call.sid, form) | {"answered_by": None, "duration": None}

    def _created(self, resource: str, sid: str, form: Form) -> dict[str, Any]:
        return {
            "sid": sid,
            "account_sid": self._sid,
            "api_version": _VERSION,
            "to": form["To"],
            "from": form.get("From"),
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "status": "queued",
            "direction": "outbound-api",
            "date_created": format_datetime(clock.now()),
            "uri": f"/{_VERSION}/Accounts/{self._sid}/{resource}/{sid}.json",
        }

    def _call_form(self, call: PhoneCall) -> Form:
        form = {"CallSid": call.sid, "CallStatus": str(call.state), "Direction": "outbound-api"}
        return form | {"To": call.to, "Called": call.to, "From": call.from_, "Caller": call.from_}

    async def _end_if_over(self, call: PhoneCall) -> None:
        if call.state is CallState.COMPLETED:
            await self._call_moved(call, "completed")

    async def _call_moved(self, call: PhoneCall, event: str) -> None:
        callback = call.form.get("StatusCallback", "")
        if callback and event in call.form.get("StatusCallbackEvent", "completed").split(","):
            form = self._call_form(call) | {"SequenceNumber": str(call.sequence), "CallbackSource": "call-progress"}
            call.sequence += 1
            await self.post(callback, form)


def _check(form: Form, *, sender: str) -> None:
    """What both resources ask of a form."""
    if not _E164.fullmatch(form.get("To", "")):
        raise ApiRefusal(21211)
    if not sender:
        raise ApiRefusal(21603)
    if not (_E164.fullmatch(sender) or sender.startswith("MG")):
        raise ApiRefusal(21212)
    callback = form.get("StatusCallback", "")
    if callback and urlsplit(callback).scheme not in ("http", "https"):
        raise ApiRefusal(21609)


def _spoiled(fault: Fault) -> ApiRefusal:
    if fault.kind is FaultKind.HTTP_500:
        return ApiRefusal(20500, 500)
    if fault.kind is FaultKind.HTTP_429:
        return ApiRefusal(20429, 429, {"Retry-After": str(int(fault.seconds))})
    return ApiRefusal(fault.code, fault.status)


def _refused(refusal: ApiRefusal) -> Response[dict[str, Any]]:
    problem = {
        "code": refusal.code,
        "message": _WORDS.get(refusal.code, "Refused"),
        "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
        "status": refusal.status,
    }
    return Response(problem, status_code=refusal.status, headers=refusal.headers)


def _signed(token: str, url: str, form: Form) -> str:
    """The server's own signature, from Twilio's description of it."""
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _sid(prefix: str) -> str:
    return f"{prefix}{new_id().hex}"
