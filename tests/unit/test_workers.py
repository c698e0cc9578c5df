"""arq ignores a setting it does not know: every argument we give it must be one of its own."""

import inspect
from typing import Any

from arq.worker import Worker

from backend.core.doorbell import deserialize, queue_of, serialize
from backend.core.redis import connect
from backend.core.vocabulary import Lane
from workers.lanes import Every, LaneWorker


async def test_each_lane_has_its_own_queue_and_short_time_outs(monkeypatch: Any) -> None:
    given: dict[str, Any] = {}

    def remember(self: Worker, **settings: Any) -> None:
        given.update(settings)

    arqs_own = Worker.__init__
    monkeypatch.setattr(Worker, "__init__", remember)
    lane = LaneWorker(Lane.FIRE, {}, redis_url="redis://localhost:1", send_timeout_s=2, concurrency=64)
    client = connect("redis://localhost:1")
    lane._worker(client, client)
    await client.aclose()
    monkeypatch.undo()
    assert set(given) <= set(inspect.signature(arqs_own).parameters)
    assert given["queue_name"] == "fenghuo:fire" != queue_of(Lane.ROUTINE)
    assert (given["keep_result"], given["max_tries"]) == (0, 1)
    assert given["poll_delay"] <= 0.05


def test_a_job_is_ids_and_nothing_else() -> None:
    job = {"t": 1, "f": "carry", "a": (["01a2"],), "k": {}}
    assert deserialize(serialize(job)) == {"t": 1, "f": "carry", "a": [["01a2"]], "k": {}}
    assert b"pickle" not in serialize(job)


async def test_a_chore_that_fails_keeps_no_other_from_its_turn() -> None:
    done = []

    async def bad() -> None:
        raise ValueError("a bug")

    async def good() -> None:
        done.append(1)

    lane = LaneWorker(
        Lane.ROUTINE, {}, redis_url="redis://localhost:1", send_timeout_s=2, concurrency=4, chores=(bad, good)
    )
    await lane._chores_once()
    assert done == [1]


async def test_a_chore_is_done_no_more_often_than_it_needs() -> None:
    done = []

    async def chore() -> None:
        done.append(1)

    every = Every(3600, chore)
    await every()
    await every()
    assert done == [1]
