"""A work order in a real browser: reported, taken, photographed, tested on the wire and verified, 390 px wide."""

import struct
import zlib
from types import SimpleNamespace
from typing import Any

from playwright.async_api import Page, expect

from backend.core.db.engine import fetch
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import open_session
from backend.work_orders.chores import look_after_orders
from tests.e2e.town import PHONE, Town, assert_it_fits, browser, town

__all__ = ["browser", "town"]
DESK = {"width": 1300, "height": 900}


def a_picture(width: int = 320, height: int = 240) -> bytes:
    """A small PNG that a browser can draw."""
    rows = b"".join(
        b"\0" + b"".join(bytes((x * 255 // width, y * 255 // height, 90)) for x in range(width)) for y in range(height)
    )

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def phone_of(town: Town, browser: SimpleNamespace, code: str, path: str, **options: Any) -> Page:
    """A page that this person is signed in on."""
    who = await person_by_code(code)
    token = await open_session(who.id, SessionKind.PHONE, "test")
    page: Page = await browser.page(f"{town.address}/m/enter?stay=1", viewport=PHONE, **options)
    await page.context.add_cookies([{"name": "fenghuo_phone", "value": token, "url": town.address}])
    await page.goto(town.address + path)
    return page


async def test_an_order_goes_from_the_alarm_to_its_verification(town: Town, browser: SimpleNamespace) -> None:
    await town.fire(state=0b101)
    boss = await phone_of(town, browser, "wang", "/m")
    await boss.locator(".line").first.click()
    await boss.get_by_role("button", name="生成工单").click()
    await expect(boss.locator("[data-alarm-order]")).to_contain_text("待接单")
    await assert_it_fits(boss, "order-alarm")
    here = {"latitude": 31.2304, "longitude": 121.4737}
    zhao = await phone_of(town, browser, "zhao", "/m/orders", geolocation=here, permissions=["geolocation"])
    await expect(zhao.locator(".order-line")).to_have_count(1)
    await assert_it_fits(zhao, "orders-mine")
    await zhao.locator(".order-line").click()
    await assert_it_fits(zhao, "order-offered")
    await zhao.get_by_role("button", name="接单").click()
    await expect(zhao.locator(".headline h1")).to_contain_text("已接单")
    await expect(boss.locator("[data-alarm-order]")).to_contain_text("已接单")
    await zhao.get_by_role("button", name="到场").click()
    await expect(zhao.locator(".history")).to_contain_text("到场位置 · 31.23040, 121.47370")
    await zhao.get_by_role("button", name="挂起").click()
    await assert_it_fits(zhao, "order-wait")
    await zhao.get_by_role("button", name="提交").click()
    await expect(zhao.locator(".headline")).to_contain_text("计时暂停")
    await zhao.get_by_role("button", name="恢复处理").click()
    await expect(zhao.locator(".headline h1")).to_contain_text("处理中")
    picture = {"name": "现场.png", "mimeType": "image/png", "buffer": a_picture()}
    await zhao.locator("[data-order-file]").set_input_files(picture)  # type: ignore[arg-type]
    await expect(zhao.locator(".pieces img")).to_have_count(1)
    wide = await zhao.locator(".pieces img").evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert wide == 320
    await zhao.get_by_role("button", name="触发测试").click()
    await expect(zhao.locator(".awaiting")).to_contain_text("请触发测试，等待信号…")
    await assert_it_fits(zhao, "order-awaiting")
    await town.fire(state=0b11)
    await look_after_orders()
    await town.carry()
    await expect(zhao.locator(".heard")).to_contain_text("测试信号已收到")
    await assert_it_fits(zhao, "order-heard")
    await zhao.get_by_role("button", name="完成").click()
    await zhao.get_by_label("处理结果（可不填）").fill("已更换探测器，测试正常")
    await zhao.get_by_role("button", name="提交").click()
    await expect(zhao.locator(".headline h1")).to_contain_text("待验收")
    await boss.locator("[data-alarm-order]").click()
    await expect(boss.locator(".pieces img")).to_have_count(1)
    await assert_it_fits(boss, "order-to-verify")
    await boss.get_by_role("button", name="验收通过").click()
    await expect(boss.locator(".headline h1")).to_contain_text("已验收")
    await assert_it_fits(boss, "order-verified")
    desk = await browser.page(f"{town.address}/", viewport=DESK)
    await desk.get_by_role("link", name="工单", exact=True).click()
    await assert_it_fits(desk, "desk-orders")
    await desk.locator(".order-line").first.click()
    await expect(desk.locator(".headline h1")).to_contain_text("已验收")
    await assert_it_fits(desk, "desk-order")
    assert (await fetch("select state from work_orders"))[0]["state"] == "verified"
    assert browser.complaints == []


async def test_an_order_is_entered_by_hand_and_declined_with_a_reason(town: Town, browser: SimpleNamespace) -> None:
    boss = await phone_of(town, browser, "wang", "/m/orders")
    await boss.get_by_label("报修内容").fill("地下一层泵房漏水")
    await assert_it_fits(boss, "order-form")
    await boss.get_by_role("button", name="登记工单").click()
    await expect(boss.locator(".what")).to_contain_text("地下一层泵房漏水")
    zhao = await phone_of(town, browser, "zhao", "/m/orders", color_scheme="dark")
    await zhao.locator(".order-line").click()
    await zhao.get_by_role("button", name="拒单").click()
    await zhao.get_by_label("原因", exact=True).fill("在外地培训")
    await assert_it_fits(zhao, "order-decline-dark")
    await zhao.get_by_role("button", name="提交").click()
    await expect(boss.locator(".headline h1")).to_contain_text("已拒单")
    await boss.get_by_role("button", name="派工").click()
    await assert_it_fits(boss, "order-dispatch")
    assert browser.complaints == []
