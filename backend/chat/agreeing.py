"""Whether the talks of a chat agree with each other, and with what every chat can carry; found at start. Pure."""

import re
import zlib
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from backend.chat.model import ANSWER, CANCEL, LONGEST_VERB, Command, Dialogue, Step

_One = TypeVar("_One")
_COMMAND: Final = re.compile("[a-z_]{1,32}")
_VERB: Final = re.compile(f"[a-z0-9-]{{1,{LONGEST_VERB}}}")
OWN_COMMANDS: Final = frozenset({"help", "cancel"})


def unique(what: str, pairs: Iterable[tuple[str, _One]]) -> dict[str, _One]:
    """By name; one that two talks claim is a mistake of ours, found at start."""
    found: dict[str, _One] = {}
    for name, one in pairs:
        if name in found:
            raise ValueError(f"two talks claim the {what} {name!r}")
        found[name] = one
    return found


def check(commands: Mapping[str, Command], presses: Mapping[str, object], dialogues: Mapping[str, Dialogue]) -> None:
    """What the chats rely on: names and verbs of allowed form, and a first step."""
    for name in commands:
        if not _COMMAND.fullmatch(name) or name in OWN_COMMANDS:
            raise ValueError(f"no chat carries the command {name!r}")
    for verb in presses:
        if not _VERB.fullmatch(verb) or verb.partition(".")[0] in {ANSWER, CANCEL}:
            raise ValueError(f"no key carries the verb {verb!r}")
    for dialogue in dialogues.values():
        if not dialogue.steps or len({tag_of(step) for step in dialogue.steps}) != len(dialogue.steps):
            raise ValueError(f"the dialogue {dialogue.name!r} has no steps, or two of one name")


def tag_of(step: Step) -> str:
    """Four digits that stand for a step's name in its keys."""
    return f"{zlib.crc32(step.name.encode()) & 0xFFFF:04x}"
