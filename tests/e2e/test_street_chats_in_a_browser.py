"""A chat on the street in a real browser: pictures, replies, long keyboards; words, a photo and a place that go out."""

from types import SimpleNamespace
from typing import Any

import httpx
from playwright.async_api import expect

from backend.demo.carriers.telegram import BotApiControl
from backend.demo.carriers.telegram.actor import Person
from tests.e2e.test_chat_story import a_picture
from tests.e2e.town import PHONE, TOKEN, Town, assert_it_fits, browser, town

__all__ = ["browser", "town"]
SIDE = 64
WIDE = {"width": 1440, "height": 1000}


async def heard(town: Town, bot: httpx.AsyncClient, most: int) -> list[dict[str, Any]]:
    """What the bot is told, oldest first, as soon as there are so many."""
    found: list[dict[str, Any]] = []
    while len(found) < most:
        offset = found[-1]["update_id"] + 1 if found else 0
        answer = await bot.post(f"{town.telegram}/bot{TOKEN}/getUpdates", json={"timeout": 5, "offset": offset})
        assert answer.json()["result"], f"only {found}"
        found += answer.json()["result"]
    return [each["message"] for each in found if "message" in each]


async def test_what_a_person_says_on_the_street_reaches_the_bot_as_it_was_said(
    town: Town, browser: SimpleNamespace
) -> None:
    page = await browser.page(f"{town.address}/demo", viewport=WIDE)
    phone = page.locator(".handset").first
    async with BotApiControl(town.telegram) as control, httpx.AsyncClient(trust_env=False, timeout=10) as bot:
        chat = await control.open_chat(Person(id=100001, first_name="王经理"))
        sent = await bot.post(
            f"{town.telegram}/bot{TOKEN}/sendMessage", json={"chat_id": chat, "text": "🔥 火警\n1号楼 5层"}
        )
        card = sent.json()["result"]["message_id"]
        await expect(phone.locator(".bubble")).to_have_count(1)
        await phone.get_by_role("button", name="回复").click()
        await expect(phone.locator(".writing .quoted")).to_have_text("🔥 火警")
        await phone.get_by_label("发消息").fill("已派人去看")
        await phone.get_by_role("button", name="发送", exact=True).click()
        await expect(phone.locator(".bubble.own blockquote")).to_contain_text("火警")
        await phone.get_by_label("发消息").fill("现场")
        picture = {"name": "p.png", "mimeType": "image/png", "buffer": a_picture(SIDE)}
        await phone.locator("input[type=file]").set_input_files(picture)  # type: ignore[arg-type]
        shown = phone.locator("img.bubble-photo")
        await expect(shown).to_have_count(1)
        assert await shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == SIDE
        await phone.locator("[data-place]").click()
        await expect(phone.locator(".bubble.own .place")).to_contain_text("31.23040, 121.47370")
        words, photo, place = await heard(town, bot, 3)
    assert (words["text"], words["reply_to_message"]["message_id"]) == ("已派人去看", card)
    assert (photo["caption"], bool(photo["photo"])) == ("现场", True)
    assert (place["location"]["latitude"], place["location"]["longitude"]) == (31.2304, 121.4737)
    assert browser.complaints == []


async def test_pictures_and_long_keyboards_fit_narrow_and_wide_streets(town: Town, browser: SimpleNamespace) -> None:
    keys = [
        [{"text": f"{n} ★", "callback_data": f"{n}"} for n in range(1, 6)],
        [{"text": "通知不及时或没有收到", "callback_data": "a"}, {"text": "响应或到场慢于约定", "callback_data": "b"}],
        [{"text": "2号楼(商业楼) 火灾自动报警系统 3号回路 感烟探测器", "callback_data": "c"}],
    ]
    async with BotApiControl(town.telegram) as control, httpx.AsyncClient(trust_env=False, timeout=10) as bot:
        chat = await control.open_chat(Person(id=100001, first_name="王经理"))
        form = {"chat_id": str(chat), "caption": "24 小时 水箱液位 " + "很长的地点" * 20}
        sent = await bot.post(
            f"{town.telegram}/bot{TOKEN}/sendPhoto", data=form, files={"photo": ("c.png", a_picture(SIDE), "image/png")}
        )
        assert sent.status_code == 200, sent.text
        await bot.post(
            f"{town.telegram}/bot{TOKEN}/sendMessage",
            json={"chat_id": chat, "text": "请选择", "reply_markup": {"inline_keyboard": keys}},
        )
        for name, viewport in (("street-keys-narrow", PHONE), ("street-keys-wide", WIDE)):
            page = await browser.page(f"{town.address}/demo", viewport=viewport)
            phone = page.locator(".handset").first
            await expect(phone.locator(".bubble")).to_have_count(2)
            assert await phone.locator("img.bubble-photo").evaluate("image => image.decode().then(() => true)")
            await assert_it_fits(page, name)
            for key in await phone.locator(".bubble-row button").all():
                wide, room = await key.evaluate("key => [key.scrollWidth, key.clientWidth]")
                assert wide <= room + 1, await key.inner_text()
    assert browser.complaints == []


async def test_a_strangers_file_and_a_foreign_page_are_refused(town: Town) -> None:
    async with (
        BotApiControl(town.telegram) as control,
        httpx.AsyncClient(base_url=town.address, trust_env=False) as web,
    ):
        mine = await control.open_chat(Person(id=100001, first_name="王经理"))
        theirs = await control.open_chat(Person(id=100002, first_name="李值班"))
        await control.send_file(theirs, "photo", a_picture(SIDE))
        (message,) = (await control.chat(theirs)).messages
        assert (await web.get(f"/demo/chats/{theirs}/files/{message.file_path}")).content == a_picture(SIDE)
        assert (await web.get(f"/demo/chats/{mine}/files/{message.file_path}")).status_code == 404
        said = {"words": "x"}
        assert (await web.post(f"/demo/chats/{mine}/words", json=said)).status_code == 403
        foreign = {"X-Fenghuo": "1", "Sec-Fetch-Site": "cross-site"}
        assert (await web.post(f"/demo/chats/{mine}/words", json=said, headers=foreign)).status_code == 403
        bad = await web.post(f"/demo/chats/{mine}/file", json={"octets": "PGh0bWw+"}, headers={"X-Fenghuo": "1"})
        assert bad.status_code == 400
        assert (await control.chat(mine)).messages == []
