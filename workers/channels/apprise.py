"""The `apprise` channel (其他通知): one-way messages to whatever the Apprise package reaches.

The rule: an address is a secret, for it holds the receiver's token; no log, error or reason repeats it. Apprise
says only whether a message went, and its plugins block: each message has a thread, and there are few of them, so
that a service that hangs keeps nobody else waiting. The package is optional (`pip install fenghuo[apprise]`).
"""

import asyncio
import importlib
import logging
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar, Final

from backend.core.errors import BadSettings
from backend.core.vocabulary import Channel as ChannelName
from backend.delivery.model import Card, Delivery, Receipt, Refusal

_THREADS: Final = 16
_BUSY_S: Final = 1.0
#: what reaches nobody but the machine we run on
_LOCAL: Final = frozenset({"dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})


class AppriseChannel:
    """A Channel (delivery.model). Raises BadSettings when the package is missing."""

    name: ClassVar[ChannelName] = ChannelName.APPRISE
    can_edit: ClassVar[bool] = False

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._apprise = _package()
        self._asset = self._apprise.AppriseAsset(
            secure_logging=True, storage_mode="memory", http_redirects=False, app_id="Fenghuo"
        )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="apprise")
        self._busy = 0

    async def open(self) -> None:
        """Nothing to take up."""

    async def close(self) -> None:
        """Let threads end by themselves: each ends with its service's own time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, delivery: Delivery) -> Receipt:
        """Hand over a card. Raises Refusal."""
        service = self._service(delivery.address)
        if self._busy >= _THREADS:
            raise Refusal("apprise: every thread waits for a service", permanent=False, retry_after=_BUSY_S)
        title, body = words_of(delivery.card)
        self._busy += 1
        notify = partial(service.notify, body=body, title=title)
        work = asyncio.get_running_loop().run_in_executor(self._threads, notify)
        work.add_done_callback(self._freed)
        await asyncio.wait({work}, timeout=self._timeout_s)  # a thread can't be stopped: it goes on by itself
        if not work.done():
            raise Refusal("apprise: no answer in time", permanent=False)
        if (failure := work.exception()) is not None:
            raise Refusal(f"apprise: {type(failure).__name__}", permanent=False)  # its words may hold the address
        if not work.result():
            raise Refusal("apprise: the service did not take it", permanent=False)
        return Receipt(surface={})

    async def edit(self, delivery: Delivery) -> Receipt:
        """What was sent stays sent."""
        raise Refusal(f"apprise: {delivery.attempt} can't be drawn again", permanent=True)

    def _service(self, address: str) -> Any:
        scheme = address.partition("://")[0].lower()
        if scheme in _LOCAL:
            raise Refusal("apprise: the address is this machine's own", permanent=True, contact_is_dead=True)
        service = self._apprise.Apprise.instantiate(address, asset=self._asset, suppress_exceptions=True)
        if service is None:
            raise Refusal("apprise: the address is not one of Apprise's", permanent=True, contact_is_dead=True)
        return service

    def _freed(self, work: "asyncio.Future[Any]") -> None:
        self._busy -= 1
        if not work.cancelled():
            work.exception()  # looked at, for nobody may be left who does


def words_of(card: Card) -> tuple[str, str]:
    """A card as title and plain lines, the place first."""
    lines = [card.where, card.what, card.unit, *(f"{fact.label}: {fact.value}" for fact in card.facts), *card.known_by]
    title = " ".join(part for part in (card.icon, card.banner, card.headline, "·", card.status) if part)
    return title, "\n".join(line for line in (*lines, card.verdict) if line)


def _package() -> Any:
    try:
        package = importlib.import_module("apprise")
    except ImportError:
        raise BadSettings(
            "apprise is enabled, but its package is not installed: pip install fenghuo[apprise]"
        ) from None
    logging.getLogger("apprise").disabled = True  # it writes addresses down
    with warnings.catch_warnings():  # of its hundred plugins; all are loaded now, for it takes a second
        warnings.simplefilter("ignore", DeprecationWarning)
        package.Apprise.instantiate("json://localhost")
    return package
