"""The heartbeat that goes outside: while all is well a watcher elsewhere hears from us; our silence rings there.

The rule: it is sent only when the auditor's own pass succeeded lately and alarms can be delivered. A watcher that
can't be reached is logged, and disturbs nothing.
"""

import asyncio
import hashlib
import hmac
import logging
import socket
from collections.abc import Callable
from typing import Final

import httpx
import msgspec

from backend.core import clock
from backend.core.beats import alive, beats
from backend.core.db.engine import SERVER_AWAY
from backend.core.settings import HeartbeatSection
from backend.delivery.audit_checks import overdue_attempts
from backend.delivery.breach_model import Scene

log = logging.getLogger(__name__)

#: an auditor whose last good pass is older than this does not speak for the house
_FRESH_S: Final = 10.0
_TIMEOUT_S: Final = 10.0
#: a beat that did not go out is tried again sooner: the watcher's patience may be short
_AGAIN_S: Final = 5.0
#: without these no alarm comes in, or none goes out
_VITAL: Final = ("gateway", "fire")
_encode = msgspec.json.Encoder().encode


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """What a watcher is told: we are well, as of when, and who says so."""

    status: str
    at: str
    host: str
    processes: list[str]


def why_silent(age_s: float | None, living: frozenset[str], overdue: int) -> str:
    """Why no heartbeat may go out; empty when all is well. Pure."""
    if age_s is None or age_s > _FRESH_S:
        return "the auditor's last good pass is too old"
    lost = [name for name in _VITAL if name not in living]
    if lost:
        return f"no living process: {', '.join(lost)}"
    return f"{overdue} attempts are overdue" if overdue else ""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the timestamp, a full stop and the body, as 64 hex digits."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Heartbeat:
    """Speaks to the outside watcher. `age_s` is the auditor's."""

    def __init__(self, settings: HeartbeatSection, age_s: Callable[[], float | None]) -> None:
        self._settings = settings
        self._age_s = age_s
        self._http = httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False)

    async def run(self) -> None:
        """Beat after beat, for ever; without an address there is nobody to speak to."""
        if not self._settings.url:
            return
        try:
            while True:
                is_heard = False
                try:
                    is_heard = await self.beat()
                except SERVER_AWAY as error:
                    log.warning("no heartbeat: the database is away", extra={"error": type(error).__name__})
                except Exception:
                    # one of the loops that must not die (house.md §6)
                    log.exception("no heartbeat")
                await asyncio.sleep(self._settings.every_s if is_heard else min(_AGAIN_S, self._settings.every_s))
        finally:
            await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def beat(self) -> bool:
        """Speak once, if all is well; answers whether the watcher took it."""
        now = clock.now()
        living = alive(await beats(), now)
        overdue = await overdue_attempts(Scene(now=now))
        reason = why_silent(self._age_s(), living, sum(len(each) for each in overdue.values()))
        if reason:
            log.warning("no heartbeat goes out", extra={"reason": reason})
            return False
        pulse = Pulse(status="well", at=now.isoformat(), host=socket.gethostname(), processes=sorted(living))
        return await self._send(pulse, str(int(now.timestamp())))

    async def _send(self, pulse: Pulse, timestamp: str) -> bool:
        body = _encode(pulse)
        headers = {"Content-Type": "application/json", "X-Fenghuo-Timestamp": timestamp}
        if self._settings.secret:
            headers["X-Fenghuo-Signature"] = f"sha256={signature(self._settings.secret.value, timestamp, body)}"
        try:
            if self._settings.method == "get":
                answer = await self._http.get(self._settings.url.value)
            else:
                answer = await self._http.post(self._settings.url.value, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("the watcher can't be reached", extra={"error": type(error).__name__})
            return False
        if not answer.is_success:
            log.warning("the watcher refused the heartbeat", extra={"status": answer.status_code})
        return answer.is_success
