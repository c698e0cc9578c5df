"""The carrier's process: the in-repo Bot API server, which at its end writes down when it received which alarm.

`python -m tests.bench.carrier PORT FILE`; the file holds [tag, CLOCK_MONOTONIC seconds] for each sendMessage.
"""

import asyncio
import re
import signal
import sys
from pathlib import Path

import msgspec
import uvloop

from backend.demo.carriers.telegram import BotApiServer, Person, serve
from tests.bench.frames import TAG_MARK
from tests.bench.stage import CHAT

TOKEN = "1000000001:bench-token-of-no-worth-0123456789"
_TAG = re.compile(rf"{TAG_MARK}(\d+)")


async def main(port: int, file: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = BotApiServer(TOKEN)
    server.act.open_chat(Person(id=CHAT, first_name="王经理"))
    async with serve(server, port=port):
        await stop.wait()
    seen = []
    for request in server.requests:
        found = _TAG.search(str(request.params.get("text", "")))
        if found and request.method == "sendMessage":
            seen.append((int(found.group(1)), request.received_monotonic))
    file.write_bytes(msgspec.json.encode(seen))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))
