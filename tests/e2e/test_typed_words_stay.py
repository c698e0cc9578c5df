"""What somebody types is theirs: neither a live page nor a refusal takes it away, on the phone and at the desk."""

from types import SimpleNamespace

from playwright.async_api import Page, expect

from backend.complaints.filing import Filing, file
from backend.complaints.service import answer
from backend.core.db.engine import execute, fetch
from backend.core.vocabulary import ComplaintKind, Via
from backend.people.queries import person_by_code
from tests.e2e.test_work_orders_in_a_browser import DESK, phone_of
from tests.e2e.town import Town, browser, town

__all__ = ["browser", "town"]
REFUSAL = '{"detail": "报警已关闭"}'


async def refuse(page: Page, path: str) -> None:
    await page.route(path, lambda route: route.fulfill(status=409, body=REFUSAL, content_type="application/json"))


async def alarm_on(town: Town, browser: SimpleNamespace, code: str) -> Page:
    """The alarm on a person's phone, who knows of it and may judge it."""
    page = await phone_of(town, browser, code, "/m")
    await page.locator(".line").first.click()
    await page.wait_for_url("**/m/alarms/*", wait_until="load")
    await page.get_by_role("button", name="我已知晓").click()
    await expect(page.get_by_role("button", name="误报")).to_be_visible()
    return page


async def writing_why(town: Town, browser: SimpleNamespace) -> Page:
    """李值班, amid the reason of a false alarm."""
    await town.fire()
    li = await alarm_on(town, browser, "li")
    await li.get_by_role("button", name="误报").click()
    await li.locator("#note-text").fill("厨房油烟")
    return li


async def test_a_verdicts_reason_is_sent_though_the_alarm_moves_meanwhile_and_stays_when_it_is_refused(
    town: Town, browser: SimpleNamespace
) -> None:
    li = await writing_why(town, browser)
    wang = await alarm_on(town, browser, "wang")
    await wang.get_by_role("button", name="测试/检修").click()
    await wang.get_by_role("button", name="提交").click()
    await expect(li.locator(".headline-foot")).to_contain_text("测试")
    await refuse(li, "**/verdict")
    await li.get_by_role("button", name="提交").click()
    await expect(li.locator("#toast")).to_contain_text("报警已关闭")
    await li.unroute("**/verdict")
    await li.get_by_role("button", name="误报").click()
    await expect(li.locator("#note-text")).to_have_value("厨房油烟")
    await li.get_by_role("button", name="提交").click()
    await expect(li.locator(".headline-foot")).to_contain_text("误报")
    (row,) = await fetch("select facts->>'note' as note from alarm_entries where facts->>'verdict' = 'false'")
    assert row["note"] == "厨房油烟"


async def test_words_in_a_form_stay_when_the_session_ends_and_only_then_the_page_becomes_anothers(
    town: Town, browser: SimpleNamespace
) -> None:
    li = await writing_why(town, browser)
    await li.evaluate("import('/static/live.js').then((live) => { window.again = live.refresher(); })")
    await execute("update sessions set expires_at = now() - interval '1 minute'")
    await li.evaluate("again()")
    assert "/m/alarms/" in li.url
    await expect(li.locator("#note-text")).to_have_value("厨房油烟")
    sample = (await fetch("select id from people where name = '王经理'"))[0]["id"]  # the demo's door lets them in
    await li.evaluate("again()")
    await expect(li.locator("#note-text")).to_have_value("厨房油烟")
    # at once in one: a page that nobody writes on may go by itself
    await li.evaluate("document.querySelector('#note-text').value = ''; setTimeout(again)")
    await expect(li.locator("body")).to_have_attribute("data-me", str(sample))


async def test_a_repair_that_was_not_judged_opens_no_order(town: Town, browser: SimpleNamespace) -> None:
    await town.fire(state=0b101)
    wang = await alarm_on(town, browser, "wang")
    await refuse(wang, "**/verdict")
    await wang.get_by_role("button", name="报修").click()
    await wang.get_by_role("button", name="提交").click()
    await expect(wang.locator("#toast")).to_contain_text("报警已关闭")
    await wang.wait_for_timeout(300)
    assert await fetch("select 1 from work_orders") == []


async def test_a_handlers_half_written_note_stays_while_the_complaint_moves(
    town: Town, browser: SimpleNamespace
) -> None:
    await execute(
        """insert into grants (id, person, role, unit, granted_at)
           select gen_random_uuid(), id, 'complaint_handler', null, now() from people where code = 'qian'"""
    )
    wang = await person_by_code("wang")
    (unit,) = await fetch("select id from units")
    told = Filing(unit=unit["id"], kind=ComplaintKind.OTHER, text="值班室电话打不通")
    complaint = await file(wang, told, Via.PHONE)
    desk = await browser.page(f"{town.address}/", viewport=DESK)
    await desk.goto(f"{town.address}/complaints/{complaint.id}")
    note = desk.locator("[data-complaint-act=notes] textarea")
    await note.fill("已致电机房，待回复")
    await desk.get_by_role("button", name="接手").click()
    await expect(desk.get_by_role("button", name="接手")).to_have_count(0)
    await expect(note).to_have_value("已致电机房，待回复")
    reply = desk.locator("[data-complaint-act=replies] textarea")
    await reply.fill("正在检查")
    await desk.locator("h1").click()  # nowhere: nothing has the focus
    await answer(wang, complaint.id, "仍然不通", Via.PHONE)
    await expect(desk.locator(".complaint-story")).to_contain_text("仍然不通")
    await desk.get_by_role("button", name="发送答复").click()
    await expect(desk.locator(".complaint-story")).to_contain_text("正在检查")
    await expect(reply).to_have_value("")
    await expect(note).to_have_value("已致电机房，待回复")
    await desk.get_by_role("button", name="记录").click()
    await expect(desk.locator(".complaint-story")).to_contain_text("已致电机房")
    await expect(note).to_have_value("")
    assert browser.complaints == []


async def test_a_masks_reason_stays_when_it_is_refused_and_two_taps_ask_for_one_mask(
    town: Town, browser: SimpleNamespace
) -> None:
    wang = await phone_of(town, browser, "wang", "/m/masks")
    form = wang.locator("[data-mask-form=masks]")
    await form.get_by_label("原因").fill("更换主机电源")
    await form.evaluate("form => { form.requestSubmit(); form.requestSubmit(); }")
    await expect(wang.locator("[data-mask]")).to_have_count(1)
    await refuse(wang, "**/lifting")
    await wang.get_by_role("button", name="撤回").click()
    await wang.locator("#mask-why-text").fill("改期到下周")
    await wang.locator("#mask-why").get_by_role("button", name="提交").click()
    await expect(wang.locator("#toast")).to_contain_text("报警已关闭")
    await wang.unroute("**/lifting")
    await wang.get_by_role("button", name="撤回").click()
    await expect(wang.locator("#mask-why-text")).to_have_value("改期到下周")
    await wang.locator("#mask-why").get_by_role("button", name="提交").click()
    await expect(wang.locator("[data-mask]")).to_have_count(0)
    assert len(await fetch("select 1 from masks")) == 1


async def test_a_name_for_a_new_device_stays_when_another_device_calls(town: Town, browser: SimpleNamespace) -> None:
    await town.fire(address="aabbccddee01")
    desk = await browser.page(f"{town.address}/", viewport=DESK)
    form = desk.locator(".stranger", has_text="aabbccddee01")
    await form.get_by_label("设备名称").fill("3号楼传输装置")
    await form.locator("p").first.click()  # nothing has the focus
    await town.fire(address="aabbccddee02")
    await expect(desk.locator(".stranger")).to_have_count(2)
    await expect(form.get_by_label("设备名称")).to_have_value("3号楼传输装置")
    await form.get_by_role("button", name="登记到单位").click()
    await expect(desk.locator(".stranger")).to_have_count(1)
    assert browser.complaints == []


async def test_a_line_of_the_duty_log_is_written_once(town: Town, browser: SimpleNamespace) -> None:
    wang = await phone_of(town, browser, "wang", "/m/duty")
    form = wang.locator("[data-duty-form=duty-log]")
    await form.get_by_label("记事").fill("消防车通道已清空")
    await form.evaluate("form => { form.requestSubmit(); form.requestSubmit(); }")
    await expect(wang.locator("[data-part=log]")).to_contain_text("消防车通道已清空")
    assert len(await fetch("select 1 from duty_log")) == 1
