"""Settings: one file, overridable by the environment; a mistake stops the start and is named."""

from pathlib import Path

import pytest

from backend.core.errors import BadSettings
from backend.core.settings import Secret, load


def write(folder: Path, text: str) -> str:
    (folder / "fenghuo.toml").write_text(text, encoding="utf-8")
    return str(folder)


def test_defaults_are_the_public_contract(tmp_path: Path) -> None:
    settings = load(None, {}, tmp_path)
    assert (settings.http.port, settings.gateway.port) == (8000, 26875)
    assert settings.public_url == "http://127.0.0.1:8000"


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    data = write(tmp_path, "[http]\nport = 9000\nhost = '0.0.0.0'\n")
    settings = load(data, {"FENGHUO_HTTP_PORT": "9001"}, tmp_path)
    assert (settings.http.port, settings.http.host) == (9001, "0.0.0.0")


def test_a_list_in_the_environment_is_divided_at_its_commas(tmp_path: Path) -> None:
    data = write(tmp_path, "[http]\ntrusted_proxies = ['10.0.0.1']\n")
    assert load(data, {}, tmp_path).http.trusted_proxies == ("10.0.0.1",)
    environ = {"FENGHUO_HTTP_TRUSTED_PROXIES": "10.0.0.0/8, ::1"}
    assert load(data, environ, tmp_path).http.trusted_proxies == ("10.0.0.0/8", "::1")


def test_the_data_directorys_file_comes_before_the_working_directorys(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write(tmp_path, "[http]\nport = 1\n")
    assert load(write(data, "[http]\nport = 2\n"), {}, tmp_path).http.port == 2


@pytest.mark.parametrize(
    ("text", "environ", "named"),
    [
        ("[http]\nprot = 1\n", {}, "prot"),
        ("[hhtp]\nport = 1\n", {}, "[hhtp]"),
        ("[http]\nport = 'many'\n", {}, "port"),
        ("[http]\nport = 70000\n", {}, "port"),
        ("[http\n", {}, "fenghuo.toml"),
        ("", {"FENGHUO_HTTP_PROT": "1"}, "FENGHUO_HTTP_PROT"),
        ("", {"FENGHUO_HTP_PORT": "1"}, "FENGHUO_HTP_PORT"),
        ("", {"FENGHUO_HTTP_PORT": "eighty"}, "port"),
        ("", {"FENGHUO_GATEWAY_IDLE_S": "0"}, "idle_s"),
        ("", {"FENGHUO_HTTP_TRUSTED_PROXIES": "10.0.0.1,the-proxy"}, "the-proxy"),
        ("", {"FENGHUO_TELEGRAM_BOT_USERNAME": "@bot"}, "bot_username"),
        ("", {"FENGHUO_HEARTBEAT_URL": "watch.example"}, "url does not begin with https://"),
        ("[heartbeat]\nmethod = 'put'\n", {}, "method"),
        ("", {"FENGHUO_GATEWAY_PATROL_AFTER_S": "inf"}, "patrol_after_s"),
        ("", {"FENGHUO_GATEWAY_PATROL_AFTER_S": "60"}, "patrol_after_s"),
        ("", {"FENGHUO_GATEWAY_PARTIAL_HOLD_S": "100"}, "partial_hold_s"),
        ("", {"FENGHUO_WORKERS_SEND_TIMEOUT_S": "inf"}, "send_timeout_s"),
        ("", {"FENGHUO_WORKERS_SEND_TIMEOUT_S": "3"}, "send_timeout_s"),
        ("", {"FENGHUO_STORMS_LEADER_S": "86400"}, "leader_s"),
        ("", {"FENGHUO_BUDGETS_FIRE_RESERVE": "0"}, "fire_reserve"),
        ("", {"FENGHUO_TELEGRAM_API_BASE": "notaurl"}, "api_base"),
        ("", {"FENGHUO_HTTP_PUBLIC_URL": "javascript:1"}, "public_url"),
    ],
)
def test_a_mistake_is_refused_and_named(tmp_path: Path, text: str, environ: dict[str, str], named: str) -> None:
    data = write(tmp_path, text)
    with pytest.raises(BadSettings) as refused:
        load(data, environ, tmp_path)
    assert named in refused.value.sentence


def test_secrets_show_themselves_nowhere(tmp_path: Path) -> None:
    environ = {"FENGHUO_TELEGRAM_TOKEN": "123:very-secret", "FENGHUO_DATABASE_URL": "postgresql://u:very-secret@h/d"}
    settings = load(None, environ, tmp_path)
    assert settings.telegram.token.value == "123:very-secret"
    assert "very-secret" not in f"{settings!r} {settings.telegram.token} {settings.telegram.token!r}"
    assert not Secret()


def test_a_bad_secret_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    data = write(tmp_path, "[telegram]\ntoken = 'very-secret'\nwebhook_secret = 5\n")
    with pytest.raises(BadSettings) as refused:
        load(data, {}, tmp_path)
    assert "very-secret" not in refused.value.sentence


@pytest.mark.parametrize("section", ["aliyun", "tencent"])
def test_a_callback_token_that_could_be_guessed_stops_the_start(tmp_path: Path, section: str) -> None:
    name = f"FENGHUO_{section.upper()}_HOOK_TOKEN"
    with pytest.raises(BadSettings, match="hook_token is shorter than 16 characters") as caught:
        load(str(tmp_path), {name: "secret"})
    assert "secret" not in str(caught.value).replace("key_secret", "")
    assert load(str(tmp_path), {name: "secret-secret-secret"})


def test_a_signature_with_brackets_of_its_own_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="sign_name"):
        load(str(tmp_path), {"FENGHUO_ALIYUN_SIGN_NAME": "【烽火】"})
