"""Who has lost the telephone of a chat account lets it go on a page: it speaks for them no more, and hears nothing."""

from types import SimpleNamespace

import msgspec

from backend.core.db.engine import execute, fetch
from backend.core.ids import UnitId
from backend.core.vocabulary import Channel, Role
from backend.people import groups
from backend.people import service as people
from backend.people.linking import chats_of
from backend.people.queries import person_by_code
from tests.integration.test_pages import cookie, house

__all__ = ["house"]


async def linked(code: str, account: str) -> str:
    person = await person_by_code(code)
    await people.link_chat(await people.new_code(person.id, "telegram"), Channel.TELEGRAM, account, account)
    (chat,) = [each for each in await chats_of(person.id) if each.account == account]
    return str(chat.id)


async def own(code: str) -> dict[str, str]:
    return {**await cookie(code), "X-Fenghuo": "1", "Sec-Fetch-Site": "same-origin"}


async def test_a_chat_account_is_let_go_from_the_page_and_the_ledger_has_it(house: SimpleNamespace) -> None:
    kept, lost = await linked("wang", "700001"), await linked("wang", "700002")
    page = (await house.client.get("/m/contacts", headers=await cookie("wang"))).text
    assert f'data-unlink-chat="{lost}"' in page
    assert "…002" in page
    answer = await house.client.post(f"/m/chats/{lost}/unlink", headers=await own("wang"))
    assert answer.status_code == 200
    assert "已解除绑定" in answer.json()["sentence"]
    assert await people.person_of_chat(Channel.TELEGRAM, "700002") is None
    assert await people.person_of_chat(Channel.TELEGRAM, "700001") is not None, "the other one stays"
    (way,) = await fetch("select failure from contact_points where address = '700002'")
    assert way["failure"] == "unlinked"
    page = (await house.client.get("/m/contacts", headers=await cookie("wang"))).text
    assert lost not in page
    assert kept in page
    (row,) = await fetch("select facts from ledger where kind = 'action' order by seq desc limit 1")
    facts = msgspec.json.decode(row["facts"])
    assert (facts["what"], facts["via"]) == ("chat.unlinked", "phone")
    assert (await house.client.post(f"/m/chats/{lost}/unlink", headers=await own("wang"))).status_code == 404


async def test_nobody_lets_anothers_account_go(house: SimpleNamespace) -> None:
    theirs = await linked("wang", "700003")
    assert (await house.client.post(f"/m/chats/{theirs}/unlink", headers=await own("li"))).status_code == 404
    foreign = {**await cookie("wang"), "Sec-Fetch-Site": "cross-site", "X-Fenghuo": "1"}
    assert (await house.client.post(f"/m/chats/{theirs}/unlink", headers=foreign)).status_code == 403
    assert await people.person_of_chat(Channel.TELEGRAM, "700003") is not None
    assert theirs not in (await house.client.get("/m/contacts", headers=await cookie("li"))).text


async def test_an_administrator_lets_anothers_account_go_and_the_ledger_says_whose(house: SimpleNamespace) -> None:
    theirs = await linked("wang", "700004")
    boss = await people.add_person("boss", "管理员", "13900000009", "zh_CN")
    await people.grant(boss, Role.ADMINISTRATOR, None)
    page = (await house.client.get("/m/contacts", headers=await cookie("boss"))).text
    assert f'data-unlink-chat="{theirs}"' in page
    answer = await house.client.post(f"/m/chats/{theirs}/unlink", headers=await own("boss"))
    assert answer.status_code == 200
    assert "王" in answer.json()["sentence"]
    assert await people.person_of_chat(Channel.TELEGRAM, "700004") is None
    (row,) = await fetch("select facts from ledger where kind = 'action' order by seq desc limit 1")
    facts = msgspec.json.decode(row["facts"])
    assert (facts["what"], facts["of"]) == ("chat.unlinked", "wang")


async def test_a_group_whose_binder_lost_the_right_is_let_go_on_the_page_by_who_has_it(house: SimpleNamespace) -> None:
    (unit,) = await fetch("select unit from grants g join people p on p.id = g.person where p.code = 'wang' limit 1")
    old = await people.add_person("gone", "前经理", "13900000008", "zh_CN")
    await people.grant(old, Role.UNIT_MANAGER, UnitId(unit["unit"]))
    who = await person_by_code("gone")
    await groups.bind_group(who, UnitId(unit["unit"]), Channel.TELEGRAM, "-100777", "", "老班组")
    assert "绑定人已没有" not in (await house.client.get("/m/contacts", headers=await cookie("wang"))).text
    await execute("delete from grants where person = $1", old)
    page = (await house.client.get("/m/contacts", headers=await cookie("wang"))).text
    assert "老班组" in page
    assert "绑定人已没有" in page
    (group,) = await groups.groups_for(await person_by_code("wang"))
    refused = await house.client.post(f"/m/groups/{group.id}/unbind", headers=await own("gone"))
    assert refused.status_code in {403, 404}
    assert "老班组" not in (await house.client.get("/m/contacts", headers=await cookie("gone"))).text
    answer = await house.client.post(f"/m/groups/{group.id}/unbind", headers=await own("wang"))
    assert answer.status_code == 200
    assert await groups.group_of(Channel.TELEGRAM, "-100777") is None
    assert "老班组" not in (await house.client.get("/m/contacts", headers=await cookie("wang"))).text
    assert (await house.client.post(f"/m/groups/{group.id}/unbind", headers=await own("wang"))).status_code == 404
