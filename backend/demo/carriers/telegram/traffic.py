"""The record of every request the carrier received: what a test's checker compares with what was sent.

The rule: `received_at` is taken when the last octet of the body is there, before anything is decided about
it; no token and no webhook secret is ever written here.
"""

from datetime import datetime
from typing import Any

import msgspec

from backend.core import clock

_NULL = msgspec.Raw(b"null")
_SECRET_PARAMETERS = frozenset({"secret_token"})


class CarrierRequest(msgspec.Struct, kw_only=True):
    """One request of the bot. `status` stays None while unanswered, and for good if that was dropped."""

    sequence: int  #: 1, 2, 3 … in order of arrival
    method: str  #: as the bot wrote it
    params: dict[str, Any]  #: as sent, JSON fields decoded; form values are strings
    received_at: datetime
    received_monotonic: float  #: seconds of CLOCK_MONOTONIC, comparable between processes of one machine
    files: list[str] = []
    status: int | None = None
    answer: msgspec.Raw = _NULL  #: the JSON of `result`, octet for octet
    error: str | None = None  #: the refusal's sentence
    fault: str | None = None  #: the scripted fault that struck it
    carried_out: bool = False  #: whether the method took effect, however it was answered
    answered_monotonic: float | None = None

    @property
    def result(self) -> Any:
        """The answer's `result`, decoded; None if there was none."""
        return msgspec.json.decode(self.answer)

    @property
    def chat_id(self) -> int | None:
        """The numeric chat the request was about, if it named one."""
        try:
            return int(self.params.get("chat_id", ""))
        except (TypeError, ValueError):
            return None

    @property
    def message_id(self) -> int | None:
        """The message that a send made or an edit changed, if it succeeded."""
        result = self.result
        return result.get("message_id") if isinstance(result, dict) else None


class RequestLog:
    """Every request in order of arrival; with `kept`, only about that many of the latest."""

    def __init__(self, kept: int | None = None) -> None:
        self.entries: list[CarrierRequest] = []
        self._kept = kept
        self._count = 0

    def arrived(self, method: str) -> CarrierRequest:
        """Opens the record of a request whose body is complete now."""
        self._count += 1
        request = CarrierRequest(
            sequence=self._count,
            method=method,
            params={},
            received_at=clock.now(),
            received_monotonic=clock.monotonic(),
        )
        self.entries.append(request)
        if self._kept is not None and len(self.entries) > 2 * self._kept:  # rarely, so that it stays cheap
            del self.entries[: -self._kept]
        return request

    def since(self, sequence: int) -> list[CarrierRequest]:
        """The kept requests after that number."""
        if not self.entries:
            return []
        first = self.entries[0].sequence
        return self.entries[max(0, sequence + 1 - first) :]


def without_secrets(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters fit to be kept and shown."""
    if _SECRET_PARAMETERS.isdisjoint(params):
        return params
    return {name: "***" if name in _SECRET_PARAMETERS else value for name, value in params.items()}
