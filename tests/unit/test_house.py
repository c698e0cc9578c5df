"""The house's law: import directions, names of the packages, no over-long rooms."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("backend", "protocol_gateway", "bots", "miniprogram_api", "workers")
LONGEST_FILE = 400


def test_nobody_imports_what_the_house_forbids() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_five_packages_are_ours_alone() -> None:
    provided = importlib.metadata.packages_distributions()
    assert {name: provided.get(name, ["fenghuo"]) for name in PACKAGES} == {name: ["fenghuo"] for name in PACKAGES}


def test_no_room_is_too_long_to_read() -> None:
    files = [each for package in PACKAGES for each in (ROOT / package).rglob("*.py")]
    assert len(files) > 100
    lengths = {
        str(each.relative_to(ROOT)): each.read_text(encoding="utf-8").count("\n")
        for each in files
        if "piccolo_migrations" not in each.parts
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_nothing_is_left_for_later() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")
    found = [
        str(each.relative_to(ROOT))
        for package in PACKAGES
        for each in (ROOT / package).rglob("*.py")
        if any(mark in each.read_text(encoding="utf-8") for mark in marks)
    ]
    assert found == []
