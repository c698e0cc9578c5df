"""The photo and the voice note of a false alarm are seen again on its page, by who may see the alarm alone."""

from types import SimpleNamespace

import pytest

from backend.alarms.model import NoSuchAlarm
from backend.alarms.service import judge
from backend.alarms.showing import piece_for
from backend.core.db.engine import fetch
from backend.core.ids import AlarmId, new_id
from backend.core.vocabulary import Verdict, Via
from backend.evidence.model import MediaKind
from backend.evidence.service import keep
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import open_session
from tests.integration.test_duty import outsider
from tests.integration.test_pages import cookie, house, raise_fire

__all__ = ["house"]
PNG = b"\x89PNG\r\n\x1a\n" + b"<script>alert(1)</script>"


async def test_a_photo_of_a_false_alarm_is_seen_on_its_page_and_by_programs(house: SimpleNamespace) -> None:
    await raise_fire()
    (row,) = await fetch("select id from alarms order by number desc limit 1")
    alarm, wang = AlarmId(row["id"]), await person_by_code("wang")
    piece = await keep(wang, MediaKind.PHOTO, '"><script>x', PNG)
    await judge(wang, alarm, Verdict.FALSE, Via.TELEGRAM, "水汽", [piece])
    boss = await cookie("wang")
    page = (await house.client.get(f"/m/alarms/{alarm}", headers=boss)).text
    way = f"/mp/v1/alarms/{alarm}/evidence/{piece}"
    assert f'src="{way}?seat=phone"' in page
    assert "<script>x" not in page
    picture = await house.client.get(way, headers=boss)
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    assert picture.headers["x-content-type-options"] == "nosniff"
    assert (await house.client.get(f"/mp/v1/alarms/{alarm}/evidence/{new_id()}", headers=boss)).status_code == 404
    assert (await house.client.get(f"/mp/v1/alarms/{new_id()}/evidence/{piece}", headers=boss)).status_code == 404
    token = await open_session(wang.id, SessionKind.API, "test")
    program = {"Authorization": f"Bearer {token}"}
    (told,) = (await house.client.get(f"/api/v1/alarms/{alarm}/evidence", headers=program)).json()
    assert (told["id"], len(told["sha256"])) == (str(piece), 64)
    again = await house.client.get(f"/api/v1/alarms/{alarm}/evidence/{piece}", headers=program)
    assert again.content == PNG


async def test_who_may_not_see_the_alarm_sees_no_photo_of_it(house: SimpleNamespace) -> None:
    await raise_fire()
    (row,) = await fetch("select id from alarms order by number desc limit 1")
    alarm, wang = AlarmId(row["id"]), await person_by_code("wang")
    piece = await keep(wang, MediaKind.PHOTO, "a.png", PNG)
    await judge(wang, alarm, Verdict.FALSE, Via.TELEGRAM, "水汽", [piece])
    assert (await house.client.get(f"/mp/v1/alarms/{alarm}/evidence/{piece}")).status_code == 401
    with pytest.raises(NoSuchAlarm):
        await piece_for(await outsider(), alarm, piece)
