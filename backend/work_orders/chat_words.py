"""How a work order is said in any chat: its lines, and the keys for what this speaker may do now."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from backend.chat.model import Heard, Key, Saying, Speaker
from backend.core.errors import BadInput
from backend.core.i18n import N_, labelled, translate
from backend.evidence.model import EvidenceId, is_too_much
from backend.evidence.service import keep
from backend.people.model import Person, Right
from backend.work_orders.card import COMPLAIN, PHOTO, SHOW, VERBS
from backend.work_orders.model import ACT_LABELS, STATE_LABELS, Act, NoSuchOrder, WorkOrder
from backend.work_orders.queries import OrderLine, OrderView
from backend.work_orders.rules import offered_acts, standing

_A_ROW: Final = 3
#: of a list; whoever asks for one more sees that there are more
MOST_LISTED: Final = 12
_PRIMARY: Final = frozenset({Act.ACCEPT, Act.ARRIVE, Act.FINISH, Act.VERIFY, Act.RESUME})
#: acts that somebody under way with the work wants a photo key beside
_ON_THE_SPOT: Final = frozenset({Act.FINISH, Act.RESUME})


def known(about: UUID | None) -> UUID:
    """The order that a key is of. Raises `NoSuchOrder`."""
    if about is None:
        raise NoSuchOrder(N_("没有这张工单"))
    return about


def say(speaker: Speaker, message: str, **inside: object) -> str:
    """A sentence in the speaker's language."""
    return translate(message, speaker.language, **inside)


def order_lines(view: OrderView, language: str) -> tuple[str, ...]:
    """All of an order that a person needs to go by."""
    card = view.card
    head = f"{card.icon} {card.headline} · #{card.number}"
    lines = [head, *([f"【{card.banner}】"] if card.banner else []), card.where, card.what, card.unit]
    lines += [labelled(fact.label, fact.value, language) for fact in card.facts]
    return tuple(line for line in lines if line)


def act_keys(speaker: Speaker, order: WorkOrder) -> tuple[tuple[Key, ...], ...]:
    """What this speaker may do with an order now, a few a row."""
    acts = offered_acts(order, standing(order, speaker.person), speaker.person.id)
    keys = [
        Key(_label(speaker, act), VERBS[_verb_of(act)], order.id, style="primary" if act in _PRIMARY else "plain")
        for act in acts
        if _verb_of(act) in VERBS
    ]
    if _ON_THE_SPOT & set(acts):
        keys.insert(0, Key(say(speaker, N_("拍照")), PHOTO, order.id))
    return tuple(tuple(keys[at : at + _A_ROW]) for at in range(0, len(keys), _A_ROW))


def _verb_of(act: Act) -> Act:
    """拒单 is one word to people, whoever else was asked."""
    return Act.DECLINE if act is Act.STEP_ASIDE else act


def _label(speaker: Speaker, act: Act) -> str:
    return say(speaker, ACT_LABELS[act])


def whole(speaker: Speaker, view: OrderView) -> Saying:
    """An order as it stands, with its keys, and what of other rooms it has to do with; that is not for a group."""
    beside = () if speaker.is_group else view.beside
    said = (labelled(each.label, each.words, speaker.language) for each in beside)
    lines = (*order_lines(view, speaker.language), *said)
    keys = [*act_keys(speaker, view.order), *((Key(each.words, each.verb, each.about),) for each in beside)]
    if speaker.person.may(Right.COMPLAIN, view.order.unit):
        keys.append((Key(say(speaker, N_("投诉")), COMPLAIN, view.order.id),))
    return Saying(lines=lines, keys=tuple(keys))


def stands(speaker: Speaker, order: WorkOrder) -> Saying:
    """How an order stands after an act, and what may be done next."""
    words = say(
        speaker, N_("工单 {number}：{state}"), number=order.number, state=say(speaker, STATE_LABELS[order.state])
    )
    keys = (*act_keys(speaker, order), (Key(say(speaker, N_("工单详情")), SHOW, order.id),))
    return Saying(lines=(words,), keys=keys, brief=words)


def listed(speaker: Speaker, orders: Sequence[OrderLine], title: str) -> Saying:
    """Orders as a list, each with a key that shows it."""
    if not orders:
        return Saying(lines=(say(speaker, N_("没有工单")),))
    lines, keys = [say(speaker, title)], []
    if len(orders) > MOST_LISTED:
        lines.append(say(speaker, N_("（只列出最紧急的 {n} 张，其余请在页面查看）"), n=MOST_LISTED))
    for order in orders[:MOST_LISTED]:
        late = f" · {say(speaker, N_('已超时'))}" if order.is_overdue else ""
        due = order.due_at.strftime("%m-%d %H:%M")
        lines.append(f"#{order.number} {order.state_word} · {order.where or order.what} · {due}{late}")
        keys.append(Key(f"#{order.number}", SHOW, order.id))
    rows = tuple(tuple(keys[at : at + 4]) for at in range(0, len(keys), 4))
    return Saying(lines=tuple(lines), keys=rows)


async def kept(person: Person, heard: Heard) -> list[EvidenceId]:
    """The files of a message, as evidence. Raises `BadInput` for one that is none."""
    pieces = []
    for media in heard.media:
        if is_too_much(media.declared_octets):
            raise BadInput(N_("文件过大：最多 10 MB"))
        pieces.append(await keep(person, media.kind, media.name, await media.fetch()))
    return pieces
