"""Settings: `fenghuo.toml` in the working or data directory, each overridable by `FENGHUO_<SECTION>_<NAME>`.

Decoded once into frozen structs. An unknown key or a bad value stops the start and is named. Secrets are
`Secret`, which never shows itself.
"""

import contextlib
import ipaddress
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, get_origin, get_type_hints
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from backend.core.carrier_settings import Aliyun, Apprise, Budgets, Sms, Telegram, Tencent, Twilio, Voice, Webhook
from backend.core.errors import BadSettings
from backend.core.settings_types import Count, Level, Port, Seconds, Secret, Section, WireAddress
from backend.core.working_time import CalendarSection, calendar_of

__all__ = [
    "Aliyun",
    "Apprise",
    "Budgets",
    "CalendarSection",
    "Carriers",
    "Database",
    "Gateway",
    "HeartbeatSection",
    "Http",
    "Log",
    "Provider",
    "RedisSection",
    "Secret",
    "Settings",
    "Sms",
    "Storms",
    "Telegram",
    "Tencent",
    "Twilio",
    "Voice",
    "Webhook",
    "Workers",
    "load",
]

_PREFIX: Final = "FENGHUO_"
#: whoever knows a callback's address may speak for the carrier
_SHORTEST_TOKEN: Final = 16
#: what a server's address begins with; the rest of it is the client library's affair
_SCHEMES: Final = {
    "database": ("postgresql://", "postgres://"),
    "redis": ("redis://", "rediss://", "unix://"),
    "heartbeat": ("https://", "http://"),
}


class Database(Section, frozen=True):
    """PostgreSQL. Without a URL an embedded server is started in the data directory."""

    url: Secret = Secret()
    owner_url: Secret = Secret()  #: used for migrations only; default: `url`
    pool: Count = 8


class RedisSection(Section, frozen=True):
    """Valkey or Redis. Without a URL an embedded server is started."""

    url: Secret = Secret()


class Http(Section, frozen=True):
    """The web process."""

    host: str = "127.0.0.1"
    port: Port = 8000
    public_url: str = ""  #: what phones call us, with scheme; default: http://host:port
    secure_cookies: bool = False  #: set when served over HTTPS
    requests_per_minute: Count = 600  #: for one session, and for all the anonymous callers of one address
    trusted_proxies: tuple[str, ...] = ()  #: addresses or networks whose X-Forwarded-For counts


class Gateway(Section, frozen=True):
    """The protocol gateway (TCP and UDP on one port) and its limits."""

    host: str = "0.0.0.0"  # noqa: S104 - devices dial in from outside
    port: Port = 26875
    name: str = "gateway-1"  #: written into each ledger row
    centre_address: WireAddress = "640000000000"  #: our own address, 12 hex digits in wire order
    profile: str = "standard"  #: for devices that are not registered
    timezone: str = "Asia/Shanghai"  #: wall clock for devices of no unit
    connections: Count = 20_000
    connections_per_address: Count = 2_000
    frames_per_second: Count = 200  #: of one connection; slower reading beyond it
    idle_s: Seconds = 1800  #: a connection without a good frame is closed
    partial_hold_s: Annotated[float, Meta(gt=0, le=1.5)] = 0.5  #: the extract of GB/T 26875.3, 9
    patrol_after_s: Annotated[float, Meta(gt=0, le=30)] = 30  #: three misses within the 100 s of 4.4.2
    closed_s: Annotated[float, Meta(gt=0, le=90)] = (
        6  #: a mains device that closed its connection and is not back by then is lost (4.4.2)
    )
    slot_s: Annotated[float, Meta(gt=0, le=86_400)] = (
        86_400  #: a battery device that was not heard for so long has missed its slot (4.4.2)
    )
    drain_s: Seconds = 5
    batch_frames: Count = 500  #: most frames in one transaction


class Workers(Section, frozen=True):
    """The delivery workers."""

    fire_processes: Count = 2  #: two, so that one killed in mid-send is covered by the other at once
    send_timeout_s: Annotated[float, Meta(gt=0, le=2.5)] = 2.0  #: a fire's 3 s of 4.3.1 leave no more
    concurrency: Count = 64


class Storms(Section, frozen=True):
    """When alarms are told together (`backend.alarms.storms`). Off: every alarm is told by itself."""

    is_on: bool = True
    least: Annotated[int, Meta(ge=2)] = 5  #: alarms of one loop and condition within `window_s`
    unit_least: Annotated[int, Meta(ge=2)] = 12  #: alarms of one unit and severity within `window_s`
    window_s: Seconds = 10
    quiet_s: Seconds = 10  #: nothing new for so long: the storm is over, its digest is sent
    fire_quiet_s: Seconds = 300
    links_quiet_s: Seconds = 60
    leader_s: Annotated[float, Meta(gt=0, le=900)] = 300  #: no card speaks for others longer than this


class Carriers(Section, frozen=True):
    """Whose lines the devices call over, so that an outage is named by its carrier (电信线路中断)."""

    networks: tuple[str, ...] = ()  #: "10.20.0.0/16=电信"
    least: Annotated[int, Meta(ge=2)] = 10  #: devices of one carrier lost together are told to the duty desk as one
    window_s: Seconds = 300


class HeartbeatSection(Section, frozen=True):
    """The watcher outside, who rings when it no longer hears from us. Without a URL there is none."""

    url: Secret = Secret()
    secret: Secret = Secret()  #: signs what is posted
    every_s: Seconds = 60.0
    method: Annotated[str, Meta(pattern="^(post|get)$")] = "post"


class Provider(Section, frozen=True):
    """The service provider (服务机构) itself."""

    name: str = "烽火服务中心"
    timezone: str = "Asia/Shanghai"


class Log(Section, frozen=True):
    """Logging."""

    level: Level = "info"


class Settings(Section, frozen=True):
    """All settings of one process."""

    data: str = "fenghuo-data"
    database: Database = Database()
    redis: RedisSection = RedisSection()
    http: Http = Http()
    gateway: Gateway = Gateway()
    telegram: Telegram = Telegram()
    sms: Sms = Sms()
    voice: Voice = Voice()
    twilio: Twilio = Twilio()
    webhook: Webhook = Webhook()
    apprise: Apprise = Apprise()
    aliyun: Aliyun = Aliyun()
    tencent: Tencent = Tencent()
    workers: Workers = Workers()
    budgets: Budgets = Budgets()
    storms: Storms = Storms()
    carriers: Carriers = Carriers()
    heartbeat: HeartbeatSection = HeartbeatSection()
    provider: Provider = Provider()
    calendar: CalendarSection = CalendarSection()
    log: Log = Log()

    @property
    def public_url(self) -> str:
        """How a phone reaches the web process, without a trailing slash."""
        return (self.http.public_url or f"http://{self.http.host}:{self.http.port}").rstrip("/")


def _sections() -> Mapping[str, type[msgspec.Struct]]:
    return {
        name: kind
        for name, kind in get_type_hints(Settings).items()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    }


def _from_environment(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Values by section and name. Unknown sections are refused, so that a typing error is seen."""
    found: dict[str, dict[str, str]] = {}
    sections = _sections()
    for variable, value in environ.items():
        if not variable.startswith(_PREFIX) or variable == f"{_PREFIX}DATA":
            continue
        section, _, name = variable.removeprefix(_PREFIX).lower().partition("_")
        if section not in sections or name not in sections[section].__struct_fields__:
            raise BadSettings(f"unknown setting in the environment: {variable}")
        found.setdefault(section, {})[name] = value
    return found


def _from_text(value: object, hint: object) -> object:
    """A secret is wrapped, a list that the environment gives is divided at its commas."""
    if not isinstance(value, str):
        return value
    if hint is Secret:
        return Secret(value)
    if get_origin(hint) is tuple:
        return [each.strip() for each in value.split(",") if each.strip()]
    return value


def _convert(section: str, kind: type[Any], values: Mapping[str, object], source: str) -> Any:
    hints = get_type_hints(kind)
    plain = {name: _from_text(value, hints.get(name)) for name, value in values.items()}
    try:
        converted = msgspec.convert(plain, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadSettings(f"bad setting in {source}, section [{section}]: {error}") from None
    if isinstance(converted, CalendarSection):
        _check_calendar(converted, source)
    for name in kind.__struct_fields__:
        value = getattr(converted, name)
        why = _too_short(name, value) or _why_wrong(section, name, value)
        if why:
            raise BadSettings(f"bad setting in {source}, section [{section}]: {name} {why}")
    return converted


def _check_calendar(section: CalendarSection, source: str) -> None:
    try:
        calendar_of(section)
    except ValueError as error:
        raise BadSettings(f"bad setting in {source}, section [calendar]: {error}") from None


def _why_wrong(section: str, name: str, value: object) -> str:
    """What no type can say. A secret is never repeated."""
    if name == "timezone":
        try:
            ZoneInfo(str(value))
        except (ValueError, OSError, KeyError):
            return f"is no time zone: {value}"
    if name in _LISTS and isinstance(value, tuple):
        is_right, what = _LISTS[name]
        return next((f"is no {what}: {each}" for each in value if not is_right(each)), "")
    if isinstance(value, str) and value and (name.endswith("_base") or name == "public_url"):
        return "" if _is_web_address(value) else f"is no http or https address: {value}"
    if isinstance(value, Secret) and value and name.endswith("url"):
        return _why_no_server(value, _SCHEMES[section])
    return ""


def _why_no_server(url: Secret, schemes: tuple[str, ...]) -> str:
    if not url.value.startswith(schemes):
        return f"does not begin with {' or '.join(schemes)}"
    with contextlib.suppress(ValueError):
        urlsplit(url.value)
        return ""
    return "is no address"


def _too_short(name: str, value: object) -> str:
    if name == "hook_token" and isinstance(value, Secret) and 0 < len(value.value) < _SHORTEST_TOKEN:
        return f"is shorter than {_SHORTEST_TOKEN} characters"
    return ""


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_named_network(text: str) -> bool:
    network, mark, name = text.partition("=")
    return bool(mark and name.strip()) and _is_network(network.strip())


#: what each element of a list must be
_LISTS: Final = {
    "trusted_proxies": (_is_network, "address or network"),
    "networks": (_is_named_network, "network=name"),
}


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadSettings(f"{path.name} can't be read: {error}") from None


def load(data: str | None, environ: Mapping[str, str], working: Path | None = None) -> Settings:
    """Read file and environment. Raises `BadSettings` naming the key that is unknown or wrong."""
    where = data or environ.get(f"{_PREFIX}DATA") or ""
    working = working or Path()
    files = [each / "fenghuo.toml" for each in ((Path(where),) if where else ()) + (working,)]
    path = next((each for each in files if each.is_file()), None)
    document = _read_file(path) if path else {}
    source = path.name if path else "the environment"
    where = where or str(document.get("data", "")) or Settings().data
    document.pop("data", None)
    sections = _sections()
    unknown = sorted(set(document) - set(sections))
    if unknown:
        raise BadSettings(f"unknown section in {source}: [{unknown[0]}]")
    for name, given in document.items():
        if not isinstance(given, dict):
            raise BadSettings(f"bad setting in {source}: {name} is a section, [{name}]")
    overrides = _from_environment(environ)
    values: dict[str, Any] = {}
    for name, kind in sections.items():
        merged = {**document.get(name, {}), **overrides.get(name, {})}
        values[name] = _convert(name, kind, merged, f"{source} or the environment" if path else source)
    return Settings(data=str(Path(where).resolve()), **values)
