"""A maintainer in a basement: what is written and photographed there is kept, and sent when the network is back."""

import os
from types import SimpleNamespace
from typing import Any

from playwright.async_api import Page, expect

from backend.core.db.engine import fetch
from tests.e2e.test_work_orders_in_a_browser import a_picture, phone_of
from tests.e2e.town import Town, assert_it_fits, browser, town

__all__ = ["browser", "town"]


async def on_site(town: Town, browser: SimpleNamespace) -> Page:
    boss = await phone_of(town, browser, "wang", "/m/orders")
    await boss.get_by_label("报修内容").fill("泵房漏水")
    await boss.get_by_role("button", name="登记工单").click()
    await expect(boss.locator(".what")).to_contain_text("泵房漏水")
    zhao = await phone_of(town, browser, "zhao", "/m/orders")
    await zhao.locator(".order-line").click()
    await zhao.wait_for_url("**/m/orders/*", wait_until="load")
    for label, state in (("接单", "已接单"), ("到场", "处理中")):
        await zhao.get_by_role("button", name=label).click()
        await expect(zhao.locator(".headline h1")).to_contain_text(state)
    return zhao


async def write(page: Page, words: str) -> None:
    await page.get_by_role("button", name="备注").click()
    await page.get_by_label("备注", exact=True).fill(words)
    await page.get_by_role("button", name="提交").click()


async def story() -> list[tuple[str, Any]]:
    rows = await fetch(
        """select kind, facts->>'note' as note from work_order_entries
           where kind in ('note', 'evidence', 'finish') order by at, id"""
    )
    return [(row["kind"], row["note"]) for row in rows]


async def test_what_is_done_without_network_is_sent_in_order_when_it_is_back(
    town: Town, browser: SimpleNamespace
) -> None:
    zhao = await on_site(town, browser)
    await zhao.context.set_offline(True)
    await write(zhao, "阀门锈死")
    picture = {"name": "现场.png", "mimeType": "image/png", "buffer": a_picture()}
    await zhao.locator("[data-order-file]").set_input_files(picture)  # type: ignore[arg-type]
    await expect(zhao.locator("[data-outbox] li")).to_have_count(2)
    await zhao.get_by_role("button", name="完成").click()
    await zhao.get_by_label("处理结果（可不填）").fill("已更换阀门")
    await zhao.get_by_role("button", name="提交").click()
    await expect(zhao.locator("[data-outbox] li")).to_have_count(3)
    await expect(zhao.locator("[data-outbox]")).to_contain_text("阀门锈死")
    await assert_it_fits(zhao, "order-without-network")
    assert await story() == []
    await zhao.context.set_offline(False)
    await expect(zhao.locator(".headline h1")).to_contain_text("待验收")
    await expect(zhao.locator("[data-outbox]")).to_be_hidden()
    assert await story() == [("note", "阀门锈死"), ("evidence", None), ("finish", "已更换阀门")]


async def test_what_waited_survives_a_reload_and_a_refusal_keeps_the_words(
    town: Town, browser: SimpleNamespace
) -> None:
    zhao = await on_site(town, browser)
    await zhao.route("**/notes", lambda route: route.abort())
    await write(zhao, "第一次写的话")
    await expect(zhao.locator("[data-outbox] li")).to_have_count(1)
    await zhao.reload()
    await expect(zhao.locator("[data-outbox]")).to_contain_text("第一次写的话")
    refusal = '{"detail": "工单已结束，不能再补充"}'
    await zhao.route("**/notes", lambda route: route.fulfill(status=409, body=refusal, content_type="application/json"))
    await zhao.reload()
    await expect(zhao.locator("[data-outbox]")).to_contain_text("第一次写的话 · 工单已结束，不能再补充")
    await write(zhao, "第二次写的话")
    await expect(zhao.locator("#toast")).to_contain_text("工单已结束")
    await zhao.get_by_role("button", name="备注").click()
    await expect(zhao.get_by_label("备注", exact=True)).to_have_value("第二次写的话")
    await zhao.get_by_role("button", name="返回").click()
    await zhao.get_by_role("button", name="删除").click()
    await expect(zhao.locator("[data-outbox]")).to_be_hidden()


async def test_a_form_sent_by_two_taps_opens_one_order(town: Town, browser: SimpleNamespace) -> None:
    boss = await phone_of(town, browser, "wang", "/m/orders")
    await boss.get_by_label("报修内容").fill("泵房漏水")
    await boss.locator("[data-order-form]").evaluate("form => { form.requestSubmit(); form.requestSubmit(); }")
    await expect(boss.locator(".what")).to_contain_text("泵房漏水")
    assert len(await fetch("select 1 from work_orders")) == 1
    assert browser.complaints == []


async def test_a_cameras_largest_picture_is_sent_smaller(town: Town, browser: SimpleNamespace) -> None:
    zhao = await on_site(town, browser)
    large = a_picture(64, 64) + os.urandom(12_000_000)  # what comes after a PNG's end is not looked at
    picture = {"name": "大图.png", "mimeType": "image/png", "buffer": large}
    await zhao.locator("[data-order-file]").set_input_files(picture)  # type: ignore[arg-type]
    await expect(zhao.locator(".pieces img")).to_have_count(1)
    (piece,) = await fetch("select media_type, size from evidence")
    assert piece["media_type"] == "image/jpeg"
    assert piece["size"] < 10_000_000
    assert browser.complaints == []
