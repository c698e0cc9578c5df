"""The doors of both interfaces: whose address may ask how often, which token and origin is let in."""

from types import SimpleNamespace

import msgspec
import pytest

from backend.api import build_app
from backend.api.problems import sentence_of
from backend.core.announce import announcing
from backend.core.db.engine import fetch
from backend.core.errors import Refused
from backend.core.live import Listener
from backend.people.model import SessionKind
from backend.registry.importing import import_path
from miniprogram_api.routes import ROUTES
from tests.integration.test_mp_api import SAMPLE, bearer, client_of, house, raise_fire, settings_for

__all__ = ["house"]


async def test_codes_can_t_be_tried_without_end(house: SimpleNamespace) -> None:
    answers = [await house.client.post("/mp/v1/session", json={"code": f"guess{n}"}) for n in range(12)]
    assert answers[0].status_code == 400
    assert answers[-1].status_code == 429


async def test_a_cookie_alone_changes_nothing(house: SimpleNamespace) -> None:
    await raise_fire()
    headers = await bearer("wang")
    alarm = (await house.client.get("/mp/v1/alarms", headers=headers)).json()[0]["alarm"]
    cookie = {"Cookie": f"fenghuo_phone={headers['Authorization'].removeprefix('Bearer ')}"}
    path = f"/mp/v1/alarms/{alarm}/acknowledgement"
    assert (await house.client.get("/mp/v1/me", headers=cookie)).status_code == 200
    assert (await house.client.post(path, headers=cookie)).status_code == 403
    foreign = {**cookie, "X-Fenghuo": "1", "Sec-Fetch-Site": "cross-site"}
    assert (await house.client.post(path, headers=foreign)).status_code == 403
    elsewhere = {**cookie, "X-Fenghuo": "1", "Origin": "http://evil.example"}
    assert (await house.client.post(path, headers=elsewhere)).status_code == 403
    own = {**cookie, "X-Fenghuo": "1", "Sec-Fetch-Site": "same-origin"}
    assert (await house.client.post(path, headers=own)).status_code == 200


async def test_the_operator_s_api_takes_api_tokens_only_and_shows_stamps(house: SimpleNamespace) -> None:
    await raise_fire()
    phone, api = await bearer("qian"), await bearer("qian", SessionKind.API)
    assert (await house.client.get("/api/v1/units", headers=phone)).status_code == 403
    units = (await house.client.get("/api/v1/units", headers=api)).json()
    assert [unit["code"] for unit in units] == ["FH001"]
    tree = (await house.client.get(f"/api/v1/units/{units[0]['id']}", headers=api)).json()
    assert len(tree["devices"]) == 2
    [alarm] = (await house.client.get("/api/v1/alarms", headers=api)).json()
    notices = (await house.client.get(f"/api/v1/alarms/{alarm['id']}/notices", headers=api)).json()
    assert {"app", "telegram"} <= {each["channel"] for each in notices}
    assert all(each["t0"] and each["clause"] for each in notices)


async def test_an_unidentified_device_is_adopted_over_the_api(house: SimpleNamespace) -> None:
    await raise_fire("aabbccddeeff")
    api = await bearer("qian", SessionKind.API)
    [device] = (await house.client.get("/api/v1/devices/unidentified", headers=api)).json()
    body = {"unit": "FH001", "building": "B1", "name": "新传输装置"}
    adopted = await house.client.post(f"/api/v1/devices/{device['id']}/adoption", headers=api, json=body)
    assert adopted.status_code == 200, adopted.text
    assert (await house.client.get("/api/v1/devices/unidentified", headers=api)).json() == []
    (row,) = await fetch("select facts from ledger where kind = 'action'")
    facts = msgspec.json.decode(row["facts"])
    assert (facts["actor"], facts["what"], facts["address"]) == ("qian", "device.adopted", "aabbccddeeff")


async def test_health_names_the_parts_and_metrics_and_schema_answer(house: SimpleNamespace) -> None:
    assert (await house.client.get("/health/live")).json() == {"live": True}
    ready = await house.client.get("/health/ready")
    assert ready.json() == {"ready": True, "database": "ok", "redis": "ok"}
    assert "fenghuo_http_requests_total" in (await house.client.get("/metrics")).text
    paths = (await house.client.get("/schema")).json()["paths"]
    assert {"/mp/v1/session", "/api/v1/alarms"} <= set(paths)


async def test_the_description_names_the_refusals_where_they_happen(house: SimpleNamespace) -> None:
    document = (await house.client.get("/schema/openapi.json")).json()
    paths = document["paths"]
    every = {"400", "401", "403", "404", "409", "429"}
    for base in ("/api/v1", "/mp/v1"):
        assert every <= set(paths[f"{base}/masks"]["post"]["responses"])
        assert set(paths[f"{base}/masks"]["get"]["responses"]) == {"200", "400", "401", "403", "429"}
        assert "409" not in paths[f"{base}/work-orders/{{order_id}}"]["get"]["responses"]
    assert "429" not in paths["/mp/v1/alarms/{alarm_id}/acknowledgement"]["post"]["responses"]
    assert set(paths["/mp/v1/session"]["post"]["responses"]) == {"201", "400", "401", "429"}
    refusal = paths["/api/v1/masks"]["post"]["responses"]["409"]["content"]["application/problem+json"]
    answer = await house.client.get("/mp/v1/me")
    assert set(document["components"]["schemas"][refusal["schema"]["$ref"].split("/")[-1]]["required"]) <= set(
        answer.json()
    )


async def test_a_foreign_host_name_is_refused_whatever_x_forwarded_host_says(house: SimpleNamespace) -> None:
    foreign = await house.client.get("/mp/v1/me", headers={"Host": "evil.example"})
    dressed = await house.client.get("/mp/v1/me", headers={"Host": "evil.example", "X-Forwarded-Host": "localhost"})
    broken = await house.client.get("/mp/v1/me", headers={"Host": "[::1"})
    assert foreign.status_code == dressed.status_code == broken.status_code == 404
    assert (await house.client.get("/health/live", headers={"Host": "evil.example"})).status_code == 200


@pytest.mark.usefixtures("database")
async def test_an_address_that_asks_too_often_waits_and_health_never_does(redis_url: str) -> None:
    settings = settings_for(redis_url, requests_per_minute=5)
    app = build_app(settings, routes=ROUTES, listener=Listener(redis_url))
    async with client_of(app) as client:
        answers = [await client.get("/mp/v1/me", headers={"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(7)]
        assert [answer.status_code for answer in answers[:5]] == [401] * 5
        assert answers[-1].status_code == 429
        assert answers[-1].headers["content-type"] == "application/problem+json"
        assert (await client.get("/health/live")).status_code == 200


@pytest.mark.usefixtures("database")
async def test_people_behind_one_address_don_t_slow_each_other_and_a_made_up_token_gains_nothing(
    redis_url: str,
) -> None:
    await import_path(SAMPLE)
    wang, li = await bearer("wang"), await bearer("li")
    app = build_app(settings_for(redis_url, requests_per_minute=5), routes=ROUTES, listener=Listener(redis_url))
    async with client_of(app) as client:
        mine = [(await client.get("/mp/v1/me", headers=wang)).status_code for _ in range(8)]
        assert (mine.count(200), mine[-1]) == (6, 429)  # the first was the address's: the token was not yet proven
        assert (await client.get("/mp/v1/me", headers=li)).status_code == 200
        made_up = [
            (await client.get("/mp/v1/me", headers={"Authorization": f"Bearer {n}"})).status_code for n in range(5)
        ]
        assert made_up[-1] == 429
        assert (await client.get("/mp/v1/me", headers=li)).status_code == 200


async def test_an_acknowledgement_is_never_told_to_wait(database: str, redis_url: str) -> None:
    assert database
    await import_path(SAMPLE)
    await raise_fire()
    wang = await bearer("wang")
    app = build_app(settings_for(redis_url, requests_per_minute=3), routes=ROUTES, listener=Listener(redis_url))
    async with announcing(redis_url), client_of(app) as client:
        alarm = (await client.get("/mp/v1/alarms", headers=wang)).json()[0]["alarm"]
        while (await client.get("/mp/v1/me", headers=wang)).status_code != 429:
            pass
        path = f"/mp/v1/alarms/{alarm}/acknowledgement"
        answers = [(await client.post(path, headers=wang)).status_code for _ in range(10)]
        assert answers == [200] * 10


@pytest.mark.usefixtures("database")
async def test_behind_a_trusted_proxy_the_address_it_saw_is_limited_and_not_what_the_caller_wrote(
    redis_url: str,
) -> None:
    settings = settings_for(redis_url, requests_per_minute=2, trusted_proxies=("127.0.0.0/8",))
    app = build_app(settings, routes=ROUTES, listener=Listener(redis_url))
    async with client_of(app) as client:

        async def ask(forwarded: str) -> int:
            answer = await client.get("/mp/v1/me", headers={"X-Forwarded-For": forwarded})
            return answer.status_code

        assert [await ask(f"10.9.9.{n}, 203.0.113.1") for n in range(4)] == [401, 401, 429, 429]
        assert await ask("203.0.113.2, 127.0.0.9") == 401


def test_a_refusal_with_braces_in_it_is_told_as_it_is() -> None:
    assert sentence_of(Refused("坏的 {x}", y=1), "zh_CN") == "坏的 {x}"
