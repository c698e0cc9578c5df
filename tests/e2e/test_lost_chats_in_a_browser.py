"""A lost telephone's chat account is let go on the page in a real browser: by two taps, on a phone and at the desk."""

from types import SimpleNamespace

import pytest
from playwright.async_api import expect

from backend.core.db.engine import execute, fetch
from backend.core.ids import UnitId
from backend.core.vocabulary import Channel
from backend.people import groups
from backend.people.queries import person_by_code
from tests.e2e.test_work_orders_in_a_browser import DESK, phone_of
from tests.e2e.town import Town, assert_it_fits, browser, town
from tests.integration.test_lost_chats import linked

__all__ = ["browser", "town"]


@pytest.mark.parametrize(
    ("language", "let_go", "sure"), [("zh_CN", "解除绑定", "再按一次解除绑定"), ("en", "Unlink", "")]
)
async def test_two_taps_let_an_account_go_on_a_phone(
    town: Town, browser: SimpleNamespace, language: str, let_go: str, sure: str
) -> None:
    await execute("update people set language = $1", language)
    await linked("wang", "700001")
    await linked("wang", "700002")
    page = await phone_of(town, browser, "wang", "/m/contacts")
    line = page.locator("[data-part=chats] li", has_text="…002")
    button = line.locator("[data-unlink-chat]")
    await expect(button).to_contain_text(let_go)
    await button.click()
    await expect(button).to_contain_text(sure)
    await assert_it_fits(page, f"contacts-sure-{language}")
    await button.click()
    await expect(line).to_have_count(0)
    await expect(page.locator("[data-part=own]")).not_to_contain_text("700002")
    await expect(page.locator("[data-part=chats] li")).to_have_count(1 + await others("wang", "700001", "700002"))
    assert browser.complaints == []


async def others(code: str, *but: str) -> int:
    rows = await fetch(
        """select c.account from chat_identities c join people p on p.id = c.person
           where p.code = $1 and c.unlinked_at is null""",
        code,
    )
    return len([row for row in rows if row["account"] not in but])


async def test_one_tap_is_forgotten_and_the_last_account_leaves_no_empty_list_at_the_desk(
    town: Town, browser: SimpleNamespace
) -> None:
    await execute("update chat_identities set unlinked_at = now() where unlinked_at is null")
    await linked("qian", "700009")
    desk = await browser.page(f"{town.address}/", viewport=DESK)
    await desk.goto(f"{town.address}/contacts")
    button = desk.locator("[data-unlink-chat]")
    await button.click()
    await expect(button).to_have_text("再按一次解除绑定")
    await expect(button).to_have_text("解除绑定")
    await button.click()
    await button.click()
    await expect(desk.locator("[data-part=chats]")).to_be_hidden()
    assert await fetch("select 1 from chat_identities where account = '700009' and unlinked_at is null") == []
    assert browser.complaints == []


async def test_two_taps_let_a_group_go_and_the_last_one_leaves_no_empty_list(
    town: Town, browser: SimpleNamespace
) -> None:
    (unit,) = await fetch("select id from units where code = 'FH001'")
    await groups.bind_group(
        await person_by_code("wang"), UnitId(unit["id"]), Channel.TELEGRAM, "-100777", "", "示范大厦消防群"
    )
    page = await phone_of(town, browser, "wang", "/m/contacts")
    button = page.locator("[data-unbind-group]")
    await expect(page.locator("[data-part=groups]")).to_contain_text("示范大厦消防群")
    await assert_it_fits(page, "contacts-groups")
    await button.click()
    await expect(button).to_have_text("再按一次解除绑定")
    await button.click()
    await expect(page.locator("[data-part=groups]")).to_be_hidden()
    assert await groups.group_of(Channel.TELEGRAM, "-100777") is None
    assert browser.complaints == []
