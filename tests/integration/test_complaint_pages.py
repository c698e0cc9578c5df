"""Complaints over HTTP: the phone's pages, the provider's queue, both interfaces; each through the same doors."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from backend.console import complaints as pages
from backend.core.db.engine import execute, fetch
from backend.core.ids import UnitId, new_id
from backend.core.live import COMPLAINT, Hint, Listener
from backend.core.vocabulary import Role
from backend.people.model import Right, SessionKind
from backend.people.queries import person_by_code
from backend.people.service import add_person, grant, open_session
from miniprogram_api.stream import Watch
from tests.integration.test_pages import cookie, house, raise_fire

__all__ = ["house"]
JSON = {"X-Fenghuo": "1", "Sec-Fetch-Site": "same-origin"}
DESK = {**JSON, "X-Fenghuo": "desk"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
async def handler(house: SimpleNamespace) -> dict[str, str]:
    """李受理, a complaint handler, at her desk."""
    assert house
    await grant(await add_person("shouli", "李受理", "", "zh_CN"), Role.COMPLAINT_HANDLER, None)
    return {**await cookie("shouli", SessionKind.CONSOLE), **DESK}


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
    await grant(await add_person("shouli", "李受理", "", "zh_CN"), Role.COMPLAINT_HANDLER, None)
    phone = await cookie("wang")
    one = await filed(house, phone, text="<script>alert(1)</script>")
    assert "<script>alert" not in (await house.client.get(f"/m/complaints/{one['id']}", headers=phone)).text
    handler = await person_by_code("shouli")
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


@pytest.mark.clause("5.5")
async def test_pages_lead_from_an_order_to_a_complaint_about_it_and_back(house: SimpleNamespace) -> None:
    phone, li, zhao = await cookie("wang"), await cookie("li"), await cookie("zhao")
    opened = await house.client.post(
        "/mp/v1/work-orders",
        json={"unit": await units(), "what": "水泵<b>异响</b>", "where": "地下1层"},
        headers={**phone, **JSON},
    )
    order = opened.json()["id"]
    page = (await house.client.get(f"/m/orders/{order}", headers=phone)).text
    assert f'href="/m/complaints?order={order}"' in page
    form = (await house.client.get(f"/m/complaints?order={order}", headers=phone)).text
    assert f'<option value="{order}" selected>#1 水泵&lt;b&gt;异响&lt;/b&gt;' in form
    assert '<option value="order" selected>' in form
    one = await filed(house, phone, kind="order", about=order, text="两天没人来")
    page = (await house.client.get(f"/m/orders/{order}", headers=phone)).text
    assert f'<a href="/m/complaints/{one["id"]}">{one["number"]} · ' in page
    story = (await house.client.get(f"/m/complaints/{one['id']}", headers=phone)).text
    assert f'<a href="/m/orders/{order}">#1</a> 水泵&lt;b&gt;异响&lt;/b&gt; · 待接单' in story
    for other in (li, zhao):  # they see the order, and nobody else's complaint
        assert one["number"] not in (await house.client.get(f"/m/orders/{order}", headers=other)).text
        assert (await house.client.get(f"/mp/v1/work-orders/{order}", headers=other)).json()["beside"] == []


@pytest.mark.clause("5.5")
async def test_a_handler_opens_an_order_at_the_desk_and_by_the_interface(
    house: SimpleNamespace, handler: dict[str, str]
) -> None:
    phone = await cookie("wang")
    one = await filed(house, phone)
    way = f"/mp/v1/complaints/{one['id']}/orders"
    assert 'data-complaint-act="orders"' in (await house.client.get(f"/complaints/{one['id']}", headers=handler)).text
    assert (
        'data-complaint-act="orders"' not in (await house.client.get(f"/m/complaints/{one['id']}", headers=phone)).text
    )
    refused = await house.client.post(way, json={"text": "电话线路"}, headers={**phone, **JSON})
    assert refused.status_code == 403
    told = (await house.client.post(way, json={"text": "电话线路"}, headers=handler)).json()
    assert (told["number"], told["sentence"]) == (1, "已开工单 1：待接单")
    page = (await house.client.get(f"/complaints/{one['id']}", headers=handler)).text
    assert "<b>#1</b> 电话线路 · 待接单" in page
    assert (await house.client.get(f"/mp/v1/work-orders/{told['id']}", headers=handler)).status_code == 404
    token = await open_session((await person_by_code("shouli")).id, SessionKind.API, "test")
    bearer = {"Authorization": f"Bearer {token}"}
    again = await house.client.post(f"/api/v1/complaints/{one['id']}/orders", json={"text": "x"}, headers=bearer)
    assert (again.status_code, again.json()["id"], again.json()["sentence"]) == (200, told["id"], "已有工单 1：待接单")
    story = (await house.client.get(f"/api/v1/complaints/{one['id']}", headers=bearer)).json()
    assert [(each["number"], each["may_open"]) for each in story["orders"]] == [(1, False)]


async def test_a_file_with_a_question_and_with_a_reopening_is_kept_by_both_interfaces(
    house: SimpleNamespace, handler: dict[str, str]
) -> None:
    phone = {**await cookie("wang"), **JSON}
    one = await filed(house, phone)
    way = f"/mp/v1/complaints/{one['id']}"

    async def kept(headers: dict[str, str], octets: bytes) -> str:
        named = {**headers, "Content-Type": "application/octet-stream"}
        answer = await house.client.post("/mp/v1/complaints/evidence", content=octets, headers=named)
        return str(answer.json()["id"])

    photo = await kept(handler, PNG)
    asked = await house.client.post(f"{way}/questions", json={"text": "是它吗？", "evidence": [photo]}, headers=handler)
    assert asked.json()["state"] == "waiting"
    assert (await house.client.get(f"{way}/evidence/{photo}", headers=phone)).content == PNG
    settled = {"text": "好了", "is_justified": False}
    assert (await house.client.post(f"{way}/settlement", json=settled, headers=handler)).status_code == 200
    again = {"text": "没好", "evidence": [await kept(phone, PNG + b"2")]}
    assert (await house.client.post(f"{way}/reopening", json=again, headers=phone)).json()["state"] == "assigned"
    story = (await house.client.get(way, headers=handler)).json()["entries"]
    assert [each["kind"] for each in story if each["evidence"]] == ["asked", "reopened"]


async def test_a_program_keeps_a_file_before_it_names_it(house: SimpleNamespace) -> None:
    token = await open_session((await person_by_code("wang")).id, SessionKind.API, "test")
    bearer = {"Authorization": f"Bearer {token}"}
    kept = await house.client.post("/api/v1/complaints/evidence?name=屏幕.png", content=PNG, headers=bearer)
    assert kept.status_code == 201, kept.text
    body = {"unit": await units(), "kind": "other", "text": "见照片", "evidence": [kept.json()["id"]]}
    one = (await house.client.post("/api/v1/complaints", json=body, headers=bearer)).json()
    piece = await house.client.get(f"/api/v1/complaints/{one['id']}/evidence/{kept.json()['id']}", headers=bearer)
    assert piece.content == PNG
    assert (await house.client.post("/api/v1/complaints/evidence", content=b"MZ", headers=bearer)).status_code == 400


async def test_a_round_that_was_opened_again_waits_for_no_stars_and_nothing_is_handed_to_nobody(
    house: SimpleNamespace, handler: dict[str, str]
) -> None:
    phone = await cookie("wang")
    one = await filed(house, phone)
    way = f"/mp/v1/complaints/{one['id']}"
    await house.client.post(f"{way}/settlement", json={"text": "好了", "is_justified": False}, headers=handler)
    assert "待评价" in (await house.client.get(f"/m/complaints/{one['id']}", headers=phone)).text
    again = await house.client.post(f"{way}/reopening", json={"text": "没好"}, headers={**phone, **JSON})
    assert again.status_code == 200, again.text
    page = (await house.client.get(f"/m/complaints/{one['id']}", headers=phone)).text
    assert "待评价" not in page
    assert "未评价" in page
    assert 'data-complaint-act="transfer"' in (await house.client.get(f"/complaints/{one['id']}", headers=handler)).text
    await execute("delete from grants where unit is null and person <> (select id from people where code = 'shouli')")
    page = (await house.client.get(f"/complaints/{one['id']}", headers=handler)).text
    assert 'data-complaint-act="replies"' in page
    assert 'data-complaint-act="transfer"' not in page


async def test_nobody_is_offered_to_take_over_what_is_about_themselves(
    house: SimpleNamespace, handler: dict[str, str]
) -> None:
    about = await add_person("zhengli", "郑受理", "", "zh_CN")
    await grant(about, Role.COMPLAINT_HANDLER, None)
    await grant(await add_person("sunli", "孙受理", "", "zh_CN"), Role.COMPLAINT_HANDLER, None)
    one = await filed(house, await cookie("wang"), kind="person", about_person=str(about))
    page = (await house.client.get(f"/complaints/{one['id']}", headers=handler)).text
    offered = page.partition('<select name="to"')[2].partition("</select>")[0]
    assert "孙受理" in offered
    assert "郑受理" not in offered


async def test_the_form_that_an_old_alarm_opens_is_about_that_alarm_and_of_its_unit(
    house: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_MOST_ALARMS", 0)  # so many newer ones that it is not among them
    await raise_fire()
    other = new_id()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, 'a0', '安居大厦', '', 'Asia/Shanghai', now())""",
        other,
    )
    await grant((await person_by_code("wang")).id, Role.UNIT_MANAGER, UnitId(other))
    (alarm,) = await fetch("select id, number, unit from alarms")
    page = (await house.client.get(f"/m/complaints?alarm={alarm['id']}", headers=await cookie("wang"))).text
    assert f'<option value="{alarm["unit"]}" selected>' in page
    assert f'<option value="{alarm["id"]}" selected>#{alarm["number"]} ' in page
    nobodys = (await house.client.get(f"/m/complaints?alarm={new_id()}", headers=await cookie("wang"))).text
    assert "提交投诉或反馈" in nobodys
    assert "selected>" not in nobodys.partition('name="about"')[2]


async def test_a_handlers_open_page_hears_of_every_complaint_and_of_nothing_else_of_a_unit(
    house: SimpleNamespace, handler: dict[str, str]
) -> None:
    listener = Listener("redis://127.0.0.1:1/0")  # not started: this test speaks in its place
    li, wu = await person_by_code("shouli"), await person_by_code("qian")
    unit = await units()
    for who, hint, is_told in (
        (li, Hint(unit=unit, about=COMPLAINT), True),
        (li, Hint(unit=unit), False),
        (await person_by_code("wang"), Hint(unit=unit, about=COMPLAINT), True),
        (wu, Hint(unit=str(new_id()), about=COMPLAINT), wu.may(Right.SEE, None)),
    ):
        async with Watch(listener, who) as watch:
            # something for their inbox comes with it, so that there is an end to wait for
            listener._spread(msgspec.structs.replace(hint, persons=(str(who.id),)))
            news = await watch.news()
            assert (news.state, news.inbox) == (is_told, True)
