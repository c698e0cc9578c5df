"""Who is for which complaints, set at the duty desk in a real browser."""

from types import SimpleNamespace

from playwright.async_api import expect

from backend.core.db.engine import execute, fetch
from tests.e2e.town import Town, assert_it_fits, browser, town

__all__ = ["browser", "town"]


async def test_a_kind_is_ticked_saved_and_still_ticked_after_a_reload(town: Town, browser: SimpleNamespace) -> None:
    await execute(
        """insert into grants (id, person, role, unit, granted_at)
           select gen_random_uuid(), id, 'administrator', null, now() from people where code = 'qian'"""
    )
    page = await browser.page(f"{town.address}/", viewport={"width": 1300, "height": 900})
    await page.goto(f"{town.address}/complaint-duties")
    await expect(page.get_by_text("负责全部类别", exact=True)).to_be_visible()
    await page.get_by_label("工单投诉").check()
    await page.get_by_role("button", name="保存").click()
    await expect(page.locator("#toast")).to_have_text("已保存")
    await assert_it_fits(page, "complaint-duties")
    await page.reload()
    await expect(page.get_by_label("工单投诉")).to_be_checked()
    assert [row["kind"] for row in await fetch("select kind from complaint_duties")] == ["order"]
    assert browser.complaints == []
