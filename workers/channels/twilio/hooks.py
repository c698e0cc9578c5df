"""What Twilio calls back with: what became of a text or call, a key pressed, a text to our number.

The rule: nothing is read before the signature is proven. The address of each callback holds the attempt's number,
and the signature covers it. A word about a call moves nothing backwards: see `delivery.carrier_words`.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import parse_qs

import msgspec

from backend.alarms.answering import Did, by_key, by_reply
from backend.complaints.texting import by_text
from backend.core.i18n import DEFAULT_LANGUAGE
from backend.core.limits import Buckets
from backend.core.settings import Twilio
from backend.core.vocabulary import Channel
from backend.delivery.carrier_words import CarrierSaid, Said, carrier_said
from backend.delivery.queries import delivery_of
from workers.channels.twilio import (
    ANSWERED_PATH,
    ATTEMPT,
    CALL_PATH,
    KEY_PATH,
    MESSAGE_PATH,
    NAME,
    REPLY_PATH,
)
from workers.channels.twilio.errors import DEAD
from workers.channels.twilio.signing import HEADER, Fields, is_signed
from workers.channels.twilio.twiml import answering, texting
from workers.channels.words import call_of


class HookCall(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came."""

    path: str
    query: str  #: as it was sent, still encoded
    headers: Mapping[str, str]  #: names in lower case
    body: bytes


class HookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered."""

    status: int = 200
    media_type: str = "text/plain"
    body: str = ""


Answering = Callable[[HookCall], Awaitable[HookAnswer]]

#: MessageStatus → what it says; the others are on the way
MESSAGES: Final = {
    "delivered": Said.DELIVERED,
    "read": Said.DELIVERED,
    "undelivered": Said.UNDELIVERED,
    "failed": Said.UNDELIVERED,
}
#: CallStatus; "completed" says only that somebody or something took it
CALLS: Final = {
    "busy": Said.UNDELIVERED,
    "no-answer": Said.UNDELIVERED,
    "failed": Said.UNDELIVERED,
    "canceled": Said.UNDELIVERED,
}
#: AnsweredBy: a message spoken to a machine has reached nobody
ANSWERED_BY: Final = {
    "human": Said.HEARD,
    "machine_start": Said.UNDELIVERED,
    "machine_end_beep": Said.UNDELIVERED,
    "machine_end_silence": Said.UNDELIVERED,
    "machine_end_other": Said.UNDELIVERED,
    "fax": Said.UNDELIVERED,
}
#: after which the person may press another key
_ASKED_AGAIN: Final = frozenset({Did.AGAIN, Did.UNDERSTOOD_NOT})
_LARGEST: Final = 2**63 - 1
_XML: Final = "text/xml"
_TAKEN: Final = HookAnswer(status=204)
_NOT_TWILIO: Final = HookAnswer(status=403)
_NO_ATTEMPT: Final = HookAnswer(status=400)
#: answers to one telephone, so that two machines can't text each other for ever
_ANSWERS_A_MINUTE: Final = 0.2
_ANSWERS_AT_ONCE: Final = 5.0


class Form(msgspec.Struct, frozen=True):
    """A proven request."""

    fields: Fields
    attempt: int | None

    def __getitem__(self, name: str) -> str:
        return next(iter(self.fields.get(name, ())), "")


Act = Callable[[Form], Awaitable[HookAnswer]]


class TwilioHooks:
    """Twilio's callbacks for one account."""

    def __init__(self, twilio: Twilio, public_url: str) -> None:
        self._token = twilio.auth_token.value
        self._public_url = public_url
        self._answers = Buckets(per_minute=_ANSWERS_A_MINUTE, burst=_ANSWERS_AT_ONCE)

    def hooks(self) -> dict[str, Answering]:
        """Path → who answers it; each stands behind the signature."""
        acts: dict[str, Act] = {
            MESSAGE_PATH: _message,
            CALL_PATH: _call,
            ANSWERED_PATH: _answered,
            KEY_PATH: self._key,
            REPLY_PATH: self._reply,
        }
        return {path: self._proven(act) for path, act in acts.items()}

    def _proven(self, act: Act) -> Answering:
        async def answer(call: HookCall) -> HookAnswer:
            fields = parse_qs(call.body.decode("utf-8", "replace"), keep_blank_values=True)
            url = f"{self._public_url}{call.path}" + (f"?{call.query}" if call.query else "")
            if not is_signed(self._token, url, fields, call.headers.get(HEADER, "")):
                return _NOT_TWILIO
            return await act(Form(fields, _number_in(call.query)))

        return answer

    async def _key(self, form: Form) -> HookAnswer:
        """What was done is said; `*` and a key that means nothing let the message be heard again."""
        if form.attempt is None:
            return _NO_ATTEMPT
        answer = await by_key(form.attempt, form["Digits"], phone=form["To"])
        delivery = await delivery_of(Channel.VOICE, form.attempt)
        language = delivery.language if delivery else DEFAULT_LANGUAGE
        if delivery is None or answer.did not in _ASKED_AGAIN:
            return HookAnswer(media_type=_XML, body=answering(answer.sentence, language))
        sentence = "" if answer.did is Did.AGAIN else answer.sentence
        action = f"{self._public_url}{KEY_PATH}?{ATTEMPT}={form.attempt}"
        return HookAnswer(media_type=_XML, body=answering(sentence, language, call_of(delivery).spoken, action))

    async def _reply(self, form: Form) -> HookAnswer:
        if (sentence := await by_text(form["From"], form["Body"])) is not None:
            return HookAnswer(media_type=_XML, body=texting(sentence if self._answers.take(form["From"]) else ""))
        answer = await by_reply(form["From"], form["Body"])
        is_answered = answer.did is not Did.UNKNOWN and self._answers.take(form["From"])
        return HookAnswer(media_type=_XML, body=texting(answer.sentence if is_answered else ""))


async def _message(form: Form) -> HookAnswer:
    status, code = form["MessageStatus"], form["ErrorCode"]
    await _said(MESSAGES.get(status), form, form["MessageSid"], code or status, is_dead=code in DEAD)
    return _TAKEN


async def _call(form: Form) -> HookAnswer:
    code = form["AnsweredBy"] or form["CallStatus"]
    said = ANSWERED_BY.get(form["AnsweredBy"]) or CALLS.get(form["CallStatus"])
    await _said(said, form, form["CallSid"], code)
    return _TAKEN


async def _answered(form: Form) -> HookAnswer:
    await _said(ANSWERED_BY.get(form["AnsweredBy"]), form, form["CallSid"], form["AnsweredBy"])
    return _TAKEN


async def _said(said: Said | None, form: Form, sid: str, code: str, *, is_dead: bool = False) -> None:
    if said is None:
        return
    await carrier_said(
        CarrierSaid(
            vendor=NAME,
            said=said,
            id=sid,
            number=form.attempt,
            phone=form["To"],
            code=code,
            reason=f"{NAME}: {code}" if said is Said.UNDELIVERED else "",
            contact_is_dead=is_dead,
        )
    )


def _number_in(query: str) -> int | None:
    text = next(iter(parse_qs(query).get(ATTEMPT, ())), "")
    if not (text.isascii() and text.isdigit()):
        return None
    number = int(text) if len(text) < 20 else _LARGEST + 1
    return number if number <= _LARGEST else None
