"""通信巡检: watching a device's silence, so that its loss is known within 100 s (section 13.4).

After 30 s without a frame the device is asked for its state (type 81), again at 50 s and 70 s; with three
patrols missed, at 90 s, it is lost. CQC/SC 11002 4.4.2 allows 100 s. Any frame counts as alive.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from protocol_gateway.gb26875.events import Alive, FrameReceived, LinkEvent, SilenceExpired


class LinkState(StrEnum):
    """How a device's link stands."""

    #: Nothing was ever heard of the device.
    SILENT = "silent"
    LIVE = "live"
    LOST = "lost"


class Patrol(msgspec.Struct, frozen=True, kw_only=True):
    """When a silent device is asked, and when it is lost; seconds since its last frame."""

    after: float = 30.0
    every: float = 20.0
    lost_after: float = 90.0
    #: How often a lost device is asked whether it is back.
    every_when_lost: float = 30.0


#: The only way a link changes its state: heard of, or silent too long.
LINK_TRANSITIONS: Final[Mapping[tuple[LinkState, type[LinkEvent]], LinkState]] = {
    (LinkState.SILENT, FrameReceived): LinkState.LIVE,
    (LinkState.SILENT, SilenceExpired): LinkState.LOST,
    (LinkState.LIVE, FrameReceived): LinkState.LIVE,
    (LinkState.LIVE, SilenceExpired): LinkState.LOST,
    (LinkState.LOST, FrameReceived): LinkState.LIVE,
}


class Watch:
    """One device's silence. `patrol` None: a device that sleeps and may be silent for long is not watched."""

    def __init__(self, now: float, patrol: Patrol | None, *, polls: bool) -> None:
        self.state = LinkState.SILENT
        self._patrol = patrol
        self._polls = polls
        self._heard_at = now
        self._patrol_at = now + patrol.after if patrol else now

    def hear(self, now: float) -> list[LinkEvent]:
        """Something came from the device."""
        was = self.state
        self.state = LINK_TRANSITIONS[was, FrameReceived]
        self._heard_at = now
        if self._patrol:
            self._patrol_at = now + self._patrol.after
        return [] if was is LinkState.LIVE else [Alive(was is LinkState.LOST)]

    @property
    def since(self) -> float:
        """Since when the silence lasts: the last word, or the beginning, less what was forgiven."""
        return self._heard_at

    @property
    def next_deadline(self) -> float | None:
        """When `expire` has something to do."""
        if self._patrol is None:
            return None
        times: list[float] = []
        if self._polls:
            times.append(self._patrol_at)
        if (self.state, SilenceExpired) in LINK_TRANSITIONS:
            times.append(self._heard_at + self._patrol.lost_after)
        return min(times, default=None)

    def expire(self, now: float) -> list[LinkEvent]:
        """The device's loss, when its silence has lasted."""
        lost = LINK_TRANSITIONS.get((self.state, SilenceExpired))
        if self._patrol is None or lost is None or now < self._heard_at + self._patrol.lost_after:
            return []
        self.state = lost
        return [SilenceExpired(now - self._heard_at)]

    def lose(self, now: float) -> list[LinkEvent]:
        """The device is lost before its silence says so: its connection has closed and it did not come back."""
        lost = LINK_TRANSITIONS.get((self.state, SilenceExpired))
        if lost is None:
            return []
        self.state = lost
        return [SilenceExpired(now - self._heard_at)]

    def forgive(self, seconds: float) -> None:
        """So much of the silence was ours: nothing was read meanwhile."""
        self._heard_at += seconds
        self._patrol_at += seconds

    def is_patrol_due(self, now: float) -> bool:
        """Whether to ask the device now; asking is noted, and the next time set."""
        if self._patrol is None or not self._polls or now < self._patrol_at:
            return False
        is_lost = self.state is LinkState.LOST
        self._patrol_at = now + (self._patrol.every_when_lost if is_lost else self._patrol.every)
        return True
