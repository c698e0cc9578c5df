"""`python -m tests.bench [NAME …] [--quick] [--markdown FILE]`: the benchmarks, each beside its floor."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from tests.bench import alarm_way, codec, idle_links, ingest, storm
from tests.bench.figures import Table, load_average, machine_facts
from tests.bench.stage import Stage, postgres_version, stage

BENCHES: dict[str, Callable[..., Awaitable[list[Table]]]] = {
    "codec": codec.run,
    "ingest": ingest.run,
    "alarms": alarm_way.run,
    "idle": idle_links.run,
    "storm": storm.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHES], metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--quick", action="store_true", help="shorter runs: under two minutes in all")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown, too")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through the stage's end: nothing is left running
    names = arguments.names or list(BENCHES)
    tables, began = [], time.monotonic()
    with stage() as built:
        facts = machine_facts(asyncio.run(postgres_version(built.server_url)))
        print("\n".join([*facts, f"load average before: {load_average()}", ""]), flush=True)
        for name in names:
            for table in uvloop.run(_run(name, built, is_quick=arguments.quick)):
                print(table.text(), flush=True)
                tables.append(table)
    print(f"took {time.monotonic() - began:.0f} s")
    if arguments.markdown:
        arguments.markdown.write_text(
            _report(facts, tables, arguments.names, is_quick=arguments.quick), encoding="utf-8"
        )


async def _run(name: str, built: Stage, *, is_quick: bool) -> list[Table]:
    return await BENCHES[name](built, is_quick=is_quick)


def _report(facts: list[str], tables: list[Table], names: list[str], *, is_quick: bool) -> str:
    command = " ".join(["python -m tests.bench", *names, *["--quick"] * is_quick])
    head = [f"- {fact}" for fact in facts]
    return "\n".join([*head, f"- command: `{command}`", "", *(table.markdown() for table in tables)])


if __name__ == "__main__":
    main()
