"""The pages in a real browser at phone width: nothing overflows, text is readable, and a fire arrives by itself."""

from types import SimpleNamespace

import httpx
import pytest
from playwright.async_api import expect

from backend.core.db.engine import execute, fetch
from backend.demo.carriers.telegram import BotApiControl
from backend.demo.carriers.telegram.actor import Person
from tests.e2e.town import PHONE, SHOTS, TOKEN, Town, assert_it_fits, browser, scroll_to, town

__all__ = ["PHONE", "SHOTS", "Town", "assert_it_fits", "browser", "town"]


async def test_a_fire_comes_to_the_open_phone_page_by_itself_and_is_answered(
    town: Town, browser: SimpleNamespace
) -> None:
    page = await browser.page(f"{town.address}/m")
    await expect(page.locator("#link")).to_have_attribute("data-lamp", "on")
    await expect(page.get_by_role("heading", name="一切正常")).to_be_visible()
    await assert_it_fits(page, "m-calm")
    await town.fire()
    await expect(page.locator(".hero")).to_have_attribute("data-worst", "fire")
    await assert_it_fits(page, "m-fire")
    await page.locator(".line").click()
    await expect(page.locator(".headline .elapsed")).to_contain_text("00:0")
    await expect(page.locator(".where")).to_contain_text("感烟探测器 1层大堂")
    await assert_it_fits(page, "alarm-new")
    await page.get_by_role("button", name="我已知晓").click()
    await expect(page.locator(".known li")).to_contain_text("王经理 已确认")
    await expect(page.get_by_role("button", name="真实火警")).to_be_visible()
    await assert_it_fits(page, "alarm-known")
    assert (await fetch("select count(*) as n from attempts where t6 is not null"))[0]["n"] >= 1
    assert browser.complaints == []


async def test_real_fire_asks_for_a_second_of_intent(town: Town, browser: SimpleNamespace) -> None:
    await town.fire()
    page = await browser.page(f"{town.address}/m")
    await page.locator(".line").click()
    await page.get_by_role("button", name="我已知晓").click()
    real = page.get_by_role("button", name="真实火警")
    await real.click()
    await expect(real).to_contain_text("再按一次确认")
    assert (await fetch("select verdict from alarms"))[0]["verdict"] is None
    await real.click()
    await expect(page.locator(".headline-foot")).to_contain_text("真实火警")
    assert (await fetch("select verdict from alarms"))[0]["verdict"] == "real"


async def test_false_alarm_takes_a_reason(town: Town, browser: SimpleNamespace) -> None:
    await town.fire()
    page = await browser.page(f"{town.address}/m")
    await page.locator(".line").click()
    await page.get_by_role("button", name="我已知晓").click()
    await page.get_by_role("button", name="误报").click()
    await page.get_by_role("button", name="烹饪油烟").click()
    await assert_it_fits(page, "alarm-note")
    await page.get_by_role("button", name="提交").click()
    await expect(page.locator(".headline-foot")).to_contain_text("误报")
    await expect(page.locator(".history")).to_contain_text("烹饪油烟")


async def test_the_page_says_when_it_is_cut_off_and_catches_up_by_itself(town: Town, browser: SimpleNamespace) -> None:
    page = await browser.page(f"{town.address}/m")
    await expect(page.locator("#link")).to_have_attribute("data-lamp", "on")
    await page.context.set_offline(True)
    await expect(page.locator("#link")).to_have_attribute("data-lamp", "lost")
    await assert_it_fits(page, "m-offline")
    await town.fire()
    await page.context.set_offline(False)
    await expect(page.locator(".hero")).to_have_attribute("data-worst", "fire")
    await expect(page.locator("#link")).to_have_attribute("data-lamp", "on")


async def test_the_desk_shows_lamps_for_each_way_and_adopts_a_stranger(town: Town, browser: SimpleNamespace) -> None:
    await town.fire()
    await town.fire(address="aabbccddeeff")
    narrow = await browser.page(f"{town.address}/")
    await expect(narrow.locator(".desk-line")).to_have_count(2)
    await assert_it_fits(narrow, "desk-phone")
    wide = await browser.page(f"{town.address}/", viewport={"width": 1440, "height": 900})
    await assert_it_fits(wide, "desk-wide")
    await wide.get_by_label("设备名称").fill("新装置")
    await wide.get_by_role("button", name="登记到单位").click()
    await expect(wide.locator(".stranger")).to_have_count(0)
    await wide.get_by_role("button", name="确认", exact=True).first.click()
    await expect(wide.locator(".chip-known").first).to_contain_text("钱值班员")
    await expect(narrow.locator(".chip-known").first).to_contain_text("钱值班员")
    assert browser.complaints == []


async def test_the_street_fits_a_phone_and_a_tap_on_one_phone_shows_on_the_others(
    town: Town, browser: SimpleNamespace
) -> None:
    await town.fire()
    await town.fire(component="c9000000")
    narrow = await browser.page(f"{town.address}/demo")
    await expect(narrow.locator(".mini").first).to_be_visible()
    await assert_it_fits(narrow, "street-phone")
    await narrow.close()
    wide = await browser.page(f"{town.address}/demo", viewport={"width": 1440, "height": 1000})
    await expect(wide.locator("#link")).to_have_attribute("data-lamp", "on")
    first = wide.locator(".handset").first
    await first.get_by_role("button", name="我已知晓").first.click()
    await expect(wide.locator("#toast")).to_contain_text("已知晓")
    await town.carry()
    await expect(wide.locator(".handset").nth(1).locator(".mini-known").first).to_contain_text("王经理")
    await assert_it_fits(wide, "street-wide")


async def test_the_street_shows_a_chat_as_the_carrier_delivered_it_and_presses_its_real_button(
    town: Town, browser: SimpleNamespace
) -> None:
    page = await browser.page(f"{town.address}/demo", viewport={"width": 1440, "height": 1000})
    await expect(page.locator("#link")).to_have_attribute("data-lamp", "on")
    async with BotApiControl(town.telegram) as control, httpx.AsyncClient(trust_env=False) as bot:
        await control.open_chat(Person(id=100001, first_name="王经理"))
        keys = [[{"text": "确认", "callback_data": "ack:1"}], [{"text": "误报", "callback_data": "v:1"}]]
        message = {
            "chat_id": 100001,
            "text": "🔥 <b>火警</b>\n1号楼 5层 西侧走廊 <script>",
            "reply_markup": {"inline_keyboard": keys},
        }
        message["text"] = str(message["text"]).replace("<script>", "&lt;script&gt;")
        sent = await bot.post(f"{town.telegram}/bot{TOKEN}/sendMessage", json={**message, "parse_mode": "HTML"})
        assert sent.status_code == 200, sent.text
        chat = page.locator(".handset").first.locator(".bubble")
        await expect(chat).to_contain_text("西侧走廊 <script>")
        await expect(chat.locator("img.glyph")).to_have_attribute("alt", "🔥")
        await assert_it_fits(page, "street-chat")
        await chat.get_by_role("button", name="确认").click()
        heard = await bot.post(f"{town.telegram}/bot{TOKEN}/getUpdates", json={"timeout": 5})
        assert heard.json()["result"][-1]["callback_query"]["data"] == "ack:1"
    assert browser.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 430])
async def test_every_page_fits_narrow_and_wide_phones_by_day_and_night(
    town: Town, browser: SimpleNamespace, scheme: str, width: int
) -> None:
    await execute("update units set name = $1", "烽火示范大厦（上海市浦东新区世纪大道第一分部）")
    await town.fire()
    await town.fire(component="c9000000", state=0b101)
    look = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    for name, path in {
        "m": "/m",
        "recent": "/m?which=recent",
        "desk": "/",
        "street": "/demo",
        "door": "/m/enter?stay=1",
    }.items():
        page = await browser.page(town.address + path, **look)
        await assert_it_fits(page, f"{name}-{scheme}-{width}")
        if name == "m":
            await page.locator(".line").first.click()
            await expect(page.locator(".where")).to_be_visible()
            await assert_it_fits(page, f"alarm-{scheme}-{width}")
        await page.close()


async def test_the_facilities_are_found_by_typing_and_change_by_themselves(
    town: Town, browser: SimpleNamespace
) -> None:
    page = await browser.page(f"{town.address}/m", viewport={"width": 360, "height": 844})
    await page.get_by_role("link", name="设施状态").click()
    await expect(page.get_by_role("heading", name="设施状态")).to_be_visible()
    await assert_it_fits(page, "facilities-silent-360")
    await town.fire()
    await expect(page.locator(".device[data-tone='fire']")).to_have_count(1)
    await assert_it_fits(page, "facilities-fire-360")
    await page.locator(".device[data-tone='fire'] .system-links a").first.click()
    lobby = page.locator(".component", has_text="感烟探测器 1层大堂")
    await expect(lobby).to_contain_text("火警")
    await assert_it_fits(page, "facility-360")
    await page.get_by_role("searchbox").fill("1层大堂 感烟")
    await expect(page.locator(".component:visible")).to_have_count(1)
    await assert_it_fits(page, "facility-found-360")
    await town.fire(state=0b101)
    await expect(lobby).to_contain_text("故障")
    await expect(page.locator(".component:visible")).to_have_count(1)
    await page.get_by_role("searchbox").fill("没有这样的部件")
    await expect(page.locator("#nothing-found")).to_be_visible()
    await page.get_by_role("searchbox").fill("")
    await page.get_by_role("button", name="有异常").click()
    await expect(page.locator(".component:visible")).to_have_count(1)
    assert browser.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_facilities_fit_the_desk_and_a_narrow_phone(
    town: Town, browser: SimpleNamespace, scheme: str
) -> None:
    await execute("update components set description = description || '（长长的位置描述用来看是否折行）'")
    await town.fire()
    for width in (360, 1440):
        look = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
        page = await browser.page(f"{town.address}/", **look)
        await page.get_by_role("link", name="设施状态").click()
        await assert_it_fits(page, f"desk-units-{scheme}-{width}")
        await page.locator(".unit-line").first.click()
        await page.locator(".device h4 a").first.click()
        await expect(page.locator(".component").first).to_be_visible()
        await assert_it_fits(page, f"desk-facility-{scheme}-{width}")
        await page.close()


async def test_the_phone_shows_how_to_bind_telegram(town: Town, browser: SimpleNamespace) -> None:
    page = await browser.page(f"{town.address}/m", viewport={"width": 360, "height": 844})
    await page.get_by_role("button", name="绑定 Telegram").click()
    await expect(page.locator("#telegram-command")).to_contain_text("/link ")
    await expect(page.locator("#telegram-open")).to_be_hidden()  # this town's settings don't name the bot
    await expect(page.locator("#telegram-left")).to_contain_text(":")
    await scroll_to(page.locator("#telegram-command"))
    await assert_it_fits(page, "m-telegram-360")
    assert browser.complaints == []


async def test_the_desk_judges_with_a_second_tap_and_shows_the_story(town: Town, browser: SimpleNamespace) -> None:
    await town.fire()
    phone = await browser.page(f"{town.address}/m")
    await phone.locator(".line").click()
    await phone.get_by_role("button", name="我已知晓").click()
    desk = await browser.page(f"{town.address}/", viewport={"width": 1440, "height": 900})
    await expect(desk.locator(".chip-known")).to_contain_text("王经理")
    confirm = desk.get_by_role("button", name="确认", exact=True)
    await confirm.click()  # a second person's own
    await expect(confirm).to_have_count(0)
    real = desk.get_by_role("button", name="真实火警")
    await real.click()
    await expect(real).to_contain_text("再按一次确认")
    assert (await fetch("select verdict from alarms"))[0]["verdict"] is None
    await assert_it_fits(desk, "desk-armed")
    await real.click()
    await expect(desk.locator(".desk-line .chips")).to_contain_text("真实火警")
    row = (await fetch("select verdict, verdict_via from alarms"))[0]
    assert (row["verdict"], row["verdict_via"]) == ("real", "console")
    await desk.locator("a.line-where").click()
    await expect(desk.locator(".history")).to_contain_text("钱值班员")
    await expect(desk.locator(".known")).to_contain_text("王经理")
    await expect(desk.locator(".answers")).to_be_hidden()  # everything was said
    await assert_it_fits(desk, "desk-alarm")
    await desk.get_by_role("link", name="返回列表").click()
    await expect(desk.locator(".desk-line")).to_have_count(1)
    assert browser.complaints == []


async def test_the_desk_takes_a_reason_for_a_false_alarm_on_a_narrow_screen(
    town: Town, browser: SimpleNamespace
) -> None:
    await town.fire()
    desk = await browser.page(f"{town.address}/", viewport={"width": 360, "height": 844})
    await desk.get_by_role("button", name="确认", exact=True).click()
    await desk.get_by_role("button", name="误报").click()
    await desk.get_by_role("button", name="灰尘水汽").click()
    await desk.get_by_role("button", name="提交").click()
    await expect(desk.locator(".desk-line .chips")).to_contain_text("误报")
    await assert_it_fits(desk, "desk-judged-360")
    assert "灰尘水汽" in str(await fetch("select facts from alarm_entries where kind = 'judged'"))


async def test_the_deadlines_show_a_breach_and_take_the_quality_leads_note(
    town: Town, browser: SimpleNamespace
) -> None:
    await town.fire()
    await execute(
        "insert into grants (id, person, role, unit, granted_at) "
        "select gen_random_uuid(), id, 'quality_lead', null, now() from people where code = 'qian'"
    )
    await execute(
        """insert into breaches (id, kind, clause, subject, alarm, unit, severity, due_at, found_at, cause_code, cause)
           select gen_random_uuid(), 'kinds_short', 'CQC/SC 11002-2025 4.3.3', id, id, unit, 'fire',
               now() - interval '1 minute', now(), 'carrier_stalled', '{"channel": "telegram", "why": "timeout"}'
           from alarms"""
    )
    for width in (360, 1440):
        page = await browser.page(f"{town.address}/", viewport={"width": width, "height": 900})
        await page.get_by_role("link", name="时限", exact=True).click()
        await expect(page.get_by_role("heading", name="时限内少于两种联络方式 · 运营商无应答")).to_be_visible()
        await assert_it_fits(page, f"deadlines-{width}")
        await page.get_by_label("原因与改进措施").fill(f"加装第二网卡 {width}")
        await page.get_by_role("button", name="记录").click()
        await expect(page.get_by_text(f"加装第二网卡 {width}")).to_be_visible()
        await page.close()
    assert browser.complaints == []
