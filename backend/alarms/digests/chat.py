"""The digest in chats: 简报 shows and switches it; 日报 08:00, 周报 08:00; keys for the usual times."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from backend.alarms.digests.model import EVERY_LABELS, Every, Wish, minute_of
from backend.alarms.digests.service import digest_wish, stop_digest, wish_for_digest
from backend.alarms.status_review import zone_of
from backend.chat.model import Command, Key, Said, Saying, Speaker, Talk
from backend.core.errors import NotAllowed
from backend.core.i18n import N_, translate
from backend.core.ids import UnitId
from backend.people.doors import units_seen
from backend.people.model import Right

_OFF: Final = frozenset({"关", "关闭", "停", "停止", "退订", "取消", "off", "stop"})
_USUAL: Final = ((Every.DAY, "0800"), (Every.DAY, "1800"), (Every.WEEK, "0800"))
_VERBS: Final = {Every.DAY: "dg-day", Every.WEEK: "dg-week"}


async def _show(speaker: Speaker, first: str = "") -> Saying:
    wish = await digest_wish(speaker.person)
    lines = [first] if first else []
    lines.append(await _standing(speaker, wish))
    keys = [
        Key(_every(speaker, every, f"{at[:2]}:{at[2:]}"), _VERBS[every], speaker.group_unit, at) for every, at in _USUAL
    ]
    off = (Key(translate(N_("停止简报"), speaker.language), "dg-off"),)
    return Saying(lines=tuple(lines), keys=((*keys[:2],), (*keys[2:],), *((off,) if wish else ())))


async def _standing(speaker: Speaker, wish: Wish | None) -> str:
    language = speaker.language
    if wish is None:
        return translate(N_("您没有订阅简报。发“日报 07:30”或“周报 08:00”，或按下面的键"), language)
    name, _ = await zone_of(speaker.person, wish.unit)
    return translate(
        N_("简报：{every}（{timezone}）· {unit}"),
        language,
        every=_every(speaker, wish.every, wish.time),
        timezone=wish.timezone,
        unit=name or translate(N_("全部联网单位"), language),
    )


def _every(speaker: Speaker, every: Every, time: str) -> str:
    return translate(EVERY_LABELS[every], speaker.language, time=time)


async def show(speaker: Speaker, words: str) -> Said:
    """简报: how it stands; "简报 关" switches it off, "简报 07:30" on."""
    text = words.strip()
    if text in _OFF:
        return await _stop(speaker, None, "")
    if units_seen(speaker.person) == frozenset():  # nobody is offered keys that can only refuse
        raise NotAllowed(N_("您还没有任何单位的查看权限"))
    return await _wish(speaker, Every.DAY, text) if text else await _show(speaker)


async def _wish(speaker: Speaker, every: Every, words: str, unit: UnitId | None = None) -> Said:
    asked = unit or speaker.group_unit
    await wish_for_digest(speaker.person, every, minute_of(words), asked, speaker.via)
    return await _show(speaker, translate(N_("已订阅"), speaker.language))


async def _stop(speaker: Speaker, _: UUID | None, __: str) -> Said:
    was_on = await stop_digest(speaker.person, speaker.via)
    return await _show(speaker, translate(N_("已停止简报") if was_on else N_("简报本来就没有开"), speaker.language))


def _sayer(every: Every) -> Callable[[Speaker, str], Awaitable[Said]]:
    async def say(speaker: Speaker, words: str) -> Said:
        if words.strip() in _OFF:
            return await _stop(speaker, None, "")
        return await _wish(speaker, every, words)

    return say


def _presser(every: Every) -> Callable[[Speaker, UUID | None, str], Awaitable[Said]]:
    async def press(speaker: Speaker, about: UUID | None, argument: str) -> Said:
        return await _wish(speaker, every, argument, UnitId(about) if about else None)

    return press


DIGEST_TALK: Final = Talk(
    concept="digest",
    commands=(
        Command(
            name="digest",
            words=("简报", "订阅", "digest"),
            help=N_("简报：每天或每周自动发来单位概况，可随时开关"),
            do=show,
            right=Right.SEE,
        ),
        Command(
            name="daily",
            words=("日报", "daily"),
            help=N_("日报 08:00：每天这个时间发简报"),
            do=_sayer(Every.DAY),
            right=Right.SEE,
            in_menu=False,
        ),
        Command(
            name="weekly",
            words=("周报", "weekly"),
            help=N_("周报 08:00：每周一这个时间发简报"),
            do=_sayer(Every.WEEK),
            right=Right.SEE,
            in_menu=False,
        ),
    ),
    presses={"dg-day": _presser(Every.DAY), "dg-week": _presser(Every.WEEK), "dg-off": _stop},
)
