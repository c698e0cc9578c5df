"""What a phone sends again because its answer was lost is there once: masks, drills, and lines of the duty log."""

import asyncio
from types import SimpleNamespace
from typing import Any

from backend.core.db.engine import fetch
from backend.core.ids import new_id
from tests.integration.test_mask_pages import JSON, detector
from tests.integration.test_pages import cookie, house

__all__ = ["house"]


async def twice(house: SimpleNamespace, path: str, body: dict[str, Any], code: str = "wang") -> list[dict[str, Any]]:
    headers = {**await cookie(code), **JSON}
    sent = await asyncio.gather(*(house.client.post(path, json=body, headers=headers) for _ in range(2)))
    sent.append(await house.client.post(path, json=body, headers=headers))
    assert [each.status_code for each in sent] == [200, 200, 200], [each.text for each in sent]
    return [each.json() for each in sent]


async def count(table: str) -> int:
    (row,) = await fetch(f"select count(*) as n from {table}")
    return int(row["n"])


async def test_a_mask_that_is_asked_for_with_the_same_key_is_one_mask(house: SimpleNamespace) -> None:
    body = {"key": str(new_id()), "scope": await detector(), "reason": "更换探测器", "lasts_minutes": 240}
    answers = await twice(house, "/mp/v1/masks", body)
    assert len({each["number"] for each in answers}) == 1
    assert await count("masks") == 1
    assert len(await fetch("select 1 from ledger where kind = 'action' and facts like '%mask.asked%'")) == 1
    another = await twice(house, "/mp/v1/masks", body, "qian")
    assert {each["number"] for each in another}.isdisjoint({each["number"] for each in answers})


async def test_an_extension_that_is_sent_twice_makes_one_new_mask_and_no_refusal(house: SimpleNamespace) -> None:
    phone = {**await cookie("wang"), **JSON}
    (device,) = await fetch("select id from devices order by address limit 1")
    scope = {"kind": "device", "device": str(device["id"])}
    asked = await house.client.post(
        "/mp/v1/masks", json={"scope": scope, "reason": "施工", "lasts_minutes": 60}, headers=phone
    )
    mask = asked.json()["id"]
    if asked.json()["state"] == "asked":
        approved = await house.client.post(f"/mp/v1/masks/{mask}/approval", headers={**await cookie("qian"), **JSON})
        assert approved.status_code == 200, approved.text
    body = {"key": str(new_id()), "reason": "尚未完工", "lasts_minutes": 120}
    answers = await twice(house, f"/mp/v1/masks/{mask}/extension", body)
    assert len({each["id"] for each in answers}) == 1
    assert await count("masks") == 2


async def test_a_drill_that_is_arranged_with_the_same_key_is_one_drill(house: SimpleNamespace) -> None:
    (unit,) = await fetch("select id from units")
    body = {
        "key": str(new_id()),
        "scope": {"kind": "unit", "unit": str(unit["id"])},
        "kind": "drill",
        "reason": "季度演练",
        "lasts_minutes": 60,
    }
    answers = await twice(house, "/mp/v1/windows", body)
    assert len({each["number"] for each in answers}) == 1
    assert await count("test_windows") == 1


async def test_a_line_of_the_duty_log_with_the_same_key_is_written_once(house: SimpleNamespace) -> None:
    (unit,) = await fetch("select id from units")
    body = {"key": str(new_id()), "unit": str(unit["id"]), "text": "消防泵已试运行"}
    answers = await twice(house, "/mp/v1/duty-log", body, "li")
    assert {each["sentence"] for each in answers} == {"已记入值班日志"}
    assert await count("duty_log") == 1
    assert len(await fetch("select 1 from ledger where kind = 'action' and facts like '%duty.logged%'")) == 1
    await twice(house, "/mp/v1/duty-log", {**body, "key": str(new_id())}, "li")
    assert await count("duty_log") == 2
