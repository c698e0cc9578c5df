"""What travels when a mask or a window is asked for over HTTP, whichever edge it comes by: bodies and answers."""

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from backend.alarms.masks.model import STATE_LABELS, WINDOW_STATE_LABELS, Mask, Scope, Window, WindowKind
from backend.alarms.masks.service import ask, extend
from backend.alarms.masks.windows import open_window
from backend.core import clock
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId, id_by
from backend.core.vocabulary import Via
from backend.people.model import Person

_MOST_MINUTES: Final = 60 * 24 * 60
Reason = Annotated[str, Meta(min_length=1, max_length=500)]
Why = Annotated[str, Meta(max_length=500)]
Lasts = Annotated[int, Meta(ge=1, le=_MOST_MINUTES)]


class _In(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class MaskIn(_In, frozen=True, kw_only=True):
    """What is to be masked, why, and for how long; `key`: chosen by a sender who may send it twice."""

    key: UUID | None = None
    scope: Scope
    reason: Reason
    lasts_minutes: Lasts
    until_repaired: bool = False


class ExtendIn(_In, frozen=True, kw_only=True):
    """How long from now, and why; `key`: chosen by a sender who may send it twice."""

    key: UUID | None = None
    reason: Reason
    lasts_minutes: Lasts


class RefuseIn(_In, frozen=True, kw_only=True):
    """Why not."""

    why: Reason


class LiftIn(_In, frozen=True, kw_only=True):
    """Why it is lifted; may be empty."""

    why: Why = ""


class WindowIn(_In, frozen=True, kw_only=True):
    """A drill or a test: where, why, from when (minutes from now), for how long, and who is told; `key` as a mask's."""

    key: UUID | None = None
    scope: Scope
    kind: WindowKind
    reason: Reason
    lasts_minutes: Lasts
    starts_in_minutes: Annotated[int, Meta(ge=0, le=_MOST_MINUTES)] = 0
    people: Annotated[tuple[UUID, ...], Meta(max_length=200)] = ()


class DoneOut(msgspec.Struct, frozen=True, kw_only=True):
    """How the mask or window stands now, and a sentence to show."""

    id: UUID
    number: int
    state: str
    sentence: str


def mask_done(mask: Mask, language: str) -> DoneOut:
    """A mask's answer."""
    words = N_("屏蔽 #{number}：{state}")
    return _done(words, mask.id, mask.number, str(mask.state), STATE_LABELS[mask.state], language)


def window_done(window: Window, language: str) -> DoneOut:
    """A window's answer."""
    words = N_("演练或测试 #{number}：{state}")
    return _done(words, window.id, window.number, str(window.state), WINDOW_STATE_LABELS[window.state], language)


def _done(words: str, about: UUID, number: int, state: str, label: str, language: str) -> DoneOut:  # noqa: PLR0917
    sentence = translate(words, language, number=number, state=translate(label, language))
    return DoneOut(id=about, number=number, state=state, sentence=sentence)


async def ask_by(person: Person, data: MaskIn, via: Via) -> DoneOut:
    """`service.ask` with a body's figures."""
    until = clock.now() + timedelta(minutes=data.lasts_minutes)
    made = id_by(person.id, data.key, "mask")
    mask = await ask(person, data.scope, data.reason, until, via, until_repaired=data.until_repaired, mask_id=made)
    return mask_done(mask, person.language)


async def extend_by(person: Person, mask_id: UUID, data: ExtendIn, via: Via) -> DoneOut:
    """`service.extend` with a body's figures."""
    until = clock.now() + timedelta(minutes=data.lasts_minutes)
    made = id_by(person.id, data.key, "mask")
    return mask_done(await extend(person, mask_id, data.reason, until, via, made), person.language)


async def open_by(person: Person, data: WindowIn, via: Via) -> DoneOut:
    """`windows.open_window` with a body's figures."""
    from_at = clock.now() + timedelta(minutes=data.starts_in_minutes)
    window = await open_window(
        person,
        data.scope,
        data.kind,
        data.reason,
        from_at=from_at,
        until_at=from_at + timedelta(minutes=data.lasts_minutes),
        via=via,
        people=[PersonId(each) for each in data.people],
        window_id=id_by(person.id, data.key, "window"),
    )
    return window_done(window, person.language)
