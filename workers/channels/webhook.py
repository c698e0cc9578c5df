"""The `webhook` channel (推送接口): one signed POST to another system; nothing comes back but a status.

The rule: only what the settings allow is spoken to. The address is resolved here, every address behind the name must
be public, and the connection goes to the very address that was looked at; redirects are not followed and no answer's
body is read. What the receiver needs:

    POST <the contact point's address>
    Content-Type: application/json          a `CardOut`
    Idempotency-Key: <attempt id>           the same for every try of one attempt
    X-Fenghuo-Timestamp: <Unix seconds>     refuse what is older than a few minutes
    X-Fenghuo-Signature: sha256=<hex>       HMAC-SHA256(secret, timestamp + "." + body)

2xx: taken. 410: never to this address again. 429, 408, 425 and 5xx: tried again, after Retry-After if given.
Anything else is a refusal for good.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import socket
import ssl
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar, Final
from urllib.parse import SplitResult, urlsplit

import httpx
import msgspec

from backend.core import clock
from backend.core.settings import Webhook
from backend.core.vocabulary import Channel as ChannelName
from backend.delivery.model import Delivery, Fact, Receipt, Refusal

SIGNATURE: Final = "X-Fenghuo-Signature"
TIMESTAMP: Final = "X-Fenghuo-Timestamp"
IDEMPOTENCY: Final = "Idempotency-Key"
_PORTS: Final = {"https": 443, "http": 80}
_LONGEST_WAIT_S: Final = 600.0
_encode = msgspec.json.Encoder().encode


class CardOut(msgspec.Struct, frozen=True, kw_only=True):
    """What another system is told; words are in the person's language, times have the unit's offset."""

    attempt: str
    notice: str
    kind: str  #: raised, restored, …
    alarm: str
    number: int
    severity: str
    headline: str
    status: str
    is_active: bool
    banner: str
    unit: str
    where: str
    what: str
    facts: tuple[Fact, ...]
    known_by: tuple[str, ...]
    verdict: str
    raised_at: datetime | None
    revision: int
    language: str


class Meaning(msgspec.Struct, frozen=True):
    """What a status that is no success leads to."""

    permanent: bool = False
    contact_is_dead: bool = False


_LATER: Final = Meaning()
_NEVER: Final = Meaning(permanent=True)
#: by status; else by its hundred
STATUSES: Final = {408: _LATER, 410: Meaning(permanent=True, contact_is_dead=True), 425: _LATER, 429: _LATER}
HUNDREDS: Final = {1: _LATER, 3: _NEVER, 4: _NEVER, 5: _LATER}


class WebhookChannel:
    """A Channel (delivery.model). `timeout_s` bounds one `send`, looking the name up included."""

    name: ClassVar[ChannelName] = ChannelName.WEBHOOK
    can_edit: ClassVar[bool] = False

    def __init__(self, settings: Webhook, timeout_s: float, *, trusting: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,  # a proxy would look the name up again
            verify=trusting or True,
            # two names may share an address, and a connection is good for the name that its certificate proved
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def open(self) -> None:
        """Nothing to take up: each message has its own connection."""

    async def close(self) -> None:
        """Give connections back."""
        await self._http.aclose()

    async def send(self, delivery: Delivery) -> Receipt:
        """Hand over a card. Raises Refusal."""
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._post(delivery)
        except (TimeoutError, httpx.TimeoutException):
            raise Refusal("webhook: no answer in time", permanent=False) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as failure:
            raise Refusal(f"webhook: {type(failure).__name__}", permanent=False) from None
        return Receipt(surface={"status": status})

    async def edit(self, delivery: Delivery) -> Receipt:
        """What was posted stays posted."""
        raise Refusal(f"webhook: {delivery.attempt} can't be drawn again", permanent=True)

    async def _post(self, delivery: Delivery) -> int:
        url = await self._allowed(delivery.address)
        body = body_of(delivery)
        stamp = str(int(clock.now().timestamp()))
        headers = {
            "Host": url.netloc,
            "Content-Type": "application/json",
            "User-Agent": "fenghuo",
            IDEMPOTENCY: str(delivery.attempt),
            TIMESTAMP: stamp,
            SIGNATURE: signature(self._settings.secret.value, stamp, body),
        }
        request = self._http.build_request(
            "POST", url.at, content=body, headers=headers, extensions={"sni_hostname": url.name}
        )
        answer = await self._http.send(request, stream=True)
        await answer.aclose()  # its body is nobody's business
        if not answer.is_success:
            raise _refusal(answer)
        return answer.status_code

    async def _allowed(self, address: str) -> "_Target":
        """Where to connect. Raises Refusal for what the settings don't allow."""
        try:
            parts = urlsplit(address)
            name, port = (parts.hostname or "").encode("idna").decode(), parts.port
        except ValueError:  # also what no name can be made of
            raise _forbidden("is no web address") from None
        if parts.scheme not in _PORTS or not name or parts.username is not None:
            raise _forbidden("is no web address")
        if parts.scheme == "http" and not self._settings.plain_http:
            raise _forbidden("is not https")
        found = await self._resolved(name, port or _PORTS[parts.scheme])
        if not self._settings.private_networks and not all(map(is_public, found)):
            raise _forbidden("is not public")
        return _Target.of(parts, name, found[0])

    async def _resolved(self, name: str, port: int) -> list[str]:
        try:
            rows = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Refusal("webhook: the name is not known", permanent=False) from None
        return [str(row[4][0]) for row in rows]


class _Target(msgspec.Struct, frozen=True):
    """The web address with a number in place of its name, and the name beside it."""

    at: str
    netloc: str
    name: str

    @classmethod
    def of(cls, parts: SplitResult, name: str, found: str) -> "_Target":
        port = f":{parts.port}" if parts.port else ""
        number, host = (f"[{each}]" if ":" in each else each for each in (found, name))
        return cls(at=parts._replace(netloc=f"{number}{port}", fragment="").geturl(), netloc=f"{host}{port}", name=name)


def body_of(delivery: Delivery) -> bytes:
    """The JSON that is signed and sent."""
    card = delivery.card
    return _encode(
        CardOut(
            attempt=str(delivery.attempt),
            notice=str(delivery.notice),
            kind=str(delivery.kind),
            alarm=str(card.alarm),
            number=card.number,
            severity=str(card.severity),
            headline=card.headline,
            status=card.status,
            is_active=card.is_active,
            banner=card.banner,
            unit=card.unit,
            where=card.where,
            what=card.what,
            facts=card.facts,
            known_by=card.known_by,
            verdict=card.verdict,
            raised_at=card.raised_at,
            revision=card.revision,
            language=delivery.language,
        )
    )


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The signature header's value."""
    return f"sha256={hmac.new(secret.encode(), f'{timestamp}.'.encode() + body, hashlib.sha256).hexdigest()}"


def is_public(address: str) -> bool:
    """Whether everybody in the world means the same machine by it."""
    try:
        number = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(number, ipaddress.IPv6Address):
        number = number.ipv4_mapped or number.sixtofour or (number.teredo or (None, None))[1] or number
    return number.is_global and not number.is_multicast and not number.is_reserved


def retry_after(value: str | None) -> float | None:
    """Seconds from a Retry-After header, in either of its forms."""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_WAIT_S)
    try:
        wait = (parsedate_to_datetime(value) - clock.now()).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT_S)


def _refusal(answer: httpx.Response) -> Refusal:
    status = answer.status_code
    meaning = STATUSES.get(status) or HUNDREDS.get(status // 100, _NEVER)
    return Refusal(
        f"webhook: answered {status}",
        permanent=meaning.permanent,
        retry_after=None if meaning.permanent else retry_after(answer.headers.get("Retry-After")),
        contact_is_dead=meaning.contact_is_dead,
    )


def _forbidden(why: str) -> Refusal:
    return Refusal(f"webhook: the address {why}", permanent=True, contact_is_dead=True)
