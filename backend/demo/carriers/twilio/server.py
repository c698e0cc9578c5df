"""Twilio for one account: texts and calls by its REST API, and its signed callbacks about what telephones do.

The rule: a callback is signed over the address that the customer gave away, and over every field of its form.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import parse_qs

import httpx
import msgspec

from backend.core import clock
from backend.core.ids import new_id
from backend.demo.carriers.telephony.faults import Fault
from backend.demo.carriers.telephony.phones import RINGS_FOR, CannotDo, Listeners, Outcome, Ring, Telephone, Text
from backend.demo.carriers.telephony.pushing import Telling
from backend.demo.carriers.telephony.serving import Answered, Asked, HttpCarrier
from backend.demo.carriers.twilio.calls import (
    BadTwiml,
    PhoneCall,
    TwilioText,
    Verb,
    first_words,
    read_message,
    read_twiml,
)
from backend.demo.carriers.twilio.refusing import ApiRefusal, check, check_body, refused

_VERSION: Final = "2010-04-01"
#: with which every address of the API begins
API_PATH: Final = f"/{_VERSION}/"
_RESOURCE: Final = re.compile(rf"/{_VERSION}/Accounts/(?P<account>[^/]+)/(?P<resource>Messages|Calls)\.json")
_TIMEOUT_S: Final = 10.0
_LONGEST_RING_S: Final = 600
#: a Messaging Service picks one of its numbers
_OF_THE_SERVICE: Final = "+15550006666"
#: what callers hear when a hook does not answer with TwiML (error 11200)
_BROKEN: Final = "We are sorry, an application error has occurred. Goodbye."
#: what became of a text that its telephone did not take
_UNDELIVERED: Final = {Outcome.OFF: "30003", Outcome.NO_SUCH_NUMBER: "30005"}
Form = dict[str, str]


class Posted(msgspec.Struct, frozen=True):
    """A callback as it was posted: it can be posted again."""

    url: str
    form: Form


class TwilioServer(HttpCarrier):
    """One account. `reply_url` is where texts to our own number are posted, `http` how callbacks are.

    With `reports` it says by itself what became of a text; else whoever tests says it, by `reach`.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        reply_url: str = "",
        http: httpx.AsyncClient | None = None,
        reports: bool = False,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        super().__init__()
        self._sid = account_sid
        self._token = auth_token
        self._reply_url = reply_url
        self._reports = reports
        self._now = now
        self.phones: dict[str, Telephone] = {}
        self.texts: dict[str, TwilioText] = {}
        self.calls: dict[str, PhoneCall] = {}
        self.posted: list[Posted] = []
        self.telling = Telling()
        self._http = http or httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False)
        self._listeners = Listeners(
            key=self._on_key, end=self._on_end, reply=self._on_reply, now=now, taken=self._on_taken
        )
        self._create: Mapping[str, Callable[[Form], dict[str, Any]]] = {"Messages": self._message, "Calls": self._call}

    def phone(self, number: str) -> Telephone:
        """The telephone with this number."""
        number = number.removeprefix("+86")
        return self.phones.setdefault(number, Telephone(number, self._listeners))

    async def close(self) -> None:
        """End what waits and what is being told."""
        await super().close()
        await self.telling.close()
        await self._http.aclose()

    # what people do with their telephones, as far as it is Twilio's own affair

    async def reach(self, text: TwilioText, status: str = "delivered", error: str = "") -> int:
        """Say what became of a text; answers the callback's status."""
        form = {"MessageSid": text.id, "SmsSid": text.id, "MessageStatus": status, "SmsStatus": status}
        form |= {"To": text.phone, "From": text.sender} | ({"ErrorCode": error} if error else {})
        return (await self.post(text.callback, form)).status_code

    async def reply(self, text: TwilioText, words: str) -> str:
        """The telephone's owner writes back to a text; answers what they are written, which is a text of its own."""
        form = {"MessageSid": _sid("SM"), "From": text.phone, "To": text.sender, "Body": words, "NumMedia": "0"}
        answer = await self._told(self._reply_url, form)
        try:
            said = read_message(answer.text) if answer is not None and answer.is_success else ""
        except BadTwiml:
            return ""
        if said:
            back = TwilioText(id=_sid("SM"), phone=text.phone, text=said, sent_at=self._now(), sender=text.sender)
            self._delivered(back)
        return said

    async def answer(self, call: PhoneCall, answered_by: str = "human") -> None:
        """Somebody, or something, takes the call and hears what is said."""
        call.answered_by = answered_by
        await self.phone(call.phone).answers()

    async def wait_in_silence(self, call: PhoneCall) -> None:
        """No key comes in time."""
        call.go_on()
        if call.is_over:
            await self.phone(call.phone).ends(call, Outcome.NO_KEY)

    async def post(self, url: str, form: Form, *, token: str | None = None) -> httpx.Response:
        """Post a signed callback. Raises httpx.HTTPError."""
        form = {"AccountSid": self._sid, "ApiVersion": _VERSION, **form}
        self.posted.append(Posted(url, form))
        signature = _signed(self._token if token is None else token, url, form)
        return await self._http.post(url, data=form, headers={"X-Twilio-Signature": signature})

    async def _told(self, url: str, form: Form) -> httpx.Response | None:
        """The answer to a callback, None when there is nobody who answers."""
        try:
            return await self.post(url, form)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None

    async def _on_taken(self, ring: Ring) -> None:
        call = self.calls[ring.id]
        await self._call_moved(call, "answered")
        call.go_on()
        if call.form.get("AsyncAmdStatusCallback"):
            form = {"CallSid": call.id, "AnsweredBy": call.answered_by, "MachineDetectionDuration": "3000"}
            await self._told(call.form["AsyncAmdStatusCallback"], form)
        await self._end_if_over(call)

    async def _on_key(self, ring: Ring, key: str) -> None:
        call = self.calls[ring.id]
        if call.action is None:
            return  # nothing listens
        action, call.action = call.action, None
        answer = await self._told(action, self._call_form(call) | {"Digits": key})
        call.key_status = answer.status_code if answer is not None else 0
        call.todo = _verbs_of(answer, action)
        call.said_back = call.go_on()
        await self._end_if_over(call)

    async def _on_end(self, ring: Ring) -> None:
        await self._call_moved(self.calls[ring.id], "completed")

    async def _on_reply(self, phone: Telephone, words: str, to: Text | None) -> None:
        if to is None:
            raise CannotDo(f"{phone.number} has no text to reply to")
        await self.reply(self.texts[to.id], words)

    async def _end_if_over(self, call: PhoneCall) -> None:
        if call.is_over:
            await self.phone(call.phone).ends(call, Outcome.HEARD)

    async def _call_moved(self, call: PhoneCall, event: str) -> None:
        callback = call.form.get("StatusCallback", "")
        if callback and event in call.form.get("StatusCallbackEvent", "completed").split(","):
            form = self._call_form(call) | {"SequenceNumber": str(call.sequence), "CallbackSource": "call-progress"}
            call.sequence += 1
            await self._told(callback, form)

    def _call_form(self, call: PhoneCall) -> Form:
        form = {"CallSid": call.id, "CallStatus": str(call.status), "Direction": "outbound-api"}
        return form | {"To": call.phone, "Called": call.phone, "From": call.sender, "Caller": call.sender}

    # the REST API

    def action_of(self, asked: Asked) -> str:
        """The resource, "Messages" or "Calls"; empty for what is none of them."""
        found = _RESOURCE.fullmatch(asked.path) if asked.method == "POST" else None
        return found["resource"] if found else ""

    def business_error(self, code: str, message: str) -> Answered:
        """A refusal, its HTTP status as its code has it."""
        return refused(int(code), message)

    def spoiled(self, fault: Fault) -> Answered:
        """The refusal that a fault asks for; of too many requests `seconds` is the wait."""
        return refused(int(fault.code), fault.message, fault.seconds)

    async def act(self, action: str, asked: Asked) -> Answered:
        """Authentication, then what the form asks for."""
        given = parse_qs(asked.body.decode("utf-8", "replace"), keep_blank_values=True)
        form = {name: ",".join(values) for name, values in given.items()}
        try:
            self._prove(asked)
            return Answered(201, self._create[action](form))
        except ApiRefusal as refusal:
            return refused(refusal.code)

    def _prove(self, asked: Asked) -> None:
        """Who asks, and for what of whose. Raises ApiRefusal."""
        right = f"Basic {base64.b64encode(f'{self._sid}:{self._token}'.encode()).decode()}"
        if not hmac.compare_digest(asked.headers.get("authorization", "").encode(), right.encode()):
            raise ApiRefusal(20003)
        found = _RESOURCE.fullmatch(asked.path)
        if found is None or found["account"] != self._sid or asked.method != "POST":
            raise ApiRefusal(20404)

    def _message(self, form: Form) -> dict[str, Any]:
        check(form, sender=form.get("MessagingServiceSid") or form.get("From", ""))
        body = form.get("Body", "")
        check_body(body)
        text = TwilioText(
            id=_sid("SM"),
            phone=form["To"],
            text=body,
            sent_at=self._now(),
            sender=form.get("From", _OF_THE_SERVICE),
            callback=form.get("StatusCallback", ""),
        )
        self._delivered(text)
        if self._reports and text.callback:
            self.telling.soon(self._report(text))
        return self._created("Messages", text.id, form) | {"body": body, "num_segments": "1", "error_code": None}

    def _delivered(self, text: TwilioText) -> None:
        self.texts[text.id] = text
        self.phone(text.phone).takes(text)

    async def _report(self, text: TwilioText) -> None:
        error = _UNDELIVERED[text.why] if text.why else ""
        try:
            await self.reach(text, "undelivered" if error else "delivered", error)
        except (httpx.HTTPError, httpx.InvalidURL):
            return  # whoever should hear it is away

    def _call(self, form: Form) -> dict[str, Any]:
        check(form, sender=form.get("From", ""))
        if "Twiml" not in form:
            raise ApiRefusal(21205)
        try:
            todo = read_twiml(form["Twiml"])
        except BadTwiml:
            raise ApiRefusal(12100) from None
        call = PhoneCall(
            id=_sid("CA"),
            phone=form["To"],
            said=first_words(todo),
            rang_at=self._now(),
            hears_keys=any(verb.action is not None for verb in todo),
            rings_for=_rings_for(form.get("Timeout", "")),
            sender=form["From"],
            form=form,
            todo=todo,
        )
        self.calls[call.id] = call
        ended = self.phone(call.phone).rings(call)
        if ended is not None:
            self.telling.soon(self.phone(call.phone).ends(call, ended))
        return self._created("Calls", call.id, form) | {"answered_by": None, "duration": None}

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
            "date_created": format_datetime(self._now()),
            "uri": f"/{_VERSION}/Accounts/{self._sid}/{resource}/{sid}.json",
        }


def _verbs_of(answer: httpx.Response | None, base: str) -> list[Verb]:
    """What a hook says to a key; an answer that can't be run ends the call with Twilio's own words."""
    try:
        if answer is not None and answer.is_success:
            return read_twiml(answer.text, base)
    except BadTwiml:
        pass
    return [Verb(said=(_BROKEN,), is_end=True)]


def _rings_for(given: str) -> timedelta:
    seconds = int(given) if given.isascii() and given.isdigit() else 0
    return timedelta(seconds=seconds) if 0 < seconds <= _LONGEST_RING_S else RINGS_FOR


def _signed(token: str, url: str, form: Form) -> str:
    """The server's own signature, from Twilio's description of it."""
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _sid(prefix: str) -> str:
    return f"{prefix}{new_id().hex}"
