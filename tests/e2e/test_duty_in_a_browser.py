"""The status review and duty in a real browser: read, handed over, asked and answered; nothing is too wide."""

from datetime import timedelta
from types import SimpleNamespace

import msgspec
from playwright.async_api import Page, expect

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import new_id
from backend.monitoring.model import LinkSaid, StateSaid
from tests.e2e.town import Town, assert_it_fits, browser, scroll_to, town
from tests.integration.test_facilities import hears, part
from tests.integration.test_status_review import tell_level

__all__ = ["browser", "town"]
DESK = {"width": 1300, "height": 900}


async def measure_a_day() -> None:
    """A tank that empties through a day and is filled again."""
    now = clock.now()
    with clock.use(StillClock(now)) as still:
        for step in range(48):
            still.at = now - timedelta(minutes=30 * (47 - step))
            await tell_level(290 - 2 * step if step < 36 else 240 + 4 * (step - 36))


async def seats(town: Town, browser: SimpleNamespace) -> tuple[Page, Page]:
    """王经理's phone and 钱值班员's PC, signed in."""
    return await browser.page(f"{town.address}/m"), await browser.page(f"{town.address}/", viewport=DESK)


async def test_the_status_page_shows_levels_and_their_day(town: Town, browser: SimpleNamespace) -> None:
    await measure_a_day()
    await hears(StateSaid(subject=part(103, 23), state=0b101))
    await hears(LinkSaid(is_lost=True, silent_since=clock.now()), address="7a0300000000")
    phone, desk = await seats(town, browser)
    await phone.goto(f"{town.address}/m/status")
    await assert_it_fits(phone, "m-status")
    tank = phone.locator("[data-part='measures'] li", has_text="屋顶消防水箱水位")
    await tank.locator("summary").click()
    await expect(tank.locator("img")).to_have_js_property("naturalWidth", 720)
    await scroll_to(tank)
    await assert_it_fits(phone, "m-status-chart")
    await phone.evaluate("scrollTo(0, document.body.scrollHeight)")
    await assert_it_fits(phone, "m-status-end")
    await desk.goto(f"{town.address}/status")
    await expect(desk.locator("[data-part='links']")).to_contain_text("失联 1")
    await assert_it_fits(desk, "desk-status")
    (at,) = await fetch("select id from devices where address = '790300000000'")
    await phone.goto(f"{town.address}/m/facilities/{at['id']}?system=11.1")
    trend = phone.locator(".component", has_text="屋顶消防水箱水位").locator("summary")
    await trend.click()
    chart = phone.locator(".component", has_text="屋顶消防水箱水位").locator("img")
    await expect(chart).to_have_js_property("naturalWidth", 720)
    await scroll_to(trend)
    await assert_it_fits(phone, "m-facility-chart")
    assert browser.complaints == []


async def test_a_shift_is_handed_over_on_a_phone_and_taken_at_the_desk(town: Town, browser: SimpleNamespace) -> None:
    await town.fire()
    phone, desk = await seats(town, browser)
    await phone.goto(f"{town.address}/m/duty")
    await phone.get_by_role("button", name="开始交班").click()
    await expect(phone.locator("[data-section='alarms']")).to_contain_text("感烟探测器 1层大堂")
    await phone.get_by_label("备注").fill("水泵房漏水，已报修；钥匙在抽屉里")
    await phone.get_by_role("button", name="保存备注").click()
    await expect(phone.locator("[data-part='handover']")).to_contain_text("钥匙在抽屉里")
    await assert_it_fits(phone, "m-handover-draft")
    await phone.get_by_role("button", name="签字交班").click()
    await expect(phone.locator("[data-part='handover']")).to_contain_text("待接班人签字")
    await assert_it_fits(phone, "m-handover-signed")
    await desk.get_by_role("link", name="交接班").click()
    await assert_it_fits(desk, "desk-handovers")
    await desk.locator("[data-part='open'] a").first.click()
    await expect(desk.get_by_text("SHA-256")).to_be_visible()
    await desk.get_by_role("button", name="不接班").click()
    await desk.locator("#duty-why-text").fill("缺少水泵房的照片")
    await assert_it_fits(desk, "desk-handover-refusal")
    await desk.get_by_role("button", name="提交").click()
    await expect(phone.locator("[data-part='handover']")).to_contain_text("缺少水泵房的照片")
    await phone.get_by_role("button", name="修改后重新交班").click()
    await phone.get_by_role("button", name="签字交班").click()
    await desk.get_by_role("button", name="签字接班").click()
    await expect(phone.locator("[data-part='handover']")).to_contain_text("已交接")
    await assert_it_fits(desk, "desk-handover-taken")
    await phone.goto(f"{town.address}/m/duty")
    await assert_it_fits(phone, "m-duty")
    await phone.evaluate("scrollTo(0, document.body.scrollHeight)")
    await assert_it_fits(phone, "m-duty-log")
    assert browser.complaints == []


async def test_a_duty_check_is_asked_at_the_desk_and_answered_on_a_phone(town: Town, browser: SimpleNamespace) -> None:
    (wang,) = await fetch("select id from people where code = 'wang'")
    rotation = [{"people": [str(wang["id"])], "first": "2026-01-01T08:00:00", "count": 1, "every": "days"}]
    await execute(
        """insert into schedules (id, unit, name, rotations, version, created_at, changed_at)
           select $1, id, '值班', $2::jsonb, 1, $3, $3 from units""",
        new_id(), msgspec.json.encode(rotation).decode(), clock.now(),
    )  # fmt: skip
    phone, desk = await seats(town, browser)
    await phone.goto(f"{town.address}/m/duty")
    await phone.get_by_role("heading", name="值班", exact=True).click()  # a tap, so that the phone may vibrate
    await desk.goto(f"{town.address}/duty-checks")
    await desk.get_by_label("答复时限").select_option("5")
    await desk.get_by_role("button", name="查岗").click()
    await expect(desk.locator("[data-part='waiting']")).to_contain_text("等待答复")
    await assert_it_fits(desk, "desk-duty-checks")
    await town.carry()
    await expect(phone.get_by_role("button", name="我在岗")).to_be_visible()
    await assert_it_fits(phone, "m-duty-check")
    await phone.get_by_role("button", name="我在岗").click()
    await expect(desk.locator("[data-part='checks']")).to_contain_text("答复 王经理")
    await expect(desk.locator("[data-part='waiting']")).not_to_contain_text("王经理")
    await assert_it_fits(desk, "desk-duty-checks-answered")
    assert browser.complaints == []


async def test_notes_that_were_not_saved_are_signed_with_the_shift(town: Town, browser: SimpleNamespace) -> None:
    phone, _desk = await seats(town, browser)
    await phone.goto(f"{town.address}/m/duty")
    await phone.get_by_role("button", name="开始交班").click()
    await phone.get_by_label("备注").fill("钥匙在抽屉")
    await phone.get_by_role("button", name="签字交班").click()
    await expect(phone.locator("[data-part=handover]")).to_contain_text("待接班人签字")
    await expect(phone.locator("[data-part=handover]")).to_contain_text("钥匙在抽屉")
    assert browser.complaints == []
