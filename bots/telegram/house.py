"""The real use cases behind the bot: the only module of it that names the house's services.

The rule: each act of linking and of groups is in the ledger, in the transaction that does it.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from backend.chat.drafts import move_drafts
from backend.chat.service import Conversation, Offer
from backend.core.db.engine import transaction
from backend.core.i18n import N_
from backend.core.ids import UnitId
from backend.core.limits import Buckets
from backend.core.vocabulary import Channel, Via
from backend.delivery.queries import card_at
from backend.delivery.trying import contact_works
from backend.ledger.service import record_action
from backend.people import groups
from backend.people import service as people
from backend.people.groups import UnitChoice
from backend.people.linking import linked_by, undo_link, void_code
from backend.people.model import Person, Right
from backend.talks import TALKS
from bots.telegram.use_cases import UseCases

#: what Telegram's own routers answer, for the help and the menu
OFFERS: Final = (
    Offer(name="unlink", help=N_("解除绑定，此处不再收到报警")),
    Offer(name="bind", help=N_("在群里发送：把该群绑定到联网单位"), right=Right.BIND_GROUP, in_menu=False),
    Offer(name="unbind", help=N_("在群里发送：解除该群的绑定"), right=Right.BIND_GROUP, in_menu=False),
)
_TELEGRAM: Final = Channel.TELEGRAM
_LONGEST_PRESS: Final = 64
#: a stranger who presses on and on is one fact, not a thousand
_STRANGERS: Final = Buckets(per_minute=2)


def the_house() -> UseCases:
    """The real use cases. What they ask to be drawn again is announced by themselves (core.announce)."""
    return UseCases(
        conversation=Conversation(TALKS, offers=OFFERS),
        person_of_chat=people.person_of_chat,
        link_chat=_link_chat,
        void_code=void_code,
        undo_link=_undo_link,
        unlink_chat=_unlink_chat,
        mark_contact_failing=people.mark_contact_failing,
        mark_contact_well=people.mark_contact_well,
        contact_works=contact_works,
        record_stranger=_record_stranger,
        card_at=_card_at,
        group_unit=_group_unit,
        units_to_bind=_units_to_bind,
        bind_group=_bind_group,
        unbind_group=_unbind_group,
        mark_group=_mark_group,
        group_moved=_group_moved,
    )


async def _link_chat(code: str, channel: Channel, account: str, chat: str) -> Person:
    if (before := await linked_by(code, channel, account)) is not None:
        return before
    async with transaction():
        person = await people.link_chat(code, channel, account, chat)
        await record_action(person.code, "chat.linked", {"channel": str(channel), "account": account, "chat": chat})
    return person


async def _undo_link(channel: Channel, account: str, within: timedelta) -> bool:
    async with transaction():
        person = await people.person_of_chat(channel, account)
        done = await undo_link(channel, account, within)
        if done and person is not None:
            await record_action(person.code, "chat.link_undone", {"channel": str(channel), "account": account})
    return done


async def _unlink_chat(channel: Channel, account: str) -> None:
    async with transaction():
        person = await people.person_of_chat(channel, account)
        await people.unlink_chat(channel, account)
        if person is not None:
            await record_action(person.code, "chat.unlinked", {"channel": str(channel), "account": account})


async def _record_stranger(account: str, chat: str, press: str) -> None:
    """Who is nobody of ours pressed a key; kept a few times a minute for each account."""
    if not _STRANGERS.take(account):
        return
    facts = {"channel": str(_TELEGRAM), "account": account, "chat": chat, "press": press[:_LONGEST_PRESS]}
    async with transaction():
        await record_action("stranger", "chat.stranger_pressed", facts)


async def _card_at(chat: int, message: int) -> tuple[str, UUID] | None:
    return await card_at(_TELEGRAM, chat, message)


async def _group_unit(chat: str) -> UnitId | None:
    group = await groups.group_of(_TELEGRAM, chat)
    return None if group is None else group.unit


async def _units_to_bind(person: Person, words: str) -> Sequence[UnitChoice]:
    return await groups.units_to_bind(person, words)


async def _bind_group(person: Person, unit: UnitId, chat: str, topic: str, title: str) -> None:
    async with transaction():
        await groups.bind_group(person, unit, _TELEGRAM, chat, topic, title)
        facts = {"channel": str(_TELEGRAM), "chat": chat, "topic": topic, "unit": str(unit)}
        await record_action(person.code, "group.bound", facts)


async def _unbind_group(person: Person, chat: str) -> None:
    async with transaction():
        group = await groups.unbind_group(person, _TELEGRAM, chat)
        facts = {"channel": str(_TELEGRAM), "chat": chat, "unit": str(group.unit)}
        await record_action(person.code, "group.unbound", facts)


async def _mark_group(chat: str, is_well: bool) -> None:
    async with transaction():
        if await groups.group_of(_TELEGRAM, chat) is None:
            return
        await groups.mark_group(_TELEGRAM, chat, is_well=is_well)
        what = "group.let_in" if is_well else "group.removed"
        await record_action("bot", what, {"channel": str(_TELEGRAM), "chat": chat})


async def _group_moved(before: str, after: str) -> None:
    async with transaction():
        if await groups.group_moved(_TELEGRAM, before, after):
            await move_drafts(Via.TELEGRAM, before, after)
            facts = {"channel": str(_TELEGRAM), "chat": before, "to": after}
            await record_action("bot", "group.moved", facts)
