"""What the bot is told, and how: long polling or webhook, never both.

The rule: an update stays until the bot confirms it (a higher offset, or a 2xx from its webhook), so a bot
that dies in the middle hears it again. An earlier poller loses to a later one.
Source: Bot API, "Getting updates".
"""

import asyncio
import contextlib
import ipaddress
import re
from collections import deque
from collections.abc import Sequence
from itertools import count, islice
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from backend.core import clock
from backend.demo.carriers.telegram.chats import first_id
from backend.demo.carriers.telegram.refusals import (
    OTHER_POLLER,
    WEBHOOK_ACTIVE,
    WEBHOOK_SET,
    bad_request,
    conflict,
)
from backend.demo.carriers.telegram.wire import (
    CallbackQuery,
    ChatMemberUpdated,
    Message,
    Update,
    WebhookInfo,
)

PENDING_KEPT: Final = 10_000  #: the real server keeps 24 hours; here the oldest are dropped beyond this
LONGEST_POLL_SECONDS: Final = 50
MOST_AT_ONCE: Final = 100
DEFAULT_CONNECTIONS: Final = 40
WEBHOOK_TIMEOUT_SECONDS: Final = 60.0
LONGEST_BACK_OFF_SECONDS: Final = 60.0
SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]*")
_LONGEST_SECRET: Final = 256


class Webhook(msgspec.Struct, kw_only=True):
    """Where updates are pushed, and the last failure."""

    url: str
    secret_token: str
    max_connections: int
    last_error_date: int | None = None
    last_error_message: str | None = None


class _Poll:
    """One getUpdates that waits."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.ended_by: str | None = None

    def end(self, reason: str | None) -> None:
        self.ended_by = reason
        self.woken.set()


class UpdateQueue:
    """The updates the bot has not confirmed yet, and its one consumer."""

    def __init__(self, webhook_back_off: float) -> None:
        self.pending: deque[Update] = deque(maxlen=PENDING_KEPT)
        self.webhook: Webhook | None = None
        self.allowed: tuple[str, ...] = ()
        self._ids = count(first_id())
        self._poll: _Poll | None = None
        self._arrived = asyncio.Event()
        self._delivery: asyncio.Task[None] | None = None
        self._first_back_off = webhook_back_off
        self._closing = False

    def push(
        self,
        *,
        message: Message | None = None,
        callback_query: CallbackQuery | None = None,
        my_chat_member: ChatMemberUpdated | None = None,
    ) -> None:
        """Something happened. Dropped if the bot does not want its kind."""
        kind = "message" if message else "callback_query" if callback_query else "my_chat_member"
        if self.allowed and kind not in self.allowed:
            return
        update = Update(
            update_id=next(self._ids),
            message=message,
            callback_query=callback_query,
            my_chat_member=my_chat_member,
        )
        self.pending.append(update)
        self._arrived.set()
        if self._poll:
            self._poll.woken.set()

    async def poll(self, *, offset: int, limit: int, seconds: int, allowed: Sequence[str] | None) -> list[Update]:
        """GetUpdates. Raises ApiRefusal 409 while a webhook is set, or when a later poller takes over."""
        if self.webhook:
            raise conflict(WEBHOOK_ACTIVE)
        if self._poll:
            self._poll.end(OTHER_POLLER)
        self._allow(allowed)
        self._confirm(offset)
        mine = self._poll = _Poll()
        try:
            if not self.pending and seconds > 0 and not self._closing:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(seconds, LONGEST_POLL_SECONDS)):
                        await mine.woken.wait()
            if mine.ended_by:
                raise conflict(mine.ended_by)
            return list(islice(self.pending, max(1, min(limit, MOST_AT_ONCE))))
        finally:
            if self._poll is mine:
                self._poll = None

    def _allow(self, allowed: Sequence[str] | None) -> None:
        if allowed is not None:
            self.allowed = tuple(allowed)

    def _confirm(self, offset: int) -> None:
        """Forgets what lies before the offset; a negative one keeps only that many of the latest."""
        if offset < 0:
            while len(self.pending) > -offset:
                self.pending.popleft()
        while offset > 0 and self.pending and self.pending[0].update_id < offset:
            self.pending.popleft()

    async def set_webhook(self, webhook: Webhook | None, *, allowed: Sequence[str] | None, drop_pending: bool) -> None:
        """setWebhook, or deleteWebhook with None. Raises ApiRefusal for a bad address or secret."""
        if webhook:
            _refuse_bad_webhook(webhook)
        await self._stop_delivery()
        self._allow(allowed)
        if drop_pending:
            self.pending.clear()
        self.webhook = webhook
        if webhook is None:
            return
        if self._poll:
            self._poll.end(WEBHOOK_SET)
        self._delivery = asyncio.create_task(self._deliver(webhook), name="telegram carrier webhook")

    async def _deliver(self, webhook: Webhook) -> None:
        """Pushes one update after the other, each until it is taken; ends only by being cancelled.

        The real server pushes several chats at once; in order is the same thing for who receives.
        """
        headers = {"Content-Type": "application/json"}
        if webhook.secret_token:
            headers[SECRET_HEADER] = webhook.secret_token
        back_off = self._first_back_off
        async with httpx.AsyncClient(timeout=WEBHOOK_TIMEOUT_SECONDS, trust_env=False, headers=headers) as http:
            while True:
                if not self.pending:
                    self._arrived.clear()
                    await self._arrived.wait()
                    continue
                update = self.pending[0]
                failure = await _push(http, webhook.url, update)
                if failure is None:
                    self._confirm(update.update_id + 1)
                    back_off = self._first_back_off
                    continue
                webhook.last_error_date, webhook.last_error_message = int(clock.now().timestamp()), failure
                await asyncio.sleep(back_off)
                back_off = min(2 * back_off, LONGEST_BACK_OFF_SECONDS)

    async def _stop_delivery(self) -> None:
        task, self._delivery = self._delivery, None
        if task:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def describe(self) -> WebhookInfo:
        """getWebhookInfo; never the secret."""
        webhook = self.webhook
        return WebhookInfo(
            url=webhook.url if webhook else "",
            has_custom_certificate=False,
            pending_update_count=len(self.pending),
            last_error_date=webhook.last_error_date if webhook else None,
            last_error_message=webhook.last_error_message if webhook else None,
            max_connections=webhook.max_connections if webhook else None,
            allowed_updates=self.allowed,
        )

    async def close(self) -> None:
        """Ends the waiting poll with what there is, and the webhook's task."""
        self._closing = True
        if self._poll:
            self._poll.end(None)
        await self._stop_delivery()


async def _push(http: httpx.AsyncClient, url: str, update: Update) -> str | None:
    """None if the webhook took it, or what getWebhookInfo is to say."""
    try:
        response = await http.post(url, content=msgspec.json.encode(update))
    except httpx.TimeoutException:
        return "Read timeout expired"
    except httpx.HTTPError:
        return "Connection refused"
    if response.is_success:
        return None
    return f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}"


def _refuse_bad_webhook(webhook: Webhook) -> None:
    """Plain http only to this machine, as a Bot API server in local mode allows it."""
    parts = urlsplit(webhook.url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if len(webhook.secret_token) > _LONGEST_SECRET:
        raise bad_request("secret token is too long")
    if not _SECRET.fullmatch(webhook.secret_token):
        raise bad_request("secret token contains unallowed characters")


def is_loopback(host: str) -> bool:
    """Whether the name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
