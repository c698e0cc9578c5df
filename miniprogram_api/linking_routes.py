"""`/mp/v1/telegram-link`: a signed-in person asks for a one-time way to bind their Telegram chat (绑定)."""

from typing import Any, Final

from litestar import Controller, post
from litestar.di import NamedDependency

from backend.core import clock
from backend.core.errors import TooMany
from backend.core.i18n import N_
from backend.core.limits import Buckets
from backend.core.settings import Settings
from backend.people.model import CODE_LIFETIME, CodePurpose, Person
from backend.people.service import new_code
from miniprogram_api.wire import TelegramLinkOut

_LINKS_PER_MINUTE: Final = 5


class Linking(Controller):
    """Binding chats."""

    path = "/mp/v1"
    tags = ("phone",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked = Buckets(per_minute=_LINKS_PER_MINUTE)

    @post("/telegram-link", status_code=200)
    async def telegram_link(
        self, person: NamedDependency[Person], settings: NamedDependency[Settings]
    ) -> TelegramLinkOut:
        """A code that binds one chat within ten minutes; a newer one ends it."""
        if not self._asked.take(str(person.id)):
            raise TooMany(N_("尝试次数过多，请稍后再试"))
        expires_at = clock.now() + CODE_LIFETIME
        code = await new_code(person.id, CodePurpose.TELEGRAM)
        bot = settings.telegram.bot_username
        return TelegramLinkOut(
            code=code,
            command=f"/start {code}",
            typed_code=await new_code(person.id, CodePurpose.TELEGRAM_TYPED),
            link=f"https://t.me/{bot}?start={code}" if bot else None,
            expires_at=expires_at,
            lasts_s=int(CODE_LIFETIME.total_seconds()),
        )
