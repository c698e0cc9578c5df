"""Complaints over HTTP: the phone's pages, the provider's queue, both interfaces; each through the same doors."""

from types import SimpleNamespace
from typing import Any

import pytest

from backend.core.db.engine import fetch
from backend.core.vocabulary import Role
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import add_person, grant, open_session
from tests.integration.test_pages import cookie, house

__all__ = ["house"]
JSON = {"X-Fenghuo": "1", "Sec-Fetch-Site": "same-origin"}
DESK = {**JSON, "X-Fenghuo": "desk"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
async def handler(house: SimpleNamespace) -> dict[str, str]:
    """李受理, a complaint handler, at her desk."""
    assert house
    await grant(await add_person("shou", "李受理", "", "zh_CN"), Role.COMPLAINT_HANDLER, None)
    return {**await cookie("shou", SessionKind.CONSOLE), **DESK}


async def units() -> str:
    (row,) = await fetch("select id from units")
    return str(row["id"])


async def filed(house: SimpleNamespace, headers: dict[str, str], **more: Any) -> dict[str, Any]:
    body = {"unit": await units(), "kind": "other", "text": "值班室电话打不通"} | more
    answer = await house.client.post("/mp/v1/complaints", json=body, headers={**headers, **JSON})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.clause("5.5")
async def test_filed_on_a_phone_answered_at_the_desk_rated_and_opened_again(
    house: SimpleNamespace, handler: dict[str, str]
) -> None:
    phone = await cookie("wang")
    assert "提交投诉或反馈" in (await house.client.get("/m/complaints", headers=phone)).text
    kept = await house.client.post(
        "/mp/v1/complaints/evidence?name=屏幕.png",
        content=PNG,
        headers={**phone, **JSON, "Content-Type": "application/octet-stream"},
    )
    assert kept.status_code == 201, kept.text
    one = await filed(house, phone, evidence=[kept.json()["id"]])
    assert one["sentence"].startswith(f"已受理，编号 {one['number']}。")
    way = f"/mp/v1/complaints/{one['id']}"
    queue = (await house.client.get("/complaints", headers=handler)).text
    assert one["number"] in queue
    assert "提交投诉或反馈" not in queue
    page = (await house.client.get(f"/complaints/{one['id']}", headers=handler)).text
    assert 'data-complaint-act="settlement"' in page
    assert "seat=desk" in page
    picture = await house.client.get(f"{way}/evidence/{kept.json()['id']}", headers=handler)
    assert (picture.content, picture.headers["x-content-type-options"]) == (PNG, "nosniff")
    for act, body, state in (
        ("notes", {"text": "内部看"}, "assigned"),
        ("replies", {"text": "正在检查"}, "answered"),
        ("settlement", {"text": "好了", "is_justified": True}, ""),
        (
            "settlement",
            {"text": "已增加专线", "is_justified": True, "cause": "response", "improvement": "增加专线"},
            "settled",
        ),
    ):
        answer = await house.client.post(f"{way}/{act}", json=body, headers=handler)
        assert (answer.status_code, answer.json().get("state", "")) == (200 if state else 400, state), answer.text
    own = (await house.client.get(f"/m/complaints/{one['id']}", headers=phone)).text
    assert "正在检查" in own
    assert "内部看" not in own
    assert 'data-complaint-act="rating"' in own
    assert 'data-complaint-act="settlement"' not in own
    headers = {**phone, **JSON}
    rated = await house.client.post(f"{way}/rating", json={"rating": 4, "reason": "还行"}, headers=headers)
    assert rated.json()["state"] == "rated"
    again = await house.client.post(f"{way}/reopening", json={"text": "又打不通"}, headers=headers)
    assert again.json()["state"] == "assigned"
    month = (await house.client.get("/complaints", headers=handler)).text
    assert "平均满意度" in month
    assert "响应或到场慢 1" in month
    table = await house.client.get("/mp/v1/complaints/export.csv", headers=handler)
    assert table.headers["content-type"].startswith("text/csv")
    assert one["number"] in table.text


async def test_pages_and_interfaces_show_nobody_what_is_not_theirs(
    house: SimpleNamespace, handler: dict[str, str]
) -> None:
    one = await filed(house, await cookie("wang"))
    await add_person("zhu", "朱某", "", "zh_CN")
    stranger = await cookie("zhu")
    operator = await cookie("qian", SessionKind.CONSOLE)
    for path in (f"/m/complaints/{one['id']}", f"/mp/v1/complaints/{one['id']}"):
        assert (await house.client.get(path, headers=stranger)).status_code == 404
    assert (await house.client.get("/complaints", headers=operator)).status_code == 403
    assert (await house.client.get(f"/mp/v1/complaints/{one['id']}", headers={**operator, **DESK})).status_code == 404
    assert (await house.client.get("/mp/v1/complaints", headers=stranger)).json() == []
    assert (await house.client.get("/mp/v1/complaints/figures", headers=stranger)).status_code == 403
    unsafe = await house.client.post(f"/mp/v1/complaints/{one['id']}/taking", headers={**handler, "X-Fenghuo": ""})
    assert unsafe.status_code in {401, 403}
    desk = await house.client.get("/", headers=handler)
    assert desk.status_code == 200  # their desk has no alarms of others
    assert "示范大厦" not in desk.text


async def test_programs_answer_with_a_token_and_what_people_wrote_stays_text(house: SimpleNamespace) -> None:
    await grant(await add_person("shou", "李受理", "", "zh_CN"), Role.COMPLAINT_HANDLER, None)
    phone = await cookie("wang")
    one = await filed(house, phone, text="<script>alert(1)</script>")
    assert "<script>alert" not in (await house.client.get(f"/m/complaints/{one['id']}", headers=phone)).text
    handler = await person_by_code("shou")
    token = {"Authorization": f"Bearer {await open_session(handler.id, SessionKind.API, 'test')}"}
    (line,) = (await house.client.get("/api/v1/complaints", headers=token)).json()
    assert (line["number"], line["may_reply"], line["reply"]["is_missed"]) == (one["number"], True, False)
    way = f"/api/v1/complaints/{one['id']}"
    assert (await house.client.post(f"{way}/replies", json={"text": "收到"}, headers=token)).json()[
        "state"
    ] == "answered"
    story = (await house.client.get(way, headers=token)).json()
    assert [each["kind"] for each in story["entries"]] == ["filed", "assigned", "taken", "reply"]
    assert story["entries"][-1]["via"] == "接口"
    figures = (await house.client.get("/api/v1/complaints/figures", headers=token)).json()
    assert (figures["filed"], figures["replies_in_time"]) == (1, 1)
    bad = await house.client.post(f"{way}/rating", json={"rating": 9, "reason": "x"}, headers=token)
    assert bad.status_code == 400
    owner = await house.client.post(f"{way}/rating", json={"rating": 5, "reason": "x"}, headers=token)
    assert owner.status_code == 403
    assert (await house.client.get("/api/v1/complaints", headers=phone)).status_code == 401


async def test_a_piece_that_is_anothers_is_not_taken(house: SimpleNamespace, handler: dict[str, str]) -> None:
    kept = await house.client.post(
        "/mp/v1/complaints/evidence", content=PNG, headers={**handler, "Content-Type": "application/octet-stream"}
    )
    body = {"unit": await units(), "kind": "other", "text": "x", "evidence": [kept.json()["id"]]}
    answer = await house.client.post("/mp/v1/complaints", json=body, headers={**await cookie("wang"), **JSON})
    assert answer.status_code == 404
    assert await fetch("select from complaints") == []
    nothing = await house.client.post(
        "/mp/v1/complaints/evidence", content=b"MZ", headers={**handler, "Content-Type": "application/octet-stream"}
    )
    assert nothing.status_code == 400
