"""People's acts stand in the ledger: codes, tokens, sign-ins, chats; who, what, and never a secret."""

import argparse
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from backend.api import build_app
from backend.commands import add_token, new_code, revoke_token
from backend.console.routes import ROUTES as PAGES
from backend.core.db.engine import fetch
from backend.core.errors import NotFound
from backend.core.ids import PersonId
from backend.core.live import Listener
from backend.core.settings import Database, RedisSection, Secret, Settings
from backend.core.vocabulary import Channel
from backend.people import service as people
from bots.telegram.house import the_house
from miniprogram_api.routes import ROUTES as PHONE_API

SETTINGS = Settings()


async def acts() -> list[dict[str, Any]]:
    rows = await fetch("select facts from ledger where kind = 'action' order by seq")
    return [msgspec.json.decode(row["facts"]) for row in rows]


def application(redis_url: str) -> httpx.AsyncClient:
    settings = Settings(database=Database(url=Secret("unused")), redis=RedisSection(url=Secret(redis_url)))
    routes: list[Any] = [*PAGES, *PHONE_API]
    app: Any = build_app(settings, routes=routes, listener=Listener(redis_url))
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def test_the_command_lines_codes_and_tokens_are_recorded_without_their_secrets(unit: dict[str, UUID]) -> None:
    assert unit
    made = await new_code(SETTINGS, argparse.Namespace(code="wang", purpose="telegram"))
    token = await add_token(SETTINGS, argparse.Namespace(person="wang", label="报表"))
    await revoke_token(SETTINGS, argparse.Namespace(person=token, label=""))
    for ended in (token, "mistyped"):
        with pytest.raises(NotFound):
            await revoke_token(SETTINGS, argparse.Namespace(person=ended, label=""))
    assert await acts() == [
        {"actor": "command line", "what": "code.made", "person": "wang", "purpose": "telegram"},
        {"actor": "command line", "what": "token.added", "person": "wang", "label": "报表"},
        {"actor": "command line", "what": "token.revoked", "person": "wang", "kind": "api", "label": "报表"},
    ]
    written = str(await acts())
    assert token not in written
    assert made.removeprefix("/start ") not in written


async def test_linking_and_unlinking_a_chat_are_the_persons_own_acts(unit: dict[str, UUID]) -> None:
    house = the_house()
    code = await people.new_code(PersonId(unit["manager"]), "telegram")
    await house.link_chat(code, Channel.TELEGRAM, "77", "1001")
    for _ in range(2):
        await house.unlink_chat(Channel.TELEGRAM, "77")
    assert await acts() == [
        {"actor": "wang", "what": "chat.linked", "channel": "telegram", "account": "77", "chat": "1001"},
        {"actor": "wang", "what": "chat.unlinked", "channel": "telegram", "account": "77"},
    ]


@pytest.mark.parametrize("way", ["/mp/v1/session", "/m/enter"])
async def test_a_phone_that_signs_in_is_recorded_once(unit: dict[str, UUID], redis_url: str, way: str) -> None:
    code = await people.new_code(PersonId(unit["manager"]), "phone")
    body: dict[str, Any] = {"json": {"code": code}} if way.startswith("/mp") else {"data": {"code": code}}
    async with application(redis_url) as client:
        for _ in range(2):
            await client.post(way, headers={"User-Agent": "WeChat"}, **body)
    (act,) = await acts()
    assert (act["actor"], act["what"], act["kind"], act["label"]) == ("wang", "session.opened", "phone", "WeChat")
    assert code not in str(act)


async def test_a_unit_managers_try_at_the_duty_desk_is_recorded_as_refused(
    unit: dict[str, UUID], redis_url: str
) -> None:
    code = await people.new_code(PersonId(unit["manager"]), "phone")
    async with application(redis_url) as client:
        answer = await client.post("/enter", data={"code": code})
    assert "set-cookie" not in answer.headers
    assert [(act["actor"], act["what"], act["kind"]) for act in await acts()] == [
        ("wang", "session.refused", "console")
    ]
    assert await fetch("select id from sessions") == []
    assert await fetch("select id from one_time_codes where used_at is null") == []
