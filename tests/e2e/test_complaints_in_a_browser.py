"""Complaints in a real browser: filed on a phone with a photo, settled at the desk, rated and opened again."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.async_api import Page, expect

from backend.core.db.engine import fetch
from backend.core.vocabulary import Role, Via
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import add_person, grant, open_session
from backend.work_orders.opening import Opening, open_order
from tests.e2e.town import SHOTS, Town, assert_it_fits, browser, town

__all__ = ["browser", "town"]
DESK = {"width": 1300, "height": 900}
TEXT = "昨晚 22:10 1号楼大堂火警，没有接到电话，只收到短信，希望说明原因"


async def at_desk(town: Town, browser: SimpleNamespace, role: Role, code: str, name: str) -> Page:
    """Somebody of the provider, signed in at their desk."""
    person = await add_person(code, name, "", "zh_CN")
    await grant(person, role, None)
    token = await open_session(person, SessionKind.CONSOLE, "test")
    cookie = {"name": "fenghuo_console", "value": token, "domain": "127.0.0.1", "path": "/"}
    own = {"cookies": [{**cookie, "expires": -1, "httpOnly": True, "secure": False, "sameSite": "Lax"}], "origins": []}
    page: Page = await browser.page(f"{town.address}/complaints", viewport=DESK, storage_state=own)
    return page


async def shot_whole(page: Page, name: str) -> None:
    """The whole page beside the first screen, for those who look."""
    await assert_it_fits(page, name)
    await page.screenshot(path=SHOTS / f"{name}-whole.png", full_page=True)


@pytest.mark.clause("5.5")
async def test_a_complaint_from_the_phone_to_the_desk_and_back(
    town: Town, browser: SimpleNamespace, tmp_path: Path
) -> None:
    await town.fire()
    desk = await at_desk(town, browser, Role.COMPLAINT_HANDLER, "shouli", "李受理")
    await expect(desk.get_by_text("没有投诉或反馈")).to_be_visible()
    phone = await browser.page(f"{town.address}/m")
    await phone.get_by_role("link", name="投诉与反馈").click()
    await shot_whole(phone, "m-complaints-empty")
    picture = tmp_path / "屏幕.png"
    await phone.screenshot(path=picture)
    form = phone.locator("[data-complaint-form]")
    await form.get_by_label("哪一条报警").select_option(index=1)
    await form.get_by_label("内容").fill(TEXT)
    await form.get_by_label("照片").set_input_files(picture)
    await form.get_by_role("button", name="提交").click()
    await expect(phone.locator("#toast")).to_contain_text("已受理，编号 TS-")
    await expect(phone.locator("[data-part='complaints']")).to_contain_text("已分派")
    await shot_whole(phone, "m-complaints")
    await desk.reload()
    await shot_whole(desk, "desk-complaints")
    await desk.get_by_role("link", name="TS-").click()
    await expect(desk.locator("img.piece")).to_be_visible()
    await shot_whole(desk, "desk-complaint")
    notes = desk.locator("[data-complaint-act='notes']")
    await notes.get_by_label("投诉人看不到").fill("语音线路欠费，已续费")
    await notes.get_by_role("button", name="记录").click()
    await expect(desk.locator("[data-internal]")).to_contain_text("语音线路欠费")
    questions = desk.locator("[data-complaint-act='questions']")
    await questions.get_by_label("要补充什么").fill("请问手机号是否更换过？")
    await questions.get_by_role("button", name="发送").click()
    await expect(desk.locator("[data-part='head']")).to_contain_text("暂停：等待投诉人")
    await phone.get_by_role("link", name="TS-").click()
    await expect(phone.locator(".complaint-story")).to_contain_text("请问手机号是否更换过？")
    await expect(phone.locator(".complaint-story")).not_to_contain_text("语音线路欠费")
    await shot_whole(phone, "m-complaint-asked")
    answer = phone.locator("[data-complaint-act='answers']")
    await answer.get_by_label("内容").fill("没有更换")
    await answer.get_by_role("button", name="提交").click()
    await expect(phone.locator(".complaint-story")).to_contain_text("没有更换")
    await desk.reload()
    settle = desk.locator("[data-complaint-act='settlement']")
    await settle.get_by_label("给投诉人的办结说明").fill("语音线路因欠费停用，现已恢复并致电测试")
    await settle.get_by_label("成立", exact=True).check()
    await settle.get_by_role("button", name="办结并请求评价").click()
    await expect(desk.locator("#toast")).to_contain_text("成立的投诉须填写原因类别和改进措施")
    await settle.get_by_label("原因类别").select_option("notice")
    await settle.get_by_label("改进措施").fill("线路余额低于 30 天用量时提前告警")
    await settle.get_by_role("button", name="办结并请求评价").click()
    await expect(desk.locator("[data-part='rounds']")).to_contain_text("改进措施")
    await shot_whole(desk, "desk-complaint-settled")
    await phone.reload()
    rating = phone.locator("[data-complaint-act='rating']")
    await rating.get_by_label("4 ★").check()
    await rating.get_by_label("理由").fill("原因说清楚了")
    await shot_whole(phone, "m-complaint-rating")
    await rating.get_by_role("button", name="提交评价").click()
    await expect(phone.locator("[data-part='rounds']")).to_contain_text("★★★★☆ 原因说清楚了")
    again = phone.locator("[data-complaint-act='reopening']")
    await again.get_by_label("为什么重新打开").fill("今晚又没有电话")
    await again.get_by_role("button", name="重新打开").click()
    await expect(phone.locator("[data-part='head']")).to_contain_text("已分派")
    await shot_whole(phone, "m-complaint-reopened")
    await desk.goto(f"{town.address}/complaints")
    await expect(desk.locator("[data-part='figures']")).to_contain_text("通知不及时 1")
    await shot_whole(desk, "desk-complaints-month")
    (row,) = await fetch("select count(*) as n from complaint_rounds")
    assert row["n"] == 2
    refused = [each for each in browser.complaints if "400" not in each]  # the settlement that lacked its cause
    assert refused == []


@pytest.mark.clause("5.5")
async def test_an_order_is_complained_about_from_its_page_and_the_desk_opens_another_from_the_complaint(
    town: Town, browser: SimpleNamespace
) -> None:
    manager = await person_by_code("wang")
    (unit,) = manager.units
    order = await open_order(manager, Opening(unit=unit, what="1号喷淋泵异响", where="地下1层 消防水泵房"), Via.PHONE)
    desk = await at_desk(town, browser, Role.COMPLAINT_HANDLER, "shouli", "李受理")
    phone = await browser.page(f"{town.address}/m")
    await phone.goto(f"{town.address}/m/orders/{order.id}")
    await phone.get_by_role("link", name="投诉", exact=True).click()
    form = phone.locator("[data-complaint-form]")
    await expect(form.get_by_label("哪一张工单")).to_have_value(str(order.id))
    await expect(form.get_by_label("哪一条报警")).to_be_hidden()
    await form.get_by_label("内容").fill("报修两天，没有人来")
    await form.get_by_role("button", name="提交").click()
    await expect(phone.locator("#toast")).to_contain_text("已受理，编号 TS-")
    (row,) = await fetch("select about, kind from complaints")
    assert (row["about"], row["kind"]) == (order.id, "order"), "the hidden question about an alarm says nothing"
    await phone.goto(f"{town.address}/m/orders/{order.id}")
    await expect(phone.locator("[data-part='facts']")).to_contain_text("工单投诉")
    await shot_whole(phone, "m-order-with-complaint")
    await desk.reload()
    await desk.get_by_role("link", name="TS-").click()
    await expect(desk.locator("[data-part='orders']")).to_contain_text("#1 1号喷淋泵异响 · 待接单")
    opening = desk.locator("[data-complaint-act='orders']")
    await opening.get_by_label("报修内容").fill("请另派人员检查1号喷淋泵")
    await opening.get_by_role("button", name="开工单").click()
    await expect(desk.locator("[data-part='orders']")).to_contain_text("#2 请另派人员检查1号喷淋泵 · 待接单")
    await expect(desk.locator(".complaint-story")).to_contain_text("已开工单 #2")
    await shot_whole(desk, "desk-complaint-with-orders")
