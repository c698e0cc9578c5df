"""The record of patrols (通信巡检): that each device was heard or asked within its cycle (CQC/SC 11002, 4.4.2).

The rule: a row for a device and day, added to every five minutes; its longest silence is what proves the cycle.
A row a patrol would be thirty million a day for ten thousand devices and prove no more. Beside it stands when this
gateway was last alive, so that its own absence is told from a device's.
"""

import logging
from typing import Final

from backend.core import clock
from protocol_gateway.collaborators import DeviceStore, LinkCheck, StoreAway
from protocol_gateway.sessions import Session, Sessions

log = logging.getLogger(__name__)

KEEP_EVERY_S: Final = 300.0
ALIVE_EVERY_S: Final = 10.0


class Patrols:
    """What one gateway writes down of its patrols, and of itself."""

    def __init__(self, gateway: str, sessions: Sessions, store: DeviceStore) -> None:
        self._gateway = gateway
        self._sessions = sessions
        self._store = store
        self._kept_at = self._alive_at = clock.monotonic()

    async def keep(self, now: float) -> None:
        """Write what is due; called often."""
        if now - self._alive_at >= ALIVE_EVERY_S:
            self._alive_at = now
            await self._say_alive()
        if now - self._kept_at >= KEEP_EVERY_S:
            self._kept_at = now
            await self.write()

    async def write(self) -> None:
        """Write what was counted. A database that is away gets it with the next writing."""
        now = clock.monotonic()
        sessions = [each for each in self._sessions if each.is_adopted]
        checks = [check for each in sessions if (check := _check(each, now)) is not None]
        if not checks:
            return
        try:
            await self._store.keep_checks(checks)
        except StoreAway as error:
            log.warning("patrols not kept", extra={"reason": str(error)})
            return
        for each in sessions:
            each.check.start_anew()

    async def _say_alive(self) -> None:
        try:
            await self._store.keep_alive(self._gateway, clock.now())
        except StoreAway as error:
            log.warning("the gateway's life is not noted", extra={"reason": str(error)})


def _check(session: Session, now: float) -> LinkCheck | None:
    """How a device's patrol went, with the silence that lasts still; None for one that slept, as it may."""
    check, facts = session.check, session.facts
    if facts is None or not (check.asked or check.heard):
        return None
    silent = now - (session.heard_at if session.heard_at is not None else session.watched_from)
    return LinkCheck(
        device=facts.id,
        at=clock.now(),
        asked=check.asked,
        heard=check.heard,
        longest_silence_s=round(max(check.longest_s, silent)),
        last_asked_at=check.asked_moment,
        last_heard_at=session.heard_moment,
        heard_by=check.by,
    )
