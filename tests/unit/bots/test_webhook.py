"""The webhook's door: the secret first, then the body; stored, answered, handled."""

from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from backend.core.ids import AlarmId
from backend.core.settings import Secret
from backend.delivery.model import Verb
from bots.telegram.presses import Press
from bots.telegram.updates import HOOK_PATH, Hearing
from bots.telegram.webhook import SECRET_HEADER, is_from_telegram, webhook_route

ALARM = AlarmId(UUID("019a0000-0000-7000-8000-000000000001"))
SECRET = Secret("s3cret_token")


class ListInbox:
    def __init__(self) -> None:
        self.stored: dict[int, dict[str, Any]] = {}
        self.handled: list[int] = []
        self.is_away = False

    async def store(self, update_id: int, body: dict[str, Any]) -> bool:
        if self.is_away:
            raise ConnectionRefusedError
        return self.stored.setdefault(update_id, body) is body

    async def mark_handled(self, *update_ids: int) -> None:
        self.handled += update_ids

    async def waiting(self, _: object) -> list[dict[str, Any]]:
        return []

    async def forget(self) -> None:
        pass


@pytest.fixture
def inbox() -> ListInbox:
    return ListInbox()


def client(phone: Any, inbox: ListInbox, secret: Secret = SECRET) -> AsyncTestClient[Litestar]:
    hearing = Hearing(phone.bot, phone.dispatcher, inbox)
    return AsyncTestClient(Litestar([webhook_route(secret, hearing)], openapi_config=None))


def tap(update_id: int, phone: Any) -> dict[str, Any]:
    data = Press(verb=Verb.ACKNOWLEDGE, alarm=ALARM).pack()
    query = {"id": "1", "from": phone.user(phone.WANG), "chat_instance": "1", "data": data}
    return {"update_id": update_id, "callback_query": query}


async def test_an_update_with_the_secret_is_stored_and_handled(phone: Any, inbox: ListInbox) -> None:
    async with client(phone, inbox) as http:
        response = await http.post(HOOK_PATH, json=tap(5, phone), headers={SECRET_HEADER: SECRET.value})
    assert response.status_code == 200
    assert inbox.handled == [5]
    assert [each.name for each in phone.house.known] == ["王经理"]


async def test_repeated_and_out_of_order_updates_are_answered_and_handled_once(phone: Any, inbox: ListInbox) -> None:
    async with client(phone, inbox) as http:
        for update_id in (7, 5, 7, 5, 6):
            response = await http.post(HOOK_PATH, json=tap(update_id, phone), headers={SECRET_HEADER: SECRET.value})
            assert response.status_code == 200
    assert inbox.handled == [7, 5, 6]


@pytest.mark.parametrize("header", [None, "", "wrong", "s3cret_toke", "密"])
async def test_without_the_secret_nothing_is_read_or_stored(phone: Any, inbox: ListInbox, header: str | None) -> None:
    headers = {} if header is None else {SECRET_HEADER: header.encode()}
    async with client(phone, inbox) as http:
        response = await http.post(HOOK_PATH, content=b"{not even json", headers=headers)
    assert response.status_code == 401
    assert inbox.stored == {}


async def test_without_a_configured_secret_everybody_is_refused(phone: Any, inbox: ListInbox) -> None:
    async with client(phone, inbox, Secret()) as http:
        for headers in ({}, {SECRET_HEADER: ""}, {SECRET_HEADER: "x"}):
            response = await http.post(HOOK_PATH, json=tap(5, phone), headers=headers)
            assert response.status_code == 401
    assert inbox.stored == {}
    assert not is_from_telegram(Secret(), "")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
async def test_a_body_that_is_no_update_is_refused(phone: Any, inbox: ListInbox, body: bytes) -> None:
    async with client(phone, inbox) as http:
        response = await http.post(HOOK_PATH, content=body, headers={SECRET_HEADER: SECRET.value})
    assert response.status_code == 400


async def test_an_update_that_could_not_be_stored_is_not_answered_200(phone: Any, inbox: ListInbox) -> None:
    inbox.is_away = True
    async with client(phone, inbox) as http:
        response = await http.post(HOOK_PATH, json=tap(5, phone), headers={SECRET_HEADER: SECRET.value})
    assert response.status_code == 500
    inbox.is_away = False
    async with client(phone, inbox) as http:
        await http.post(HOOK_PATH, json=tap(5, phone), headers={SECRET_HEADER: SECRET.value})
    assert inbox.handled == [5]
