"""Drawing a page: Jinja with everything escaped, sentences in the reader's language, times on the local clock."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.enums import MediaType

from backend.core import clock
from backend.core.errors import Refused
from backend.core.i18n import N_, known_language, translate
from backend.core.vocabulary import CHANNEL_LABELS, SEVERITY_LABELS, Severity

HERE: Final = Path(__file__).parent
_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
#: sentences the scripts show; they travel in the page so that they are translated with it
_WORDS: Final = {
    "online": N_("已连接"),
    "offline": N_("连接中断，正在重连"),
    "sound_on": N_("声音已开"),
    "sound_off": N_("开启声音"),
    "again": N_("再按一次确认"),
    "not_sent": N_("未送出，请检查网络后重试"),
    "kept": N_("没有网络，已存入待发送，恢复后自动发送"),
    "kept_until_session": N_("登录已失效，已存入待发送，重新登录后自动发送"),
    "leaves_waiting": N_("还有内容没有发送，退出后须由您重新登录才会发送。仍要退出吗？"),
    "let_go": N_("删除"),
    "days": N_("天"),
}


def words(language: str) -> str:
    """The scripts' sentences as JSON."""
    return msgspec.json.encode({name: translate(text, language) for name, text in _WORDS.items()}).decode()


def draw(template: str, *, language: str, timezone: str, status: int = 200, **values: Any) -> Response[str]:
    """A page. `timezone` is the one its times are shown in."""

    def speak(message: str, **inside: object) -> str:
        return translate(message, language, **inside)

    def at(moment: datetime, form: str = "%m-%d %H:%M:%S") -> str:
        return clock.in_zone(moment, timezone).strftime(form)

    html = _ENVIRONMENT.get_template(template).render(
        _=speak,
        at=at,
        now=clock.now(),
        html_language="en" if known_language(language) == "en" else "zh-CN",
        words=words(language),
        severity_word=lambda severity: translate(SEVERITY_LABELS[Severity(severity)], language),
        **values,
    )
    return Response(html, media_type=MediaType.HTML, status_code=status, headers={"Cache-Control": "no-store"})


def channel_words(language: str) -> dict[str, str]:
    """Every kind of contact in the reader's language."""
    return {str(channel): translate(label, language) for channel, label in CHANNEL_LABELS.items()}


def browser_language(request: Request[Any, Any, Any]) -> str:
    """What the browser asks for first."""
    return request.headers.get("Accept-Language", "").split(",", maxsplit=1)[0].split(";", maxsplit=1)[0].strip()


def draw_refusal(request: Request[Any, Any, Any], error: Refused) -> Response[str]:
    """A page that says why not."""
    return draw(
        "refused.html",
        language=browser_language(request),
        timezone="UTC",
        status=error.status,
        sentence=error.sentence,
        home="/m" if request.url.path.startswith("/m") else "/",
    )
