"""One supervisor, many children: starts them in order, restarts one that dies within 2 s, ends them in reverse.

A child is a command line; nothing is shared but the environment. A child that keeps dying is started again with
growing pauses, never given up: an alarm service that has ended helps nobody.
"""

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from backend.core import clock
from backend.core.errors import Refused

log = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 1.5  #: a killed child is back within 2 s
_CALM_S: Final = 10.0  #: a child that ran this long starts with the first pause again
_PATIENCE_S: Final = 10.0
_SET_PARENT_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>


class ChildSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How to run one child. `ready` is asked until it says yes, before the next child starts."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = {}
    user: str | None = None
    stop_signal: int = signal.SIGTERM
    ready: Callable[[], Awaitable[bool]] | None = None
    patience_s: float = 60.0


def own_command(*words: str) -> tuple[str, ...]:
    """The command line of one of our own processes."""
    return (sys.executable, "-m", "backend.cli", *words)


class Child:
    """A running child and the task that keeps it running."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.process: asyncio.subprocess.Process | None = None
        self.starts = 0
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it once; from then on it is kept running."""
        await self._spawn()
        self._task = asyncio.create_task(self._keep(), name=f"child-{self.spec.name}")

    async def _spawn(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *self.spec.command,
            stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, **self.spec.environment},
            user=self.spec.user,
            group=self.spec.user,
            extra_groups=[] if self.spec.user else None,
            cwd="/" if self.spec.user else None,
            start_new_session=True,  # Ctrl-C is ours to pass on, in order
            preexec_fn=_ends_with_us(self.spec.stop_signal),
        )
        self.starts += 1

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            assert self.process is not None
            began = clock.monotonic()
            code = await self.process.wait()
            if self._stopping:
                return
            pause = _FIRST_PAUSE_S if clock.monotonic() - began > _CALM_S else min(pause * 2, _LONGEST_PAUSE_S)
            log.error("child died", extra={"child": self.spec.name, "code": code, "again_in_s": pause})
            await asyncio.sleep(pause)
            await self._spawn()

    async def stop(self) -> None:
        """Ask it to end; after 10 s make it end."""
        self._stopping = True
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(self.spec.stop_signal)
            try:
                await asyncio.wait_for(self.process.wait(), _PATIENCE_S)
            except TimeoutError:
                log.warning("child had to be killed", extra={"child": self.spec.name})
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
                await self.process.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def _ends_with_us(number: int) -> Callable[[], None] | None:
    """Has Linux send the child its stop signal when the supervisor dies, so that a `kill -9` leaves no orphans."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        library.prctl(_SET_PARENT_DEATH_SIGNAL, number)

    return ask


class NotReady(Refused):
    """A child did not become ready in its time."""

    code = "not_ready"


class Supervisor:
    """Children in the order they were started."""

    def __init__(self) -> None:
        self.children: list[Child] = []

    async def start(self, *specs: ChildSpec) -> None:
        """Start these together, then wait until all of them are ready. Raises `NotReady` naming the one that is not."""
        started = []
        for spec in specs:
            child = Child(spec)
            self.children.append(child)
            await child.start()
            started.append(child)
        await asyncio.gather(*(_until_ready(child) for child in started))

    async def stop(self, *, only: Sequence[str] | None = None, keep: Sequence[str] = ()) -> None:
        """End them, all at once; `only` names those to begin with, `keep` those that are left for later."""
        ending = [each for each in self.children if each.spec.name not in keep and (not only or each.spec.name in only)]
        await asyncio.gather(*(child.stop() for child in ending))
        self.children = [each for each in self.children if each not in ending]


async def _until_ready(child: Child) -> None:
    if child.spec.ready is None:
        return
    end = clock.monotonic() + child.spec.patience_s
    while not await child.spec.ready():
        if clock.monotonic() > end:
            raise NotReady(f"{child.spec.name} did not become ready within {child.spec.patience_s:g} s")
        await asyncio.sleep(0.05)
