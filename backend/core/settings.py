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

from backend.core.errors import BadSettings

_PREFIX: Final = "FENGHUO_"
Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
WireAddress = Annotated[str, Meta(pattern="^[0-9a-f]{12}$")]
Level = Annotated[str, Meta(pattern="^(?i:debug|info|warning|error|critical)$")]
#: a carrier's signature (短信签名), which it puts before the text in brackets
SignName = Annotated[str, Meta(max_length=12, pattern=r"^[^【】\s]*$")]
#: whoever knows a callback's address may speak for the carrier
_SHORTEST_TOKEN: Final = 16
#: what a server's address begins with; the rest of it is the client library's affair
_SCHEMES: Final = {"database": ("postgresql://", "postgres://"), "redis": ("redis://", "rediss://", "unix://")}


class Secret(msgspec.Struct, frozen=True):
    """A string that does not show itself in `repr`, logs or errors."""

    value: str = ""

    def __repr__(self) -> str:
        return "Secret(…)" if self.value else "Secret()"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self.value)


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Database(_Section, frozen=True):
    """PostgreSQL. Without a URL an embedded server is started in the data directory."""

    url: Secret = Secret()
    owner_url: Secret = Secret()  #: used for migrations only; default: `url`
    pool: Count = 8


class RedisSection(_Section, frozen=True):
    """Valkey or Redis. Without a URL an embedded server is started."""

    url: Secret = Secret()


class Http(_Section, frozen=True):
    """The web process."""

    host: str = "127.0.0.1"
    port: Port = 8000
    public_url: str = ""  #: what phones call us, with scheme; default: http://host:port
    secure_cookies: bool = False  #: set when served over HTTPS
    requests_per_minute: Count = 600  #: for one session, and for all the anonymous callers of one address
    trusted_proxies: tuple[str, ...] = ()  #: addresses or networks whose X-Forwarded-For counts


class Gateway(_Section, frozen=True):
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
    partial_hold_s: Seconds = 0.5
    patrol_after_s: Seconds = 30
    drain_s: Seconds = 5
    batch_frames: Count = 500  #: most frames in one transaction


class Telegram(_Section, frozen=True):
    """The Telegram bot. Without a token there is none."""

    token: Secret = Secret()
    api_base: str = "https://api.telegram.org"
    bot_username: Annotated[str, Meta(pattern="^[A-Za-z0-9_]{0,32}$")] = ""  #: for links that open the bot
    webhook_secret: Secret = Secret()  #: set: updates come to /hooks/telegram; unset: long polling


class Sms(_Section, frozen=True):
    """Who carries text messages, in the order in which they are asked. Without vendors there are none."""

    vendors: tuple[str, ...] = ()  #: to telephones of mainland China
    vendors_abroad: tuple[str, ...] = ()  #: to all others
    sign: SignName = "烽火"  #: 【短信签名】 as filed; where there are no templates


class Voice(_Section, frozen=True):
    """Who makes telephone calls, in the order in which they are asked."""

    vendors: tuple[str, ...] = ()
    vendors_abroad: tuple[str, ...] = ()


class Twilio(_Section, frozen=True):
    """Twilio: texts and calls outside mainland China. Its callbacks come to /hooks/twilio and bear its signature."""

    account_sid: Annotated[str, Meta(pattern="^(AC[0-9a-fA-F]{32})?$")] = ""
    auth_token: Secret = Secret()
    sender: Annotated[str, Meta(pattern=r"^(\+[0-9]{5,15}|MG[0-9a-fA-F]{32})?$")] = ""  #: texts: number or MG… sid
    caller: Annotated[str, Meta(pattern=r"^(\+[0-9]{5,15})?$")] = ""  #: calls: our number; default: `sender`
    api_base: str = "https://api.twilio.com"
    ring_s: Annotated[int, Meta(ge=5, le=600)] = 25  #: shorter than it takes most voicemail to answer


class Webhook(_Section, frozen=True):
    """Signed requests to other systems. Without a secret there are none."""

    secret: Secret = Secret()
    plain_http: bool = False  #: also http:// addresses
    private_networks: bool = False  #: also addresses that are not public


class Apprise(_Section, frozen=True):
    """Whatever Apprise reaches (the optional package `fenghuo[apprise]`); one-way."""

    enabled: bool = False


class Aliyun(_Section, frozen=True):
    """Aliyun 阿里云 SMS and voice, for mainland China. Templates: `workers.channels.words.templates`."""

    key_id: str = ""
    key_secret: Secret = Secret()
    sign_name: SignName = ""  #: without brackets
    sms_fire: str = ""  #: template codes, one for each purpose
    sms_abnormal: str = ""
    sms_fault: str = ""
    sms_offline: str = ""
    sms_restored: str = ""
    sms_storm: str = ""
    sms_note: str = ""
    has_extend_codes: bool = False  #: the account may extend the sender's number, so that a reply names its message
    voice_mode: Annotated[str, Meta(pattern="^(tts|ivr)$")] = "tts"  #: ivr hears keys; it needs `show_number`
    voice_fire: str = ""  #: speech templates
    voice_other: str = ""
    voice_restored: str = ""
    voice_thanks: str = ""  #: said after a key
    show_number: str = ""  #: the bought number that calls
    hook_token: Secret = Secret()  #: set: callbacks come to /hooks/aliyun/<token>/…; unset: they are refused
    sms_base: str = "https://dysmsapi.aliyuncs.com"
    voice_base: str = "https://dyvmsapi.aliyuncs.com"


class Tencent(_Section, frozen=True):
    """Tencent Cloud 腾讯云 SMS, for mainland China."""

    secret_id: str = ""
    secret_key: Secret = Secret()
    app_id: str = ""  #: SmsSdkAppId
    sign_name: SignName = ""
    region: str = "ap-guangzhou"
    sms_fire: str = ""  #: template ids, one for each purpose
    sms_abnormal: str = ""
    sms_fault: str = ""
    sms_offline: str = ""
    sms_restored: str = ""
    sms_storm: str = ""
    sms_note: str = ""
    has_extend_codes: bool = False
    hook_token: Secret = Secret()  #: set: callbacks come to /hooks/tencent/<token>/…; unset: they are refused
    api_base: str = "https://sms.tencentcloudapi.com"


class Workers(_Section, frozen=True):
    """The delivery workers."""

    fire_processes: Count = 2  #: two, so that one killed in mid-send is covered by the other at once
    send_timeout_s: Seconds = 2.0
    concurrency: Count = 64


class Provider(_Section, frozen=True):
    """The service provider (服务机构) itself."""

    name: str = "烽火服务中心"
    timezone: str = "Asia/Shanghai"


class Log(_Section, frozen=True):
    """Logging."""

    level: Level = "info"


class Settings(_Section, frozen=True):
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
    provider: Provider = Provider()
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
    for name in kind.__struct_fields__:
        value = getattr(converted, name)
        why = _too_short(name, value) or _why_wrong(section, name, value)
        if why:
            raise BadSettings(f"bad setting in {source}, section [{section}]: {name} {why}")
    return converted


def _why_wrong(section: str, name: str, value: object) -> str:
    """What no type can say. A secret is never repeated."""
    if name == "timezone":
        try:
            ZoneInfo(str(value))
        except (ValueError, OSError, KeyError):
            return f"is no time zone: {value}"
    if name == "trusted_proxies" and isinstance(value, tuple):
        return next((f"is no address or network: {each}" for each in value if not _is_network(each)), "")
    if isinstance(value, Secret) and value and name.endswith("url"):
        schemes = _SCHEMES[section]
        if not value.value.startswith(schemes):
            return f"does not begin with {' or '.join(schemes)}"
        with contextlib.suppress(ValueError):
            urlsplit(value.value)
            return ""
        return "is no address"
    return ""


def _too_short(name: str, value: object) -> str:
    if name == "hook_token" and isinstance(value, Secret) and 0 < len(value.value) < _SHORTEST_TOKEN:
        return f"is shorter than {_SHORTEST_TOKEN} characters"
    return ""


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


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
