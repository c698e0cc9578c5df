"""The `fenghuo` command, as an operator uses it: starts, stops, restarts, answers, and refuses in one sentence."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

pytestmark = [pytest.mark.alone, pytest.mark.timeout(150)]

SAMPLE = Path(__file__).parents[2] / "backend" / "demo" / "sample"
RESTART_S = 2.0
#: GB/T 26875.3: a heartbeat-like confirm, as the codec's own fixtures have it
FIXTURES = Path(__file__).parents[1] / "fixtures" / "gb26875" / "constructed.jsonl"


def one_sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """What a refusal says: one clear sentence on stderr, nothing else, and a code that is not zero."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines, "it must say what is wrong"
    return lines[-1]


def until(ask: Callable[[], Any], within: float) -> Any:
    end = time.monotonic() + within
    while not (found := ask()):
        assert time.monotonic() < end, f"not within {within} s"
        time.sleep(0.02)
    return found


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(scope="module")
def known(open_processes: Any) -> Any:
    """A data directory with the sample unit, and `up` running over it."""
    open_processes.start()
    done = open_processes.run("import", str(SAMPLE), "--data", str(open_processes.data))
    assert done.returncode == 0, done.stderr
    return open_processes


def test_up_says_ready_stops_cleanly_and_keeps_what_it_was_told(processes: Any) -> None:
    ready = processes.start()
    assert ready.startswith("ready ")
    assert f"desk={processes.base}/" in ready
    assert f"phone={processes.base}/m" in ready
    assert f":{processes.gateway_port}" in ready
    done = processes.run("person", "add", "admin", "--name", "孙管理员", "--data", str(processes.data))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{processes.base}/m/enter/")
    token = processes.run("token", "add", "admin", "--data", str(processes.data)).stdout.strip()
    children = processes.children()
    assert len(children) >= 7
    assert processes.stop() == 0
    assert not [words for pid, words in children.items() if is_alive(pid)], "nothing is left behind"

    processes.start()
    answer = httpx.get(
        f"{processes.base}/mp/v1/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=10
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"] == "孙管理员"
    children = processes.children()
    processes.process.send_signal(signal.SIGINT)
    assert processes.process.wait(30) == 0, "Ctrl-C ends it as cleanly"
    assert not [words for pid, words in children.items() if is_alive(pid)]


@pytest.mark.parametrize(
    "name",
    ["cli gateway", "cli worker fire", "cli worker routine", "cli web", "cli bot", "cli auditor", "valkey-server"],
)
def test_a_killed_child_is_back_within_two_seconds(known: Any, name: str) -> None:
    killed = known.pids(name)
    os.kill(killed[0], signal.SIGKILL)
    began = time.monotonic()
    until(lambda: set(known.pids(name)) - set(killed), within=30)
    took = time.monotonic() - began
    print(f"{name}: a new process after {took:.2f} s")
    assert took < RESTART_S
    assert len(known.pids(name)) == len(killed)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["import", "/nowhere"], "/nowhere"),
        (["person", "add", "x"], "--name"),
        (["person", "add", "x", "--name", "X", "--role", "emperor"], "--role"),
        (["person", "add", "x", "--name", "X", "--role", "unit_manager", "--unit", "nowhere"], "nowhere"),
        (["person", "code", "nobody"], "nobody"),
        (["token", "add", "nobody"], "nobody"),
        (["simulate", "--gateway", "nowhere"], "HOST:PORT"),
        (["simulate", "--scenario", "flood"], "--scenario"),
        (["simulate", "--devices", "0"], "--devices"),
        (["simulate", "--gateway", "127.0.0.1:1"], "127.0.0.1:1"),
        (["decode", "--profile", "nobodys"], "--profile"),
        (["decode", "/nowhere"], "/nowhere"),
        (["worker", "fast"], "fast"),
        (["ledger", "burn"], "burn"),
        (["deadlines"], "--from"),
        (["deadlines", "--from", "gestern", "--to", "2026-11-02"], "--from"),
        (["deadlines", "--from", "2026-11-01", "--to", "2026-11-02", "--unit", "nowhere"], "nowhere"),
        (["gateway"], "FENGHUO_DATABASE_URL"),
        (["web"], "FENGHUO_DATABASE_URL"),
        (["bot"], "FENGHUO_DATABASE_URL"),
        (["worker", "fire"], "FENGHUO_DATABASE_URL"),
        (["no-such-command"], "no-such-command"),
        ([], "COMMAND"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_is_refused_in_one_clear_sentence(known: Any, words: list[str], says: str) -> None:
    done = known.run(*words, *(["--data", str(known.data)] if words and words[0] != "no-such-command" else []))
    assert says in one_sentence(done)


def test_a_bad_setting_stops_the_start_and_is_named(tmp_path: Path) -> None:
    def run(toml: str, command: str = "doctor", **environment: str) -> str:
        (tmp_path / "fenghuo.toml").write_text(toml, encoding="utf-8")
        outside = {name: value for name, value in os.environ.items() if not name.startswith("FENGHUO_")}
        done = subprocess.run(
            [sys.executable, "-m", "backend.cli", command, "--data", str(tmp_path)],
            env={**outside, **environment}, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert not done.stdout
        return one_sentence(done)

    assert "prot" in run("[http]\nprot = 8000\n", "up")
    assert "FENGHUO_GATEWAY_PROT" in run("", "up", FENGHUO_GATEWAY_PROT="1")
    assert "prot" in run("[http]\nprot = 8000\n")
    assert "[htpp]" in run("[htpp]\nport = 8000\n")
    assert "fenghuo.toml" in run("[http\n")
    assert "FENGHUO_HTTP_PROT" in run("", FENGHUO_HTTP_PROT="1")
    assert "port" in run("[gateway]\nport = 70000\n")
    assert "port" in run("", FENGHUO_GATEWAY_PORT="many")
    secret = "123456:" + "s" * 35
    said = run("[telegram]\nboss = 1\n", FENGHUO_TELEGRAM_TOKEN=secret)
    assert "boss" in said
    assert secret not in said


def test_decode_answers_a_line_for_a_line_and_tells_good_from_bad(known: Any) -> None:
    lines = [json.loads(line) for line in FIXTURES.read_text(encoding="utf-8").splitlines()]
    good = [each["hex"] for each in lines if "error" not in each and each.get("profile", "standard") == "standard"][:5]
    done = known.run("decode", stdin="\n".join(good) + "\n")
    assert done.returncode == 0, done.stdout
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(good)
    assert not [each for each in answers if "error" in each]
    spoilt = good[0][:-6] + "00" + good[0][-4:]
    done = known.run("decode", "-", stdin="\n".join([good[0], spoilt, "no hex", good[1]]) + "\n")
    assert done.returncode == 1
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["error" in each for each in answers] == [False, True, True, False]
    assert not done.stderr


def test_the_ledger_verifies_is_exported_and_checked_without_us(known: Any, tmp_path: Path) -> None:
    done = known.run(
        "simulate", "--gateway", f"127.0.0.1:{known.gateway_port}", "--scenario", "fire", "--devices", "3", "--json"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["sent"], report["confirmed"], report["unanswered"]) == (3, 3, 0)
    done = known.run("ledger", "verify", "--data", str(known.data))
    verdict = json.loads(done.stdout)
    assert done.returncode == 0
    assert verdict["is_good"]
    assert verdict["rows"] >= 3
    folder = tmp_path / "out"
    done = known.run("ledger", "export", str(folder), "--data", str(known.data))
    assert done.returncode == 0, done.stderr
    check = [sys.executable, "-I", str(folder / "verify_ledger.py"), str(folder / "ledger.jsonl")]
    assert subprocess.run(check, capture_output=True, timeout=60, check=False).returncode == 0
    rows = (folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    changed = [rows[0].replace(json.loads(rows[0])["kind"], "frame_on", 1), *rows[1:]]
    (folder / "ledger.jsonl").write_text("\n".join(changed) + "\n", encoding="utf-8")
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "1" in done.stdout + done.stderr


def test_deadlines_names_every_notice_and_exports_it(known: Any, tmp_path: Path) -> None:
    sent = known.run("simulate", "--gateway", f"127.0.0.1:{known.gateway_port}", "--scenario", "fire", "--seed", "8")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    words = ["deadlines", "--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1))]

    done = known.run(*words, "--data", str(known.data))
    assert done.returncode == 0, done.stderr
    assert "fire" in done.stdout
    assert "breaches" in done.stdout
    out = tmp_path / "d.csv"
    done = known.run(*words, "--format", "csv", "--out", str(out), "--data", str(known.data))
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    assert {row["severity"] for row in rows} >= {"fire"}
    assert (tmp_path / "d-breaches.csv").exists()
    assert (tmp_path / "d-summary.csv").exists()


def test_an_import_twice_changes_nothing_and_a_bad_row_is_named(known: Any, tmp_path: Path) -> None:
    again = known.run("import", str(SAMPLE), "--data", str(known.data))
    assert again.returncode == 0, again.stderr
    third = known.run("import", str(SAMPLE), "--data", str(known.data))
    assert third.stdout == again.stdout
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "units.csv").write_text("code,name,address,timezone\nZ1,甲单位,,Asia/Shanghai\n", encoding="utf-8")
    (folder / "buildings.csv").write_text("unit,code,name,address\nZ9,B1,一号楼,\n", encoding="utf-8")
    done = known.run("import", str(folder), "--data", str(known.data))
    said = one_sentence(done)
    assert "buildings" in said
    assert "2" in said
    assert "unit" in said
    code = known.run("person", "add", "z", "--name", "Z", "--unit", "Z1", "--data", str(known.data))
    assert "Z1" in one_sentence(code), "all or nothing: the good sheet was not kept"


def test_tokens_open_the_api_until_they_are_revoked(known: Any) -> None:
    token = known.run("token", "add", "wang", "--label", "test", "--data", str(known.data)).stdout.strip()

    def status() -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{known.base}/api/v1/units", headers=headers, trust_env=False, timeout=10).status_code

    assert status() == 200
    assert known.run("token", "revoke", token, "--data", str(known.data)).returncode == 0
    assert status() == 401


def test_the_doctor_looks_at_everything_and_says_what_is_not_well(known: Any) -> None:
    done = known.run("doctor", "--data", str(known.data))
    assert "Traceback" not in done.stderr
    checks = {line[4:].strip().partition(":")[0]: line[:4].strip() for line in done.stdout.splitlines()}
    assert set(checks) >= {"database", "redis", "channels", "units", "ledger", "storage"}
    assert checks["database"] == checks["ledger"] == "ok"
    assert checks["channels"] == "BAD", "only one kind of contact is configured here"
    assert done.returncode == 1


def test_every_command_explains_itself(known: Any) -> None:
    for words in (
        [],
        ["up"],
        ["import"],
        ["simulate"],
        ["ledger"],
        ["doctor"],
        ["person"],
        ["token"],
        ["decode"],
        ["deadlines"],
    ):
        done = known.run(*words, "--help")
        assert done.returncode == 0
        assert "usage: fenghuo" in done.stdout
