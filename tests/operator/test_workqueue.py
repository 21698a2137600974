"""Each object once at a time, however often it is named."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from relevo_operator.workqueue import WorkQueue

A, B, C = ("shop", "a"), ("shop", "b"), ("shop", "c")


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 10))


def test_a_key_named_three_times_is_taken_once() -> None:
    async def work() -> None:
        queue = WorkQueue()
        for key in (A, A, B, A):
            queue.add(key)
        assert [await queue.take(), await queue.take()] == [A, B]
        assert queue._waiting.empty()

    run(work())


def test_a_key_named_while_at_work_comes_again_and_is_never_taken_twice_at_once() -> None:
    async def work() -> None:
        queue = WorkQueue()
        queue.add(A)
        assert await queue.take() == A
        queue.add(A)
        queue.add(B)
        assert await queue.take() == B
        queue.done(A)
        assert await queue.take() == A

    run(work())


def test_what_is_urgent_goes_first_and_is_taken_once() -> None:
    async def work() -> None:
        queue = WorkQueue()
        for key in (A, B, C):
            queue.add(key)
        queue.add(B, urgent=True)
        queue.add(B)  # named once more as usual, it stays urgent
        assert [await queue.take() for _ in range(3)] == [B, A, C]
        queue.add(A)
        queue.add(B, urgent=True)  # while at work, all three are
        queue.add(B)
        for key in (A, B):
            queue.done(key)
        assert [await queue.take(), await queue.take()] == [B, A]
        assert not queue._queued

    run(work())


def test_of_two_times_the_earlier_counts_and_the_later_is_dropped() -> None:
    async def work() -> None:
        queue = WorkQueue()
        clock = asyncio.create_task(queue.keep_time())
        queue.add_after(A, 60)
        queue.add_after(B, 0.2)
        queue.add_after(A, 0.01)
        assert [await queue.take(), await queue.take()] == [A, B]
        assert not queue._due
        clock.cancel()

    run(work())


@pytest.mark.parametrize("turns", range(5))
def test_the_clock_stops_when_told_whatever_else_happens_at_that_moment(turns: int) -> None:
    async def work() -> None:
        queue = WorkQueue()
        queue.add_after(A, 60)
        clock = asyncio.create_task(queue.keep_time())
        await asyncio.sleep(0.01)
        queue.add_after(A, 50)
        for _ in range(turns):  # what it waits for is there, and it is told so step by step
            await asyncio.sleep(0)
        clock.cancel()
        done, _ = await asyncio.wait({clock}, timeout=1)
        clock.cancel()
        assert done

    run(work())


def test_failures_wait_longer_each_time_and_a_success_forgets_them() -> None:
    async def work() -> None:
        queue = WorkQueue()
        assert [queue.failed(A) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
        queue.succeeded(A)
        assert queue.failed(A) == 0.5

    run(work())
