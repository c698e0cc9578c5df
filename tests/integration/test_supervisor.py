"""The supervisor: children are ready before the next start, come back when killed, and never outlive it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from backend.core.supervisor import ChildSpec, NotReady, Supervisor

FOREVER = (sys.executable, "-c", "import time; time.sleep(600)")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]


async def until(condition, seconds: float) -> bool:
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        if condition():
            return True
        await asyncio.sleep(0.01)
    return bool(condition())


async def test_a_killed_child_is_back_within_two_seconds() -> None:
    supervisor = Supervisor()
    await supervisor.start(ChildSpec(name="one", command=FOREVER))
    child = supervisor.children[0]
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    assert await until(lambda: child.starts == 2 and child.process.pid != first, 2)
    pid = child.process.pid
    await supervisor.stop()
    assert not is_alive(pid)
    assert supervisor.children == []


async def test_a_child_that_keeps_dying_is_never_given_up() -> None:
    supervisor = Supervisor()
    await supervisor.start(ChildSpec(name="one", command=(sys.executable, "-c", "raise SystemExit(3)")))
    child = supervisor.children[0]
    assert await until(lambda: child.starts >= 3, 10)
    await supervisor.stop()


async def test_a_child_that_does_not_become_ready_is_named() -> None:
    supervisor = Supervisor()

    async def never() -> bool:
        return False

    with pytest.raises(NotReady, match="slow did not become ready"):
        await supervisor.start(ChildSpec(name="slow", command=FOREVER, ready=never, patience_s=0.1))
    await supervisor.stop()


async def test_some_children_are_ended_before_others() -> None:
    supervisor = Supervisor()
    await supervisor.start(*(ChildSpec(name=name, command=FOREVER) for name in ("server", "worker", "gateway")))
    await supervisor.stop(only=("gateway",))
    assert [child.spec.name for child in supervisor.children] == ["server", "worker"]
    await supervisor.stop(keep=("server",))
    assert [child.spec.name for child in supervisor.children] == ["server"]
    await supervisor.stop()


async def test_a_supervisor_that_is_killed_leaves_no_orphans(tmp_path: Path) -> None:
    script = tmp_path / "supervise.py"
    script.write_text(
        "import asyncio, sys\n"
        "from backend.core.supervisor import ChildSpec, Supervisor\n"
        "async def main():\n"
        "    supervisor = Supervisor()\n"
        f"    await supervisor.start(ChildSpec(name='one', command={FOREVER!r}))\n"
        "    print(supervisor.children[0].process.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    process.kill()
    await process.wait()
    assert await until(lambda: not is_alive(pid), 5)
