"""A tap that comes before the page's scripts, as on a slow network, is not lost."""

import asyncio
from types import SimpleNamespace
from typing import Any

from playwright.async_api import Page, expect

from backend.core.db.engine import fetch
from tests.e2e.test_work_orders_in_a_browser import phone_of
from tests.e2e.town import Town, browser, town

__all__ = ["browser", "town"]


async def hold_scripts(page: Page) -> asyncio.Event:
    """The page's modules come when the event is set."""
    come = asyncio.Event()

    async def later(route: Any) -> None:
        await come.wait()
        await route.continue_()

    await page.route("**/static/live.js", later)
    return come


async def test_an_acknowledgement_tapped_before_the_scripts_came_is_given_once(
    town: Town, browser: SimpleNamespace
) -> None:
    await town.fire()
    (alarm,) = await fetch("select id from alarms")
    page = await phone_of(town, browser, "wang", "/m")
    come = await hold_scripts(page)
    await page.goto(f"{town.address}/m/alarms/{alarm['id']}", wait_until="commit")
    button = page.get_by_role("button", name="我已知晓")
    await button.click()
    await button.click()
    assert await fetch("select 1 from acknowledgements") == []
    come.set()
    await expect(page.locator(".known")).to_contain_text("王经理")
    assert len(await fetch("select 1 from acknowledgements")) == 1
    assert browser.complaints == []


async def test_a_form_sent_before_the_scripts_came_is_sent_and_no_words_go_into_the_address(
    town: Town, browser: SimpleNamespace
) -> None:
    page = await phone_of(town, browser, "wang", "/m")
    come = await hold_scripts(page)
    await page.goto(f"{town.address}/m/duty", wait_until="commit")
    form = page.locator("[data-duty-form=duty-log]")
    await form.get_by_label("记事").fill("消防车通道已清空")
    await form.get_by_role("button", name="记入日志").click()
    come.set()
    await expect(page.locator("[data-part=log]")).to_contain_text("消防车通道已清空")
    assert page.url == f"{town.address}/m/duty"
    assert browser.complaints == []
