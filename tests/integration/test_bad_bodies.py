"""Bodies of the order, complaint, duty and mask interfaces with each field spoiled: refused, never broken."""

from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from backend.api import build_app
from backend.core.announce import announcing
from backend.core.db.engine import fetch
from backend.core.ids import new_id
from backend.core.live import Listener
from backend.core.settings import Database, Http, RedisSection, Secret, Settings
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import open_session
from backend.registry.importing import import_path
from tests.integration.test_duty import outsider
from tests.integration.test_pages import PHONE_API, SAMPLE, client_of, raise_fire

BAD: tuple[Any, ...] = (
    None,
    "",
    " ",
    "\0",
    "a\0b",
    "\u202e" * 3,
    "字" * 5000,
    -1,
    0,
    2**31,
    2**63,
    2**70,
    1e308,
    True,
    [],
    {},
    [None],
    ["x"] * 400,
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "2026-11-26T00:00:00",
    "00000000-0000-0000-0000-000000000000",
    str(new_id()),
)


@pytest.fixture
async def house(database: str, redis_url: str) -> AsyncIterator[SimpleNamespace]:
    """The interfaces, to somebody who may ask without end."""
    assert database
    await import_path(SAMPLE)
    settings = Settings(
        database=Database(url=Secret("unused")),
        redis=RedisSection(url=Secret(redis_url)),
        http=Http(requests_per_minute=100_000),
    )
    app = build_app(settings, routes=PHONE_API, listener=Listener(redis_url))
    async with announcing(redis_url), client_of(app) as client:
        yield SimpleNamespace(client=client)


def spoiled(body: Any) -> Iterator[Any]:
    """The body with each of its parts replaced, one after the other."""
    if isinstance(body, dict):
        for name, value in body.items():
            for each in spoiled(value):
                yield {**body, name: each}
            yield {each: body[each] for each in body if each != name}
        yield {**body, "surprise": 1}
    elif isinstance(body, list) and body:
        for each in spoiled(body[0]):
            yield [each]
    yield from BAD


async def token(code: str) -> dict[str, str]:
    who = await person_by_code(code)
    return {"Authorization": f"Bearer {await open_session(who.id, SessionKind.API, 'test')}"}


async def posted(house: SimpleNamespace, path: str, body: dict[str, Any], headers: dict[str, str]) -> str:
    answer = await house.client.post(f"/api/v1/{path}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def bodies(house: SimpleNamespace) -> dict[str, Any]:
    """A whole body for each path."""
    await raise_fire()
    (unit,) = await fetch("select id from units")
    (alarm,) = await fetch("select id from alarms limit 1")
    (device,) = await fetch("select id from devices where address = '790300000000'")
    wang, wire = (
        await token("wang"),
        {
            "device": str(device["id"]),
            "system_type": 1,
            "system_address": 1,
            "component_address": "65000000",
        },
    )
    order = {
        "key": str(new_id()),
        "unit": str(unit["id"]),
        "what": "漏水",
        "where": "泵房",
        "severity": "fault",
        "since_at": "2026-11-26T00:00:00Z",
        "needs": ["photo"],
        "device": str(device["id"]),
        "component": wire,
        "to": [str((await person_by_code("zhao")).id)],
    }
    made = await posted(house, "work-orders", order, wang)
    zhao = await token("zhao")
    await house.client.post(f"/api/v1/work-orders/{made}/acts", json={"act": "accept"}, headers=zhao)
    filing = {"unit": str(unit["id"]), "kind": "alarm", "text": "电话打不通", "about": str(alarm["id"])}
    filed = await posted(house, "complaints", filing, wang)
    handover = await posted(house, "handovers", {"unit": str(unit["id"])}, wang)
    where = {"latitude": 31.2, "longitude": 121.5, "accuracy_m": 5.5}
    scope = {"kind": "component", **wire}
    return {
        "work-orders": order,
        f"work-orders/{made}/acts": {
            "act": "wait",
            "reason": "缺件",
            "wait_reason": "parts",
            "to": [str(new_id())],
            "note": "x",
            "where": where,
            "revision": 99,
        },
        f"work-orders/{made}/location": where,
        f"work-orders/{made}/parts": {"key": str(new_id()), "parts": [{"name": "密封", "quantity": 1}]},
        f"work-orders/{made}/notes": {"key": str(new_id()), "note": "x"},
        "complaints": {**filing, "about_person": str(new_id()), "about_words": "某人", "evidence": [str(new_id())]},
        f"complaints/{filed}/answers": {"text": "x", "evidence": [str(new_id())]},
        f"complaints/{filed}/withdrawal": {"text": "x"},
        f"complaints/{filed}/rating": {"rating": 5, "reason": "x"},
        f"complaints/{filed}/reopening": {"text": "x", "evidence": [str(new_id())]},
        f"complaints/{filed}/orders": {"text": "x"},
        f"complaints/{filed}/transfer": {"to": str(new_id()), "text": "x"},
        f"complaints/{filed}/notes": {"text": "x", "evidence": []},
        f"complaints/{filed}/replies": {"text": "x", "evidence": []},
        f"complaints/{filed}/questions": {"text": "x", "evidence": []},
        f"complaints/{filed}/settlement": {"text": "x", "is_justified": True, "cause": "response", "improvement": "x"},
        f"complaints/handlers/{new_id()}/kinds": {"kinds": ["order"]},
        "handovers": {"unit": str(unit["id"])},
        f"handovers/{handover}/notes": {"notes": "x", "incoming": str(new_id())},
        f"handovers/{handover}/taking": {"sha256": "0" * 64},
        f"handovers/{handover}/refusal": {"why": "x"},
        "duty-checks": {"unit": str(unit["id"]), "minutes": 5, "question": "在吗"},
        "masks": {"scope": scope, "reason": "检修", "lasts_minutes": 60, "until_repaired": True},
        f"masks/{new_id()}/refusal": {"why": "x"},
        f"masks/{new_id()}/lifting": {"why": "x"},
        f"masks/{new_id()}/extension": {"reason": "x", "lasts_minutes": 60},
        "windows": {
            "scope": {"kind": "unit", "unit": str(unit["id"])},
            "kind": "drill",
            "reason": "演练",
            "lasts_minutes": 60,
            "starts_in_minutes": 10,
            "people": [str(new_id())],
        },
    }


@pytest.mark.parametrize("room", ["work-orders", "complaints", "handovers", "duty-checks", "masks", "windows"])
async def test_no_spoiled_field_breaks_the_interface(house: SimpleNamespace, room: str) -> None:
    broken: list[str] = []
    who = {code: await token(code) for code in ("wang", "zhao")}
    for path, body in (await bodies(house)).items():
        if not path.startswith(room):
            continue
        for each in spoiled(body):
            octets = msgspec.json.encode(each)
            for code, headers in who.items():
                answer = await house.client.post(
                    f"/api/v1/{path}", content=octets, headers={**headers, "Content-Type": "application/json"}
                )
                if answer.status_code >= 500 or (answer.status_code == 429 and room != "complaints"):
                    broken.append(f"{code} {path} {str(each)[:160]} -> {answer.status_code}")
                elif answer.status_code >= 400 and not answer.json().get("detail"):
                    broken.append(f"{code} {path} {str(each)[:160]} -> says nothing")
    assert broken == []


async def test_whoever_is_of_another_unit_finds_nothing_of_this_one_by_its_ids(house: SimpleNamespace) -> None:
    asked = await bodies(house)
    await outsider()
    headers = await token("outsider")
    ledger = await fetch("select count(*) as n from ledger")
    answers = {
        path: await house.client.post(f"/api/v1/{path}", json=body, headers=headers) for path, body in asked.items()
    }
    wrong = {path: answer.text for path, answer in answers.items() if answer.status_code != 404}
    assert wrong == {}
    assert await fetch("select count(*) as n from ledger") == ledger
    for path in {path.partition("/")[0] for path in asked}:
        listed = await house.client.get(f"/api/v1/{path}", headers=headers)
        assert listed.json() == [], path
