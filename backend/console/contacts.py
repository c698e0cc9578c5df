"""Contacts that fail (联络方式), at `/contacts` and `/m/contacts`, for those who can mend them; how one is tried."""

from typing import Any, Literal
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from backend.console.pages import channel_words, draw, draw_refusal
from backend.console.phone import frame, to_the_door
from backend.core.db.engine import transaction
from backend.core.errors import NotSignedIn, Refused
from backend.core.i18n import N_, translate
from backend.core.ids import ContactPointId
from backend.core.settings import Settings
from backend.core.vocabulary import Via
from backend.delivery.trying import try_contact
from backend.ledger.service import record_action
from backend.people.contacts import contacts_of, failing_contacts
from backend.people.groups import groups_for, let_group_go
from backend.people.linking import chats_of, chats_of_others, let_chat_go
from backend.people.model import Person

_SENT = N_("测试消息已发出，请查收")
_LET_GO = N_("已解除绑定，该账号不再收到报警，也不能代表您操作")
_THEIRS_LET_GO = N_("已解除 {name} 的绑定，该账号不再收到报警，也不能代表本人操作")
_GROUP_LET_GO = N_("已解除绑定，该群不再收到报警")


async def _page(person: Person, settings: Settings, *, is_demo: bool, seat: Literal["phone", "desk"]) -> Response[str]:
    return draw(
        "contacts.html",
        **await frame(person, settings, is_demo=is_demo),
        seat=seat,
        home="/m" if seat == "phone" else "/",
        own=await contacts_of(person.id),
        chats=await chats_of(person.id),
        others=await chats_of_others(person),
        groups=await groups_for(person),
        failing=await failing_contacts(person),
        channels=channel_words(person.language),
    )


class ContactPages(Controller):
    """The list, on a PC and on a phone."""

    path = "/"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get("/contacts")
    async def desk(
        self, person: NamedDependency[Person], settings: NamedDependency[Settings], is_demo: NamedDependency[bool]
    ) -> Response[str]:
        """One's own ways, and those of one's people that fail."""
        return await _page(person, settings, is_demo=is_demo, seat="desk")

    @get("/m/contacts")
    async def phone(
        self, person: NamedDependency[Person], settings: NamedDependency[Settings], is_demo: NamedDependency[bool]
    ) -> Response[str]:
        """The same, on a phone."""
        return await _page(person, settings, is_demo=is_demo, seat="phone")


@post("/m/contacts/{contact_id:uuid}/test", status_code=200, include_in_schema=False)
async def send_trial(person: NamedDependency[Person], contact_id: FromPath[UUID]) -> dict[str, Any]:
    """A test card goes out by the real way."""
    await try_contact(person, ContactPointId(contact_id))
    return {"sentence": translate(_SENT, person.language)}


@post("/m/chats/{chat_id:uuid}/unlink", status_code=200, include_in_schema=False)
async def unlink_chat(
    person: NamedDependency[Person], via: NamedDependency[Via], chat_id: FromPath[UUID]
) -> dict[str, Any]:
    """A chat account is let go by its person, who may have lost its telephone, or by an administrator for them."""
    async with transaction():
        chat = await let_chat_go(person, chat_id)
        facts = {"channel": str(chat.channel), "account": chat.account, "of": chat.code, "via": str(via)}
        await record_action(person.code, "chat.unlinked", facts)
    sentence = _LET_GO if chat.code == person.code else _THEIRS_LET_GO
    return {"sentence": translate(sentence, person.language, name=chat.name)}


@post("/m/groups/{group_id:uuid}/unbind", status_code=200, include_in_schema=False)
async def unbind_group(
    person: NamedDependency[Person], via: NamedDependency[Via], group_id: FromPath[UUID]
) -> dict[str, Any]:
    """A unit's group is let go by who has the right, though they are not in it."""
    async with transaction():
        group = await let_group_go(person, group_id)
        facts = {"channel": str(group.channel), "chat": group.chat, "unit": str(group.unit), "via": str(via)}
        await record_action(person.code, "group.unbound", facts)
    return {"sentence": translate(_GROUP_LET_GO, person.language)}
