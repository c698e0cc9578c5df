"""The webhook channel against a receiver that checks for itself; and Apprise, whose address is never told."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.errors import BadSettings
from backend.core.ids import AlarmId, AttemptId, NoticeId, PersonId, new_id
from backend.core.settings import Apprise as AppriseSettings
from backend.core.settings import Secret, Settings, Webhook
from backend.core.vocabulary import Channel, Severity
from backend.delivery.model import Card, Delivery, Fact, Refusal
from backend.main import build_channels
from workers.channels import apprise as apprise_module
from workers.channels.apprise import AppriseChannel, words_of
from workers.channels.webhook import WebhookChannel, is_public, retry_after

SECRET = "a shared secret"
OPEN = Webhook(secret=Secret(SECRET), plain_http=True, private_networks=True)


class Receiver:
    """Another company's system: reads HTTP, checks the signature by its own means, answers what it is told."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.is_silent = False
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.held: list[asyncio.StreamWriter] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append((head[0], headers, body))
        if self.is_silent:
            self.held.append(writer)
            return
        writer.write(self.answer)
        await writer.drain()
        writer.close()

    def says(self, status: str, *headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", "Content-Length: 0", "Connection: close", *headers, "", ""]
        self.answer = "\r\n".join(lines).encode()


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[int]:
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for each in receiver.held:
            each.close()


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    one = Receiver()
    async with listening(one) as port:
        yield one, f"http://127.0.0.1:{port}/alarms?token=hush"


@asynccontextmanager
async def channel(settings: Webhook = OPEN, timeout_s: float = 2.0) -> AsyncIterator[WebhookChannel]:
    one = WebhookChannel(settings, timeout_s)
    await one.open()
    try:
        yield one
    finally:
        await one.close()


def a_delivery(address: str) -> Delivery:
    card = Card(
        alarm=AlarmId(new_id()),
        number=12,
        severity=Severity.FIRE,
        icon="🔥",
        headline="火警",
        status="报警中",
        is_active=True,
        where="2号楼 5层 走廊",
        what="点型光电感烟火灾探测器 · 火警",
        unit="示范大厦",
        facts=(Fact("接收时间", "2026-11-25 14:03:22"),),
        raised_at=datetime(2026, 11, 25, 6, 3, 22, tzinfo=UTC),
    )
    return Delivery(
        attempt=AttemptId(new_id()), notice=NoticeId(new_id()), person=PersonId(new_id()), address=address, card=card
    )


async def refusal(sending: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await sending
    return caught.value


async def test_an_independent_receiver_can_prove_who_sent_the_card(receiver: tuple[Receiver, str]) -> None:
    other, url = receiver
    delivery = a_delivery(url)
    async with channel() as webhook:
        receipt = await webhook.send(delivery)
    assert receipt.surface == {"status": 200}
    ((line, headers, body),) = other.got
    assert line == "POST /alarms?token=hush HTTP/1.1"
    timestamp = headers["x-fenghuo-timestamp"]
    assert abs(int(timestamp) - clock.now().timestamp()) < 30
    mac = hmac.new(SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["x-fenghuo-signature"] == f"sha256={mac}"
    assert headers["idempotency-key"] == str(delivery.attempt)
    card = msgspec.json.decode(body)
    assert (card["severity"], card["where"], card["unit"], card["kind"]) == (
        "fire",
        "2号楼 5层 走廊",
        "示范大厦",
        "raised",
    )
    assert card["facts"] == [{"label": "接收时间", "value": "2026-11-25 14:03:22"}]
    assert card["raised_at"] == "2026-11-25T06:03:22Z"


@pytest.mark.parametrize(
    ("status", "headers", "facts"),  # permanent, contact_is_dead, retry_after
    [
        ("410 Gone", (), (True, True, None)),
        ("400 Bad Request", (), (True, False, None)),
        ("404 Not Found", (), (True, False, None)),
        ("302 Found", ("Location: http://127.0.0.1:1/",), (True, False, None)),
        ("408 Timeout", (), (False, False, None)),
        ("429 Slow", ("Retry-After: 7",), (False, False, 7.0)),
        ("503 Away", ("Retry-After: 99999",), (False, False, 600.0)),
        ("500 Oops", ("Retry-After: soon",), (False, False, None)),
    ],
)
async def test_each_status_has_its_meaning(
    receiver: tuple[Receiver, str], status: str, headers: tuple[str, ...], facts: tuple[bool, bool, float | None]
) -> None:
    other, url = receiver
    other.says(status, *headers)
    async with channel() as webhook:
        found = await refusal(webhook.send(a_delivery(url)))
    assert (found.permanent, found.contact_is_dead, found.retry_after) == facts
    assert found.reason == f"webhook: answered {status[:3]}"
    assert len(other.got) == 1  # a redirect is not followed


async def test_a_receiver_that_says_nothing_or_nonsense_is_tried_again(receiver: tuple[Receiver, str]) -> None:
    other, url = receiver
    other.is_silent = True
    async with channel(timeout_s=0.2) as webhook:
        assert not (await refusal(webhook.send(a_delivery(url)))).permanent
    other.is_silent, other.answer = False, b"no http\r\n\r\n"
    async with channel() as webhook:
        assert not (await refusal(webhook.send(a_delivery(url)))).permanent
        assert not (await refusal(webhook.send(a_delivery("http://127.0.0.1:1/")))).permanent


async def test_an_endless_answer_is_not_read(receiver: tuple[Receiver, str]) -> None:
    other, url = receiver
    other.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 100_000
    async with channel() as webhook:
        assert (await webhook.send(a_delivery(url))).surface == {"status": 200}


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://hooks.example/", "is not https"),
        ("https://127.0.0.1/", "is not public"),
        ("https://2130706433/", "is not public"),  # the same machine, written as one number
        ("https://localhost/", "is not public"),
        ("https://[::1]/", "is not public"),
        ("https://[::ffff:10.0.0.1]/", "is not public"),
        ("https://169.254.169.254/latest/meta-data", "is not public"),
        ("https://user:pass@hooks.example/", "is no web address"),
        ("ftp://hooks.example/", "is no web address"),
        ("https://[bad/", "is no web address"),
        ("https://a..b/", "is no web address"),
        ("hooks.example", "is no web address"),
    ],
)
async def test_only_public_https_addresses_are_spoken_to(address: str, why: str) -> None:
    async with channel(Webhook(secret=Secret(SECRET))) as webhook:
        found = await refusal(webhook.send(a_delivery(address)))
    assert (found.permanent, found.contact_is_dead) == (True, True)
    assert found.reason == f"webhook: the address {why}"


@pytest.mark.parametrize(
    ("address", "verdict"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("::ffff:127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("nonsense", False),
    ],
)
def test_what_is_public(address: str, verdict: bool) -> None:
    assert is_public(address) is verdict


def test_a_retry_after_may_be_a_date() -> None:
    with clock.use(StillClock(datetime(2026, 11, 25, 12, 0, tzinfo=UTC))):
        assert retry_after("Wed, 25 Nov 2026 12:00:09 GMT") == 9.0
        assert retry_after("Wed, 25 Nov 2026 11:00:00 GMT") == 0.0


async def test_apprise_carries_a_card_to_whatever_it_reaches(receiver: tuple[Receiver, str]) -> None:
    pytest.importorskip("apprise")
    other, url = receiver
    apprise = AppriseChannel(timeout_s=5)
    try:
        await apprise.send(a_delivery(url.replace("http://", "json://")))
    finally:
        await apprise.close()
    ((_, _, body),) = other.got
    said = msgspec.json.decode(body)
    assert said["title"] == "🔥 火警 · 报警中"
    assert said["message"].splitlines()[:3] == ["2号楼 5层 走廊", "点型光电感烟火灾探测器 · 火警", "示范大厦"]


async def test_apprise_tells_what_failed_and_never_the_address(
    receiver: tuple[Receiver, str], caplog: pytest.LogCaptureFixture
) -> None:
    other, url = receiver
    with caplog.at_level(logging.DEBUG):
        apprise = AppriseChannel(timeout_s=0.5)
        try:
            other.says("500 Oops")
            found = [await refusal(apprise.send(a_delivery(url.replace("http://", "json://"))))]
            other.is_silent = True
            found.append(await refusal(apprise.send(a_delivery(url.replace("http://", "json://") + "&rto=1"))))
            found.append(await refusal(apprise.send(a_delivery("nosuch://hush"))))
            found.append(await refusal(apprise.send(a_delivery("syslog://hush"))))
        finally:
            await apprise.close()
    assert [(each.permanent, each.contact_is_dead) for each in found] == [(False, False)] * 2 + [(True, True)] * 2
    assert "hush" not in caplog.text + "".join(each.reason for each in found)


async def test_services_that_hang_leave_the_others_their_threads_and_no_more(receiver: tuple[Receiver, str]) -> None:
    other, url = receiver
    other.is_silent = True
    address = url.replace("http://", "json://") + "&rto=1&cto=1"
    apprise = AppriseChannel(timeout_s=0.3)
    try:
        found = await asyncio.gather(*(refusal(apprise.send(a_delivery(address))) for _ in range(17)))
    finally:
        await apprise.close()
    assert [each.retry_after for each in found] == [None] * 16 + [1.0]
    assert not any(each.permanent for each in found)


def test_without_its_package_apprise_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(apprise_module.importlib, "import_module", missing)
    with pytest.raises(BadSettings, match=r"pip install fenghuo\[apprise\]"):
        AppriseChannel(timeout_s=1)


def test_the_settings_decide_which_ways_there_are() -> None:
    assert Channel.WEBHOOK not in build_channels(Settings())
    assert Channel.APPRISE not in build_channels(Settings())
    built = build_channels(Settings(webhook=OPEN, apprise=AppriseSettings(enabled=True)))
    assert {Channel.WEBHOOK, Channel.APPRISE} <= set(built)


def test_a_cards_words_leave_nothing_empty() -> None:
    title, body = words_of(a_delivery("x").card)
    assert title
    assert "" not in body.split("\n")
