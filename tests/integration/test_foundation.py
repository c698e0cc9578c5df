"""What a process stands on: settings no type can check, a half-made cluster, ports, dead processes' metrics, misuse."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from backend import up
from backend.core import metrics
from backend.core.db import embedded
from backend.core.errors import BadSettings, Refused
from backend.core.settings import load


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("FENGHUO_LOG_LEVEL", "loud", "level"),
        ("FENGHUO_GATEWAY_TIMEZONE", "Mars/One", "timezone"),
        ("FENGHUO_PROVIDER_TIMEZONE", "../../etc/passwd", "timezone"),
        ("FENGHUO_GATEWAY_CENTRE_ADDRESS", "64", "centre_address"),
        ("FENGHUO_REDIS_URL", "http://u:very-secret@h", "url"),
        ("FENGHUO_DATABASE_URL", "very-secret", "url"),
        ("FENGHUO_DATABASE_OWNER_URL", "postgresql://u:very-secret@[", "owner_url"),
    ],
)
def test_a_value_no_type_can_check_is_refused_and_named_without_its_secret(tmp_path, variable, value, named):
    with pytest.raises(BadSettings) as refused:
        load(None, {variable: value}, tmp_path)
    assert named in refused.value.sentence
    assert "very-secret" not in refused.value.sentence


@pytest.mark.parametrize("text", ["gateway = 3\n", "[[gateway]]\nport = 1\n", "http = 'x'\n"])
def test_a_section_that_is_no_section_is_refused_and_named(tmp_path, text):
    (tmp_path / "fenghuo.toml").write_text(text)
    with pytest.raises(BadSettings, match=r"gateway|http"):
        load(str(tmp_path), {}, tmp_path)


def test_levels_and_servers_are_taken_in_their_usual_forms(tmp_path):
    environ = {
        "FENGHUO_LOG_LEVEL": "INFO",
        "FENGHUO_REDIS_URL": "unix:///run/valkey.sock",
        "FENGHUO_DATABASE_URL": "postgresql://u:p@/d?host=%2Frun%2Fpg",
    }
    assert load(None, environ, tmp_path).log.level == "INFO"


def test_a_cluster_left_half_made_by_a_kill_is_made_anew(tmp_path, monkeypatch):
    def killed(_: Path, cluster: Path, *__: object) -> None:
        (cluster / "PG_VERSION").write_text("18\n")
        raise KeyboardInterrupt

    cluster = tmp_path / "postgres"
    monkeypatch.setattr(embedded, "_initdb", killed)
    with pytest.raises(KeyboardInterrupt):
        embedded._initialise(tmp_path, cluster, "", None)
    assert not cluster.exists()

    def made(_: Path, fresh: Path, *__: object) -> None:
        assert not list(fresh.iterdir())
        (fresh / "PG_VERSION").write_text("18\n")

    monkeypatch.setattr(embedded, "_initdb", made)
    embedded._initialise(tmp_path, cluster, "", None)
    assert (cluster / "PG_VERSION").exists()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
async def test_a_port_that_stays_taken_stops_the_start_and_is_named(monkeypatch, kind):
    monkeypatch.setattr(up, "_PORT_PATIENCE_S", 0.3)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen(1)
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"127.0.0.1:{port} .*FENGHUO_GATEWAY_PORT"):
            await up._until_free("gateway", "127.0.0.1", port, kind)
    await up._until_free("gateway", "127.0.0.1", port, kind)


async def test_port_zero_and_an_address_of_another_machine_are_refused(monkeypatch):
    monkeypatch.setattr(up, "_PORT_PATIENCE_S", 0.0)
    with pytest.raises(Refused, match="FENGHUO_HTTP_PORT"):
        await up._until_free("http", "127.0.0.1", 0, socket.SOCK_STREAM)
    with pytest.raises(Refused, match=r"203\.0\.113\.9"):
        await up._until_free("http", "203.0.113.9", 18999, socket.SOCK_STREAM)


def test_a_killed_process_no_longer_counts_its_connections(tmp_path, monkeypatch):
    code = "from backend.core.metrics import CONNECTIONS, FRAMES; CONNECTIONS.inc(5); FRAMES.labels('taken').inc(3)"
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.glob("gauge_live*.db"))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    text = metrics.exposition().decode()
    assert "fenghuo_gateway_connections 5" not in text
    assert 'fenghuo_frames_total{outcome="taken"} 3.0' in text


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("simulate", "--gateway", "127.0.0.1:99999"), "HOST:PORT"),
        (("simulate", "--rate", "nan"), "--rate"),
        (("simulate", "--rate", "inf"), "--rate"),
        (("simulate", "--duration", "-1"), "--duration"),
        (("doctor", "--data", "/dev/null"), "/dev/null"),
        (("up", "--data", "/dev/null"), "/dev/null"),
    ],
)
def test_misuse_is_one_sentence(tmp_path, words, named):
    command = [sys.executable, "-m", "backend.cli", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, cwd=Path(up.__file__).parents[1]
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert named in done.stderr


def test_an_unknown_profile_stops_the_start(tmp_path):
    environment = {**os.environ, "FENGHUO_GATEWAY_PROFILE": "nobody"}
    command = [sys.executable, "-m", "backend.cli", "up", "--data", str(tmp_path)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
        cwd=Path(up.__file__).parents[1],
    )
    assert done.returncode == 2
    assert "profile is none of standard" in done.stderr


def test_a_file_that_is_no_text_is_bad_frames_and_not_a_crash(tmp_path):
    file = tmp_path / "octets"
    file.write_bytes(b"\xff\xfe@@\x00\x01\n4040\n")
    for given, words in ((None, ["decode", str(file)]), (file.read_bytes(), ["decode"])):
        command = [sys.executable, "-m", "backend.cli", *words]
        done = subprocess.run(
            command, input=given, capture_output=True, check=False, timeout=60, cwd=Path(up.__file__).parents[1]
        )
        assert done.returncode == 1
        assert done.stdout.count(b'"error"') == 2
        assert b"Traceback" not in done.stderr
