"""What waits to be sent meets two tabs, a failing server, a hotel's page, a lost session, a sign-out, no storage."""

import asyncio
from types import SimpleNamespace

from playwright.async_api import Dialog, Page, Route, expect

from backend.core.db.engine import execute, fetch
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import open_session
from tests.e2e.test_orders_without_network import on_site, story, write
from tests.e2e.town import Town, assert_it_fits, browser, town
from tests.patience import PATIENCE_S

__all__ = ["browser", "town"]
HOTEL = "<html>请先登录酒店网络</html>"


async def wait_and_go_on(page: Page) -> None:
    """挂起 and 恢复处理 while nothing can be sent: the page still offers what it did."""
    await page.context.set_offline(True)
    await page.get_by_role("button", name="挂起").click()
    await page.get_by_role("button", name="提交").click()
    await expect(page.locator("[data-outbox] li")).to_have_count(1)
    await write(page, "等了一会")
    await expect(page.locator("[data-outbox] li")).to_have_count(2)


async def test_two_tabs_that_find_the_network_again_send_each_thing_once(town: Town, browser: SimpleNamespace) -> None:
    zhao = await on_site(town, browser)
    other = await zhao.context.new_page()
    await other.goto(zhao.url)
    await zhao.bring_to_front()  # a tab behind another draws once a second
    await wait_and_go_on(zhao)
    await zhao.context.set_offline(False)
    await expect(zhao.locator(".headline h1")).to_contain_text("挂起")
    for page in (zhao, other):
        await expect(page.locator("[data-outbox]")).to_be_hidden()
    rows = await fetch("select kind from work_order_entries where kind in ('wait', 'note')")
    assert sorted(row["kind"] for row in rows) == ["note", "wait"]


async def test_a_server_that_fails_at_one_order_holds_back_no_other_and_what_waits_can_be_let_go(
    town: Town, browser: SimpleNamespace
) -> None:
    zhao = await on_site(town, browser)
    first = zhao.url
    await execute("update work_orders set agreed_at = agreed_at")  # it stays open
    (unit,) = await fetch("select unit from work_orders")
    await zhao.evaluate(
        """unit => fetch('/mp/v1/work-orders', {method: 'POST', body: JSON.stringify({unit, what: '第二张'}),
             headers: {'Content-Type': 'application/json', 'X-Fenghuo': '1'}})""",
        str(unit["unit"]),
    )
    (second,) = await fetch("select id from work_orders where what = '第二张'")
    await zhao.route("**/notes", lambda route: route.abort())
    await write(zhao, "坏的")
    await expect(zhao.locator("[data-outbox] li")).to_have_count(1)
    await zhao.goto(f"{town.address}/m/orders/{second['id']}")
    await write(zhao, "好的")
    await expect(zhao.locator("[data-outbox] li")).to_have_count(1)
    bad = f"**/{first.rpartition('/')[2]}/notes"
    # the newest rule goes first, and there is one at every moment: the page tries by itself every 15 s
    await zhao.route(bad, lambda route: route.fulfill(status=500, body="{}", content_type="application/json"))
    await zhao.unroute("**/notes")
    await zhao.goto(f"{town.address}/m/orders")
    await expect(zhao.locator("[data-outbox] li")).to_have_count(1)
    await expect(zhao.locator("[data-outbox]")).to_contain_text("工单 1 · 备注 · 坏的")
    assert await story() == [("note", "好的")]
    await zhao.route(bad, lambda route: route.fulfill(status=200, body=HOTEL, content_type="text/html"))
    await zhao.reload()
    await zhao.wait_for_timeout(500)
    await expect(zhao.locator("[data-outbox] li")).to_have_count(1)
    await assert_it_fits(zhao, "outbox-on-the-list")
    await zhao.get_by_role("button", name="删除").click()
    await expect(zhao.locator("[data-outbox] li")).to_have_count(1)
    await zhao.get_by_role("button", name="再按一次确认").click()
    await expect(zhao.locator("[data-outbox]")).to_be_hidden()
    assert await story() == [("note", "好的")]


async def test_what_waited_when_the_session_ended_goes_from_the_home_page_after_signing_in(
    town: Town, browser: SimpleNamespace
) -> None:
    zhao = await on_site(town, browser)
    await zhao.get_by_role("button", name="备注").click()
    await zhao.get_by_label("备注", exact=True).fill("会话过期前写的")
    # a live page finds out by itself within seconds, and leaves
    await execute("update sessions set expires_at = now() - interval '1 minute'")
    await zhao.get_by_role("button", name="提交").click()
    await zhao.wait_for_url("**/m")  # the door of the demo lets its own sample person in
    who = await person_by_code("zhao")
    token = await open_session(who.id, SessionKind.PHONE, "test")
    await zhao.context.add_cookies([{"name": "fenghuo_phone", "value": token, "url": town.address}])
    await zhao.goto(f"{town.address}/m")
    await expect(zhao.locator(".bar-name")).to_contain_text("赵维保")
    while await story() != [("note", "会话过期前写的")]:
        await asyncio.sleep(0.05)
    await expect(zhao.locator("[data-outbox]")).to_be_hidden()


async def test_what_waited_is_never_sent_in_the_name_of_who_signed_in_beside_it(
    town: Town, browser: SimpleNamespace
) -> None:
    zhao = await on_site(town, browser)
    (mine,) = [each for each in await zhao.context.cookies() if each["name"] == "fenghuo_phone"]
    theirs = await open_session((await person_by_code("wang")).id, SessionKind.PHONE, "test")
    await zhao.route("**/notes", lambda route: route.abort())
    await write(zhao, "赵维保写的")
    await expect(zhao.locator("[data-outbox] li")).to_have_count(1)
    await zhao.context.add_cookies([{"name": "fenghuo_phone", "value": theirs, "url": town.address}])
    answered = asyncio.get_running_loop().create_future()

    async def overhear(route: Route) -> None:
        answer = await route.fetch()
        if not answered.done():
            answered.set_result(await answer.json())
        await route.fulfill(response=answer)

    await zhao.route("**/notes", overhear)
    await zhao.evaluate("dispatchEvent(new Event('online'))")
    async with asyncio.timeout(PATIENCE_S):
        assert (await answered)["detail"] == "此页面属于另一位登录者，请刷新后重试"
    assert await story() == []
    boss = (await person_by_code("wang")).id
    await zhao.evaluate("dispatchEvent(new Event('offline')); dispatchEvent(new Event('online'))")
    await expect(zhao.locator("body")).to_have_attribute("data-me", str(boss))
    await expect(zhao.locator("[data-outbox]")).to_be_hidden()
    await zhao.context.add_cookies([{"name": "fenghuo_phone", "value": mine["value"], "url": town.address}])
    await zhao.reload()
    await expect(zhao.locator(".history")).to_contain_text("赵维保写的")
    (row,) = await fetch(
        "select p.code from work_order_entries e join people p on p.id = e.person where e.kind = 'note'"
    )
    assert row["code"] == "zhao"


async def test_who_signs_out_with_things_waiting_is_asked(town: Town, browser: SimpleNamespace) -> None:
    zhao = await on_site(town, browser)
    await zhao.route("**/notes", lambda route: route.abort())
    await write(zhao, "还没发出")
    await expect(zhao.locator("[data-outbox] li")).to_have_count(1)
    await zhao.goto(f"{town.address}/m", wait_until="load")
    await expect(zhao.locator("[data-outbox] li")).to_have_count(1)
    await assert_it_fits(zhao, "outbox-at-home")
    asked: list[str] = []

    async def no(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await dialog.dismiss()

    zhao.once("dialog", lambda dialog: asyncio.ensure_future(no(dialog)))
    await zhao.get_by_role("button", name="退出登录").click()
    await expect(zhao.locator("[data-outbox] li")).to_have_count(1)
    async with asyncio.timeout(PATIENCE_S):
        while not asked:
            await asyncio.sleep(0.01)
    assert "还有内容没有发送" in asked[0]
    await zhao.get_by_role("button", name="删除").click()
    await zhao.get_by_role("button", name="再按一次确认").click()
    await expect(zhao.locator("[data-outbox]")).to_be_hidden()
    await zhao.get_by_role("button", name="退出登录").click()
    await zhao.wait_for_url("**/m/enter*")


async def test_a_phone_that_keeps_nothing_sends_all_the_same_and_the_words_stay_when_it_can_not(
    town: Town, browser: SimpleNamespace
) -> None:
    zhao = await on_site(town, browser)
    await zhao.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined })")
    await zhao.reload(wait_until="load")
    await write(zhao, "没有存储也能发")
    await expect(zhao.locator(".history")).to_contain_text("没有存储也能发")
    await zhao.context.set_offline(True)
    await write(zhao, "没有网络")
    await expect(zhao.locator("#toast")).to_contain_text("未送出")
    await zhao.context.set_offline(False)
    await zhao.get_by_role("button", name="备注").click()
    await expect(zhao.get_by_label("备注", exact=True)).to_have_value("没有网络")


async def test_a_photo_on_its_way_arrives_before_done_does(town: Town, browser: SimpleNamespace) -> None:
    zhao = await on_site(town, browser)

    async def slowly(route: object) -> None:
        await asyncio.sleep(0.7)
        await route.continue_()  # type: ignore[attr-defined]

    await zhao.route("**/evidence*", slowly)
    octets = b"\x89PNG\r\n\x1a\n" + bytes(64)
    picture = {"name": "现场.png", "mimeType": "image/png", "buffer": octets}
    await zhao.locator("[data-order-file]").set_input_files(picture)  # type: ignore[arg-type]
    await zhao.get_by_role("button", name="完成").click()
    await zhao.get_by_role("button", name="提交").click()
    await expect(zhao.locator(".headline h1")).to_contain_text("待验收")
