"""Masks over HTTP: the pages, the phone's interface and the operator's, each through the same doors."""

from types import SimpleNamespace

from backend.core.db.engine import fetch
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import open_session
from tests.integration.test_pages import cookie, house, raise_fire

__all__ = ["house"]
JSON = {"X-Fenghuo": "1", "Sec-Fetch-Site": "same-origin"}


async def detector() -> dict[str, object]:
    (row,) = await fetch(
        """select c.device, c.system_type, c.system_address, c.component_address from components c
           join devices d on d.id = c.device where d.address = '790300000000' and c.component_address = '65000000'
             and c.quantity is null"""
    )
    return {"kind": "component", **row, "device": str(row["device"])}


async def ask(house: SimpleNamespace, headers: dict[str, str], **more: object) -> dict[str, object]:
    body = {"scope": await detector(), "reason": "更换探测器", "lasts_minutes": 240, **more}
    answer = await house.client.post("/mp/v1/masks", json=body, headers={**headers, **JSON})
    assert answer.status_code == 200, answer.text
    told: dict[str, object] = answer.json()
    return told


async def test_a_fire_points_mask_is_asked_for_on_the_phone_and_approved_at_the_desk(house: SimpleNamespace) -> None:
    phone, desk = await cookie("wang"), await cookie("qian", SessionKind.CONSOLE)
    mask = await ask(house, phone)
    assert (mask["state"], mask["sentence"]) == ("asked", "屏蔽 #1：待批准")
    page = (await house.client.get("/m", headers=phone)).text
    assert "更换探测器" in page
    assert 'data-mask-act="approval"' not in page
    assert 'data-mask-act="approval"' in (await house.client.get("/masks", headers=desk)).text
    own = await house.client.post(f"/mp/v1/masks/{mask['id']}/approval", headers={**phone, **JSON})
    assert (own.status_code, own.json()["code"]) == (403, "same_person")
    approved = await house.client.post(
        f"/mp/v1/masks/{mask['id']}/approval", headers={**desk, **JSON, "X-Fenghuo": "desk"}
    )
    assert approved.json()["state"] == "active"
    await raise_fire()
    masked = await house.client.get("/mp/v1/alarms?which=masked", headers=phone)
    assert [card["banner"] for card in masked.json()] == ["屏蔽"]
    assert "升级为真实" in (await house.client.get(f"/m/alarms/{masked.json()[0]['alarm']}", headers=phone)).text
    assert 'data-inside="yes"' in (await house.client.get("/?which=masked", headers=desk)).text
    device = (await detector())["device"]
    facility = (await house.client.get(f"/m/facilities/{device}", headers=phone)).text
    assert "屏蔽至" in facility
    assert "更换探测器" in facility


async def test_a_facilitys_page_leads_to_the_form_for_its_component(house: SimpleNamespace) -> None:
    phone, at = await cookie("wang"), await detector()
    facility = (await house.client.get(f"/m/facilities/{at['device']}", headers=phone)).text
    way = f"/m/masks?device={at['device']}&amp;system=1.1&amp;component=65000000"
    assert way in facility
    form = await house.client.get(way.replace("&amp;", "&"), headers=phone)
    assert "这是火灾报警点" in form.text
    assert "感烟探测器" in form.text


async def test_an_address_that_makes_no_sense_is_a_page_too(house: SimpleNamespace) -> None:
    device, phone = (await detector())["device"], await cookie("wang")
    for query in ("device=x", "system=1.1", f"device={device}&system=1", f"device={device}&component=65000000"):
        answer = await house.client.get(f"/m/masks?{query}", headers=phone)
        assert answer.status_code in {200, 400, 404}


async def test_a_drill_is_arranged_and_ended_and_an_alarm_in_it_called_real(house: SimpleNamespace) -> None:
    phone = await cookie("wang")
    (unit,) = await fetch("select id from units")
    body = {
        "scope": {"kind": "unit", "unit": str(unit["id"])},
        "kind": "drill",
        "reason": "季度演练",
        "lasts_minutes": 120,
    }
    drill = (await house.client.post("/mp/v1/windows", json=body, headers={**phone, **JSON})).json()
    assert drill["state"] == "open"
    await raise_fire()
    (card,) = (await house.client.get("/mp/v1/alarms", headers=phone)).json()
    assert card["banner"] == "演练"
    assert "【演练】" in (await house.client.get("/m/masks", headers=phone)).text
    real = await house.client.post(f"/mp/v1/alarms/{card['alarm']}/reality", headers={**phone, **JSON})
    assert real.json()["sentence"] == "已升级为真实报警，正在通知所有人"
    (card,) = (await house.client.get("/mp/v1/alarms", headers=phone)).json()
    assert "banner" not in card
    ended = await house.client.post(f"/mp/v1/windows/{drill['id']}/end", headers={**phone, **JSON})
    assert ended.json()["state"] == "ended"


async def test_programs_read_and_lift_masks_with_a_token(house: SimpleNamespace) -> None:
    mask = await ask(house, await cookie("wang"))
    operator = await person_by_code("qian")
    token = {"Authorization": f"Bearer {await open_session(operator.id, SessionKind.API, 'test')}"}
    (line,) = (await house.client.get("/api/v1/masks", headers=token)).json()
    assert (line["id"], line["state"], line["is_fire"], line["may_approve"]) == (mask["id"], "asked", True, True)
    refused = await house.client.post(f"/api/v1/masks/{mask['id']}/refusal", json={"why": "今晚有演出"}, headers=token)
    assert refused.json()["state"] == "refused"
    assert (await house.client.get("/api/v1/masks", headers=token)).json() == []
    assert len((await house.client.get("/api/v1/masks?which=ended", headers=token)).json()) == 1
    bad = {"scope": await detector(), "reason": "x", "lasts_minutes": 60 * 25}
    answer = await house.client.post("/api/v1/masks", json=bad, headers=token)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")
