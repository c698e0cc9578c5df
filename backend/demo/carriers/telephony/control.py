"""The exchange's control interface from the other side: for the demo's street page."""

from typing import Any, Final, Self

import httpx
import msgspec

from backend.demo.carriers.telephony.exchange import ChangesOut, DeedIn, TelephoneView

_PATIENCE_S: Final = 40.0


class CannotBeDone(Exception):  # noqa: N818 - a refusal is named by its fact
    """The telephone is not in the state for it."""


class TelephoneControl:
    """Reads telephones and acts as their people. Raises httpx.TransportError when the exchange can't be reached."""

    def __init__(self, base_url: str) -> None:
        base = base_url.rstrip("/") + "/control/telephones/"
        self._http = httpx.AsyncClient(base_url=base, timeout=_PATIENCE_S, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def telephone(self, number: str) -> TelephoneView:
        """What a telephone shows."""
        return msgspec.json.decode(await self._asked("GET", number), type=TelephoneView)

    async def does(self, number: str, do: str, words: str = "") -> TelephoneView:
        """The person does something. Raises CannotBeDone."""
        body = msgspec.json.encode(DeedIn(do=do, words=words))
        return msgspec.json.decode(await self._asked("POST", number, content=body), type=TelephoneView)

    async def changes(self, after: int) -> ChangesOut:
        """Wait for news of any telephone."""
        return msgspec.json.decode(await self._asked("GET", "changes", params={"after": after}), type=ChangesOut)

    async def _asked(self, method: str, path: str, **how: Any) -> bytes:
        answer = await self._http.request(method, path, **how)
        if not answer.is_success:
            raise CannotBeDone(answer.text)
        return answer.content
