"""Masks and drills in a real browser: asked for on a phone, approved at the desk, and nothing wider than the screen."""

from types import SimpleNamespace

from playwright.async_api import Route, expect

from backend.core.db.engine import fetch
from tests.e2e.town import Town, assert_it_fits, browser, town

__all__ = ["browser", "town"]
DESK = {"width": 1300, "height": 900}


async def test_a_mask_is_asked_for_on_a_phone_and_approved_at_the_desk(town: Town, browser: SimpleNamespace) -> None:
    phone = await browser.page(f"{town.address}/m")
    (at,) = await fetch("""select d.id from devices d where d.address = '790300000000'""")
    await phone.goto(f"{town.address}/m/facilities/{at['id']}?system=1.1")
    await assert_it_fits(phone, "m-facility-mask")
    detector = phone.locator(".component", has_text="感烟探测器 1层大堂")
    await detector.get_by_role("link", name="申请屏蔽").first.click()
    await phone.get_by_label("原因").fill("更换探测器，等待厂家配件到货")
    await assert_it_fits(phone, "m-mask-form")
    await phone.get_by_role("button", name="申请屏蔽").click()
    await expect(phone.locator("[data-part='masks']")).to_contain_text("待批准")
    await expect(phone.locator("#toast")).to_contain_text("待批准")
    await assert_it_fits(phone, "m-masks")
    desk = await browser.page(f"{town.address}/", viewport=DESK)
    await desk.get_by_role("link", name="屏蔽与演练").click()
    await desk.get_by_role("button", name="批准", exact=True).click()
    await expect(desk.locator("[data-part='masks']")).to_contain_text("屏蔽中")
    await expect(phone.locator("[data-part='masks']")).to_contain_text("屏蔽中")
    await desk.get_by_role("button", name="延长").click()
    await desk.get_by_label("说明").fill("配件明天才到")
    await assert_it_fits(desk, "desk-mask-extension")
    await desk.get_by_role("button", name="提交").click()
    await expect(desk.locator("[data-part='masks']")).to_contain_text("配件明天才到")
    await phone.goto(f"{town.address}/m/masks")
    drill = phone.locator("[data-mask-form='windows']")
    await drill.get_by_label("原因").fill("季度疏散演练")
    await drill.get_by_role("button", name="安排").click()
    await expect(phone.locator("[data-part='masks']")).to_contain_text("【演练】")
    await assert_it_fits(phone, "m-masks-drill")
    await desk.reload()
    await assert_it_fits(desk, "desk-masks")
    await town.fire(component="66000000")
    await desk.goto(f"{town.address}/")
    await expect(desk.locator(".desk-line[data-inside]").first).to_contain_text("演练")
    await assert_it_fits(desk, "desk-drill")
    await phone.goto(f"{town.address}/m")
    await assert_it_fits(phone, "m-home-masks")
    assert browser.complaints == []


async def test_a_mask_whose_answer_was_lost_on_the_way_is_not_asked_for_twice(
    town: Town, browser: SimpleNamespace
) -> None:
    phone = await browser.page(f"{town.address}/m")
    await phone.goto(f"{town.address}/m/masks")

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await phone.route("**/mp/v1/masks", lose, times=1)
    form = phone.locator("[data-mask-form='masks']").first
    await form.get_by_label("原因").fill("清洗探测器")
    await form.get_by_role("button", name="申请屏蔽").click()
    await expect(phone.locator("#toast")).to_have_attribute("data-kind", "bad")
    await expect(form.get_by_label("原因")).to_have_value("清洗探测器")
    await expect(form.get_by_role("button", name="申请屏蔽")).to_be_enabled()
    await form.get_by_role("button", name="申请屏蔽").click()
    await expect(form.get_by_label("原因")).to_have_value("")
    assert len(await fetch("select 1 from masks where reason = '清洗探测器'")) == 1
    await form.get_by_label("原因").fill("清洗探测器")
    await form.get_by_role("button", name="申请屏蔽").click()
    await expect(form.get_by_label("原因")).to_have_value("")
    assert len(await fetch("select 1 from masks where reason = '清洗探测器'")) == 2
