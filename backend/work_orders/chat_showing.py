"""What was done with an order, in a chat: its story, and its evidence, one picture at a time.

The rule: who verifies without leaving the chat has seen what the page shows; each read goes through the person's doors.
"""

from typing import Final
from uuid import UUID

from backend.chat.model import Key, Picture, Said, Saying, Speaker
from backend.core.errors import NotFound
from backend.core.i18n import N_
from backend.evidence.model import MediaKind
from backend.work_orders.chat_words import known, say
from backend.work_orders.queries import OrderView, Piece, order_view
from backend.work_orders.showing import piece_for

STORY, PIECE = "o-story", "o-piece"
_FORM: Final = "%m-%d %H:%M"
_MOST_LINES: Final = 40


def showing_keys(speaker: Speaker, view: OrderView) -> tuple[Key, ...]:
    """Keys that lead to an order's story and, if there is any, to its evidence."""
    keys = [Key(say(speaker, N_("经过")), STORY, view.order.id)]
    if view.evidence:
        keys.append(_piece_key(speaker, view, 0))
    return tuple(keys)


def _piece_key(speaker: Speaker, view: OrderView, at: int) -> Key:
    words = say(speaker, N_("佐证 {at}/{n}"), at=at + 1, n=len(view.evidence))
    return Key(words, PIECE, view.order.id, str(at))


async def show_story(speaker: Speaker, about: UUID | None, _: str) -> Said:
    """经过: who did what, when, by what way, the newest last."""
    view = await order_view(speaker.person, known(about))
    lines = [
        f"{each.at.strftime(_FORM)} {' · '.join(part for part in (each.text, each.person, each.via) if part)}"
        for each in view.story[-_MOST_LINES:]
    ]
    head = say(speaker, N_("工单 {number}"), number=view.order.number)
    return Saying(lines=(head, *lines), keys=(showing_keys(speaker, view)[1:],) if view.evidence else ())


async def show_piece(speaker: Speaker, about: UUID | None, argument: str) -> Said:
    """佐证: one picture, with a key to the next; what a chat can't draw is named, and is on the page."""
    view = await order_view(speaker.person, known(about))
    at = int(argument) if argument.isascii() and argument.isdecimal() else 0
    if at >= len(view.evidence):
        raise NotFound(N_("没有此佐证，请重新发送"))
    piece = view.evidence[at]
    keys = ((_piece_key(speaker, view, at + 1),),) if at + 1 < len(view.evidence) else ()
    words = f"#{view.order.number} · {_named(piece)}"
    if piece.kind != MediaKind.PHOTO:
        return Saying(lines=(words, say(speaker, N_("请在页面上打开"))), keys=keys)
    _found, octets = await piece_for(speaker.person, view.order.id, piece.id)
    picture = Picture(octets, piece.media_type, piece.name or "photo")
    return Saying(lines=(words,), keys=keys, picture=picture)


def _named(piece: Piece) -> str:
    return " · ".join(part for part in (piece.kind_word, piece.at.strftime(_FORM), piece.person) if part)
