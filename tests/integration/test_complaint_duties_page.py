"""The provider says on a page which complaint handler takes which kinds (5.5)."""

from types import SimpleNamespace

import pytest

from backend.core.db.engine import fetch
from backend.core.vocabulary import Role
from backend.people.model import SessionKind
from backend.people.service import add_person, grant
from tests.integration.test_complaint_pages import DESK, filed
from tests.integration.test_pages import cookie, house

__all__ = ["house"]


@pytest.mark.clause("5.5")
async def test_an_administrator_gives_a_kind_to_a_handler_and_the_next_complaint_goes_there(
    house: SimpleNamespace,
) -> None:
    other = await add_person("shouli", "李受理", "", "zh_CN")
    await grant(other, Role.COMPLAINT_HANDLER, None)
    admin = {**await cookie("sun", SessionKind.CONSOLE), **DESK}
    assert 'href="/complaint-duties"' in (await house.client.get("/complaints", headers=admin)).text
    page = (await house.client.get("/complaint-duties", headers=admin)).text
    assert f'data-duties="{other}"' in page
    assert "周受理" in page
    assert "checked" not in page
    path = f"/mp/v1/complaints/handlers/{other}/kinds"
    answer = await house.client.post(path, json={"kinds": ["other"]}, headers=admin)
    assert answer.status_code < 300, answer.text
    page = (await house.client.get("/complaint-duties", headers=admin)).text
    assert page.count("checked") == 1
    await filed(house, await cookie("wang"))
    (row,) = await fetch("select p.name from complaints c join people p on p.id = c.assignee")
    assert row["name"] == "李受理"


async def test_who_only_handles_complaints_neither_sees_nor_sets_who_is_for_what(house: SimpleNamespace) -> None:
    handler = {**await cookie("shou", SessionKind.CONSOLE), **DESK}
    assert "/complaint-duties" not in (await house.client.get("/complaints", headers=handler)).text
    assert (await house.client.get("/complaint-duties", headers=handler)).status_code in {403, 404}
    (row,) = await fetch("select id from people where code = 'shou'")
    refused = await house.client.post(
        f"/mp/v1/complaints/handlers/{row['id']}/kinds", json={"kinds": ["other"]}, headers=handler
    )
    assert refused.status_code in {403, 404}
    assert await fetch("select 1 from complaint_duties") == []
