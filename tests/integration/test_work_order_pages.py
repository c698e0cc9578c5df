"""Work orders over HTTP: phone pages, the desk's pages, the phone's interface and the operator's."""

import re
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from uuid import UUID

import pytest

from backend.core.db.engine import fetch
from backend.core.ids import new_id
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import open_session
from tests.integration.test_pages import cookie, house, raise_fire

__all__ = ["house"]
JSON = {"X-Fenghuo": "1", "Sec-Fetch-Site": "same-origin"}
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 10
API = "/mp/v1/work-orders"


async def reported(house: SimpleNamespace, headers: dict[str, str]) -> str:
    await raise_fire()
    (alarm,) = await fetch("select id from alarms order by number desc limit 1")
    answer = await house.client.post(API, json={"alarm": str(alarm["id"])}, headers={**headers, **JSON})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def act(
    house: SimpleNamespace, headers: dict[str, str], order: str, name: str, **more: object
) -> SimpleNamespace:
    answer = await house.client.post(f"{API}/{order}/acts", json={"act": name, **more}, headers={**headers, **JSON})
    return SimpleNamespace(**{**answer.json(), "status": answer.status_code})


async def test_an_order_goes_its_way_by_the_phones_buttons(house: SimpleNamespace) -> None:
    boss, zhao = await cookie("wang"), await cookie("zhao")
    order = await reported(house, boss)
    (alarm,) = await fetch("select about from work_orders")
    page = (await house.client.get(f"/m/alarms/{alarm['about']}", headers=boss)).text
    assert f'href="/m/orders/{order}"' in page
    assert "data-order-new" not in page
    listed = (await house.client.get("/m/orders", headers=zhao)).text
    assert f"/m/orders/{order}" in listed
    page = (await house.client.get(f"/m/orders/{order}", headers=zhao)).text
    assert 'data-order-act="accept"' in page
    assert 'data-order-act="verify"' not in page
    assert f'href="/m/alarms/{alarm["about"]}"' in page
    assert (await act(house, zhao, order, "accept")).sentence == "工单 1：已接单"
    assert (await act(house, zhao, order, "arrive", where={"latitude": 31.2, "longitude": 121.5})).state == "on_site"
    early = await act(house, zhao, order, "finish")
    assert (early.status, early.code) == (400, "incomplete")
    files = {"data": ("现场.png", PNG, "image/png")}
    sent = await house.client.post(f"{API}/{order}/evidence", files=files, headers={**zhao, **JSON})
    assert sent.status_code == 200, sent.text
    assert (await act(house, zhao, order, "expect_test")).status == 200
    assert "请触发测试，等待信号…" in (await house.client.get(f"/m/orders/{order}", headers=zhao)).text
    await raise_fire()
    assert (await act(house, zhao, order, "finish", note="已更换")).state == "done"
    page = (await house.client.get(f"/m/orders/{order}", headers=boss)).text
    assert "测试信号已收到" in page
    assert 'data-order-act="verify"' in page
    (piece,) = (await house.client.get(f"{API}/{order}", headers=boss)).json()["evidence"]
    picture = await house.client.get(f"{API}/{order}/evidence/{piece['id']}", headers=boss)
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    assert (await act(house, zhao, order, "verify")).status == 403
    assert (await act(house, boss, order, "verify")).state == "verified"


async def test_one_of_several_who_were_asked_declines_by_the_pages_button(
    house: SimpleNamespace, add_person: Callable[..., Awaitable[UUID]]
) -> None:
    boss, zhao = await cookie("wang"), await cookie("zhao")
    (unit,) = await fetch("select g.unit from grants g join people p on p.id = g.person where p.code = 'zhao'")
    await add_person("lu", "陆维保", "maintainer", unit["unit"], app="lu")
    order = await reported(house, boss)
    page = (await house.client.get(f"/m/orders/{order}", headers=zhao)).text
    (button,) = re.findall(r'data-order-act="(\w+)"[^>]*>拒单<', page)
    done = await act(house, zhao, order, button, reason="在外地")
    assert (done.status, done.state) == (200, "dispatched")
    lu = await cookie("lu")
    (button,) = re.findall(
        r'data-order-act="(\w+)"[^>]*>拒单<', (await house.client.get(f"/m/orders/{order}", headers=lu)).text
    )
    assert (await act(house, lu, order, button, reason="也在外地")).state == "declined"


async def test_an_order_says_that_an_inspection_led_to_it(house: SimpleNamespace) -> None:
    boss = await cookie("wang")
    assert '<option value="inspection">巡查</option>' in (await house.client.get("/m/orders", headers=boss)).text
    (unit,) = await fetch("select id from units")
    body = {"unit": str(unit["id"]), "what": "灭火器压力不足", "origin": "inspection"}
    opened = await house.client.post(API, json=body, headers={**boss, **JSON})
    assert opened.status_code == 200, opened.text
    assert "巡查" in (await house.client.get(f"/m/orders/{opened.json()['id']}", headers=boss)).text
    refused = await house.client.post(API, json={**body, "origin": "alarm"}, headers={**boss, **JSON})
    assert refused.status_code == 400


@pytest.mark.parametrize(
    "octets", [b"", b"MZ\x90 program", b"<script>alert(1)</script>", b"\x89PNG\r\n\x1a\n" * 2_000_000]
)
async def test_a_file_that_is_no_evidence_is_refused_with_a_sentence(house: SimpleNamespace, octets: bytes) -> None:
    boss, zhao = await cookie("wang"), await cookie("zhao")
    order = await reported(house, boss)
    files = {"data": ("x.png", octets, "image/png")}
    answer = await house.client.post(f"{API}/{order}/evidence", files=files, headers={**zhao, **JSON})
    assert answer.status_code in {400, 413}, answer.text
    assert await fetch("select id from evidence where about is not null") == []


async def test_the_desk_sees_every_units_orders_and_a_person_of_a_unit_is_not_let_in(house: SimpleNamespace) -> None:
    boss, desk = await cookie("wang"), await cookie("qian", SessionKind.CONSOLE)
    order = await reported(house, boss)
    assert f"/orders/{order}" in (await house.client.get("/orders", headers=desk)).text
    page = (await house.client.get(f"/orders/{order}", headers=desk)).text
    assert 'data-order-act="reassign"' in page
    own = await cookie("wang", SessionKind.CONSOLE)
    assert (await house.client.get("/orders", headers=own)).status_code == 403
    assert (await house.client.get(f"/m/orders/{new_id()}", headers=boss)).status_code == 404


async def test_programs_open_and_move_orders_with_a_token_and_nobody_without(house: SimpleNamespace) -> None:
    qian = await person_by_code("qian")
    token = {"Authorization": f"Bearer {await open_session(qian.id, SessionKind.API, 'test')}"}
    (unit,) = await fetch("select id from units")
    body = {"unit": str(unit["id"]), "what": "泵房漏水", "severity": "fault", "needs": []}
    made = await house.client.post("/api/v1/work-orders", json=body, headers=token)
    assert made.status_code == 200, made.text
    order = UUID(made.json()["id"])
    view = (await house.client.get(f"/api/v1/work-orders/{order}", headers=token)).json()
    assert view["story"][0]["kind"] == "opened"
    assert view["story"][0]["via"] == "接口"
    bad = await house.client.post("/api/v1/work-orders", json={**body, "surprise": 1}, headers=token)
    assert bad.status_code == 400
    wrong = await house.client.post(f"/api/v1/work-orders/{order}/acts", json={"act": "step_aside"}, headers=token)
    assert wrong.status_code == 400
    assert (await house.client.get("/api/v1/work-orders")).status_code == 401
    assert (await house.client.get("/api/v1/work-orders", headers=await cookie("qian"))).status_code in {401, 403}


async def test_what_people_wrote_never_becomes_markup(house: SimpleNamespace) -> None:
    boss = await cookie("wang")
    (unit,) = await fetch("select id from units")
    body = {"unit": str(unit["id"]), "what": "<script>x</script>{name}", "where": "<b>1</b>"}
    made = await house.client.post(API, json=body, headers={**boss, **JSON})
    for path in ("/m/orders", f"/m/orders/{made.json()['id']}"):
        page = (await house.client.get(path, headers=boss)).text
        assert "<script>x" not in page
        assert "&lt;script&gt;x" in page


async def test_the_interface_describes_itself(house: SimpleNamespace) -> None:
    paths = (await house.client.get("/schema/openapi.json")).json()["paths"]
    for base in ("/api/v1/work-orders", API):
        assert {"get", "post"} <= set(paths[base])
        assert "multipart/form-data" in paths[base + "/{order_id}/evidence"]["post"]["requestBody"]["content"]


async def test_what_a_phone_without_network_sends_twice_is_there_once(house: SimpleNamespace) -> None:
    boss, zhao = await cookie("wang"), await cookie("zhao")
    (unit,) = await fetch("select id from units")
    body = {"key": str(new_id()), "unit": str(unit["id"]), "what": "泵房漏水"}
    first, again = [await house.client.post(API, json=body, headers={**boss, **JSON}) for _ in range(2)]
    assert (first.status_code, again.json()["number"]) == (200, first.json()["number"])
    order = first.json()["id"]
    await act(house, zhao, order, "accept")
    note, parts, photo = ({"key": str(new_id())} for _ in range(3))
    for _ in range(2):
        files = {"data": ("现场.png", PNG, "image/png")}
        sent = [
            await house.client.post(f"{API}/{order}/notes", json={"note": "在地下", **note}, headers={**zhao, **JSON}),
            await house.client.post(
                f"{API}/{order}/parts", json={"parts": [{"name": "密封"}], **parts}, headers={**zhao, **JSON}
            ),
            await house.client.post(f"{API}/{order}/evidence", params=photo, files=files, headers={**zhao, **JSON}),
        ]
        assert [each.status_code for each in sent] == [200, 200, 200], [each.text for each in sent]
    view = (await house.client.get(f"{API}/{order}", headers=boss)).json()
    kinds = [line["kind"] for line in view["story"]]
    assert [kinds.count(each) for each in ("note", "parts", "evidence")] == [1, 1, 1]
    assert len(view["evidence"]) == 1
    other = (await house.client.post(API, json={**body, "key": str(new_id())}, headers={**boss, **JSON})).json()
    moved = await house.client.post(f"{API}/{other['id']}/notes", json={"note": "x", **note}, headers={**zhao, **JSON})
    assert moved.status_code == 404, "a key is of one order"
    files = {"data": ("另一张.png", PNG + b"!", "image/png")}
    changed = await house.client.post(f"{API}/{order}/evidence", params=photo, files=files, headers={**zhao, **JSON})
    assert changed.status_code == 409, "and of one file"


async def test_a_key_never_becomes_the_id_of_something_that_is_there(house: SimpleNamespace) -> None:
    boss = await cookie("wang")
    order = await reported(house, boss)
    (alarm,) = await fetch("select about as id, unit from work_orders")
    for taken in (str(alarm["id"]), order):
        body = {"key": taken, "unit": str(alarm["unit"]), "what": "泵房漏水"}
        opened = await house.client.post(API, json=body, headers={**boss, **JSON})
        assert opened.status_code == 200
        assert opened.json()["id"] not in {taken, order}
    cards = await fetch("select cards::text as cards from notices where alarm = $1", alarm["id"])
    assert cards
    assert not any("泵房漏水" in row["cards"] for row in cards)
    by_another = {"key": order, "unit": str(alarm["unit"]), "what": "另一件事"}
    answer = await house.client.post(API, json=by_another, headers={**await cookie("li"), **JSON})
    assert answer.json()["number"] == 4


async def test_an_act_sent_twice_is_done_once_whatever_became_of_the_order_meanwhile(house: SimpleNamespace) -> None:
    boss, zhao = await cookie("wang"), await cookie("zhao")
    (unit,) = await fetch("select id from units")
    body = {"unit": str(unit["id"]), "what": "泵房漏水", "needs": []}
    order = (await house.client.post(API, json=body, headers={**boss, **JSON})).json()["id"]
    await act(house, zhao, order, "accept")
    await act(house, zhao, order, "arrive")
    finished = {"key": str(new_id()), "note": "已修好"}
    assert (await act(house, zhao, order, "finish", **finished)).state == "done"
    assert (await act(house, boss, order, "send_back", reason="还在漏")).state == "sent_back"
    await act(house, zhao, order, "arrive")
    again = await act(house, zhao, order, "finish", **finished)  # its answer had been lost on the way
    assert (again.status, again.state) == (200, "on_site"), "nobody says that it is done"
    waits = {"key": str(new_id()), "wait_reason": "parts"}
    goes_on = {"key": str(new_id())}
    for _ in range(2):
        assert (await act(house, zhao, order, "wait", **waits)).status == 200
        assert (await act(house, zhao, order, "resume", **goes_on)).state == "on_site"
    kinds = [row["kind"] for row in await fetch("select kind from work_order_entries")]
    assert [kinds.count(each) for each in ("finish", "wait", "resume")] == [1, 1, 1]
