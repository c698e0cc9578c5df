"""One question to a vendor over HTTP, within its time; what goes wrong on the way as a VendorRefusal.

The rule: what surely never left us is AWAY and may go elsewhere at once; what may have arrived is UNKNOWN. Nothing that
was sent stands in a reason: keys, telephones and texts stay out of logs.
"""

import asyncio
import ssl
from functools import cache
from typing import Any, Final

import httpx
import msgspec

from backend.delivery.model import RefusalKind
from workers.channels.ports import VendorRefusal

_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = 500
#: the connection was never there, so nothing was sent
_NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_LONGEST_REASON: Final = 200
_CONNECT_SHARE: Final = 0.5
_decode = msgspec.json.Decoder(dict[str, Any]).decode


@cache
def _tls() -> ssl.SSLContext:
    """Certificates are read once a process: it takes a tenth of a second."""
    return httpx.create_ssl_context(trust_env=False)


class Asker:
    """An HTTP client of one vendor. `timeout_s` bounds a question with all its parts."""

    def __init__(self, vendor: str, base_url: str, timeout_s: float) -> None:
        self.vendor = vendor
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(timeout_s, connect=timeout_s * _CONNECT_SHARE),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=60),
            verify=_tls(),
            trust_env=False,  # a vendor's secret never travels through a proxy that some variable names
        )

    @property
    def host(self) -> str:
        """The Host header that the requests bear; signatures cover it."""
        return self._client.base_url.netloc.decode("ascii")

    async def close(self) -> None:
        """Give connections back."""
        await self._client.aclose()

    async def ask(self, request: httpx.Request) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of the answer. Raises VendorRefusal."""
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._client.send(request)
        except _NEVER_LEFT as error:
            raise self.refusal(RefusalKind.AWAY, type(error).__name__) from None
        except TimeoutError:
            raise self.refusal(RefusalKind.UNKNOWN, "timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.refusal(RefusalKind.UNKNOWN, type(error).__name__) from None
        return self._read(answer)

    def request(self, url: str, *, headers: dict[str, str], content: bytes = b"") -> httpx.Request:
        """A POST with exactly these octets."""
        return self._client.build_request("POST", url, headers=headers, content=content)

    def refusal(
        self, kind: RefusalKind, reason: str, *, code: str = "", retry_after: float | None = None
    ) -> VendorRefusal:
        """What is raised, with the vendor's name before it."""
        return VendorRefusal(kind, f"{self.vendor}: {reason}"[:_LONGEST_REASON], code=code, retry_after=retry_after)

    def _read(self, answer: httpx.Response) -> tuple[int, dict[str, Any]]:
        status = answer.status_code
        try:
            return status, _decode(answer.content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        if status == _TOO_MANY:
            raise self.refusal(RefusalKind.BUSY, "HTTP 429", retry_after=_seconds(answer.headers.get("retry-after")))
        if status >= _SERVER_ERRORS:
            raise self.refusal(RefusalKind.AWAY, f"HTTP {status}")
        # 200 without a word that can be read: it may have been sent. Else something between us answers.
        kind = RefusalKind.UNKNOWN if answer.is_success else RefusalKind.CONFIGURATION
        raise self.refusal(kind, f"HTTP {status} and no JSON")


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None
