"""Every page there is, opened by who may see it: it answers, fits its screen, and its scripts complain of nothing."""

from types import SimpleNamespace

import pytest

from backend.core.db.engine import execute, fetch
from tests.e2e.town import PHONE, Town, assert_it_fits, browser, town

__all__ = ["browser", "town"]
DESK = {"width": 1300, "height": 900}
DESK_PAGES = (
    "/", "/?which=recent", "/facilities", "/contacts", "/masks", "/links", "/deadlines", "/reach", "/orders",
    "/complaints", "/handover", "/duty-checks", "/status", "/demo",
)  # fmt: skip
PHONE_PAGES = (
    "/m", "/m?which=recent", "/m/facilities", "/m/contacts", "/m/masks", "/m/links", "/m/reach", "/m/orders",
    "/m/complaints", "/m/duty", "/m/status",
)  # fmt: skip


@pytest.mark.parametrize(("look", "paths"), [(DESK, DESK_PAGES), (PHONE, PHONE_PAGES)], ids=["desk", "phone"])
async def test_every_page_opens_fits_and_complains_of_nothing(
    town: Town, browser: SimpleNamespace, look: dict[str, int], paths: tuple[str, ...]
) -> None:
    await execute(
        """insert into grants (id, person, role, unit, granted_at)
           select gen_random_uuid(), id, 'complaint_handler', null, now() from people where code = 'qian'"""
    )
    await town.fire()
    (alarm,) = await fetch("select id from alarms")
    page = await browser.page(f"{town.address}{paths[0]}", viewport=look)
    for path in (*paths, f"/alarms/{alarm['id']}" if look is DESK else f"/m/alarms/{alarm['id']}"):
        answer = await page.goto(f"{town.address}{path}", wait_until="load")
        assert answer is not None
        assert answer.status == 200, path
        await page.wait_for_timeout(100)  # scripts are modules: they run after the document
        await assert_it_fits(page, f"every{path.replace('/', '-').replace('?', '-')}-{look['width']}")
        assert browser.complaints == [], path
