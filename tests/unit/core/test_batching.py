"""Group commit: what waits goes together, in order; an error reaches every sender of its batch and no other."""

import asyncio
from collections.abc import Sequence

import pytest

from backend.core.batching import Batcher


async def test_what_waits_during_a_flush_goes_together_and_in_order() -> None:
    flushed: list[list[int]] = []
    gate = asyncio.Event()

    async def flush(items: Sequence[int]) -> Sequence[int]:
        flushed.append(list(items))
        await gate.wait()
        return [item * 2 for item in items]

    batcher: Batcher[int, int] = Batcher(flush, most=3, name="test")
    await batcher.start()
    first = batcher.post(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [batcher.post(n) for n in range(1, 6)]
    gate.set()
    assert await asyncio.gather(first, *rest) == [0, 2, 4, 6, 8, 10]
    assert flushed == [[0], [1, 2, 3], [4, 5]]
    await batcher.stop()


async def test_a_failed_flush_is_told_to_its_own_senders_only() -> None:
    async def flush(items: Sequence[int]) -> Sequence[int]:
        if 13 in items:
            raise ValueError("thirteen")
        return list(items)

    batcher: Batcher[int, int] = Batcher(flush, most=1, name="test")
    await batcher.start()
    bad, good = batcher.post(13), batcher.post(1)
    with pytest.raises(ValueError, match="thirteen"):
        await bad
    assert await good == 1
    await batcher.stop()


async def test_an_exception_among_the_results_is_raised_for_its_own_sender() -> None:
    async def flush(items: Sequence[int]) -> Sequence[int | Exception]:
        return [ValueError("thirteen") if item == 13 else item for item in items]

    batcher: Batcher[int, int] = Batcher(flush, most=5, name="test")
    bad, good = batcher.post(13), batcher.post(1)
    await batcher.start()
    with pytest.raises(ValueError, match="thirteen"):
        await bad
    assert await good == 1
    await batcher.stop()


async def test_stopping_flushes_what_waits() -> None:
    flushed: list[int] = []

    async def flush(items: Sequence[int]) -> Sequence[None]:
        flushed.extend(items)
        return [None] * len(items)

    batcher: Batcher[int, None] = Batcher(flush, most=2, name="test")
    await batcher.start()
    for n in range(5):
        batcher.post(n)
    await batcher.stop()
    assert flushed == [0, 1, 2, 3, 4]
