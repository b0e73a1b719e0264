"""The one line for all calls of a model: exact orders and times on a virtual clock, and laws that always hold."""

from __future__ import annotations

import asyncio
import gc
import itertools
import math
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphflow.agents.limiter import shared_limiter
from graphflow.agents.rates import duration_s
from graphflow.errors import (
    BadRequest,
    ConnectionFailed,
    LimiterInvalid,
    ModelError,
    ModelTimeout,
    RateLimited,
    ServerError,
)
from graphflow.models import Limiter, Message, Request, Settings
from graphflow.testing.virtual import run_virtual


@dataclass
class Asking:
    """A caller for tests: what it was told is in ``why``."""

    began: float = 0.0
    why: list[str] = field(default_factory=list[str])

    def waits(self, why: str) -> None:
        self.why.append(why)

    def begins(self) -> None:
        self.why.append("begins")


def now() -> float:
    return round(asyncio.get_running_loop().time(), 6)


def asked(began: float = 0.0, **settings: Any) -> Request:
    return Request((Message("user", "Owls?"),), settings=Settings(**settings), caller=Asking(began))


@dataclass
class Line:
    """Calls made through one limiter, and when each started."""

    limiter: Limiter
    starts: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])

    async def call(
        self,
        name: str = "",
        lasts_s: float = 1.0,
        error: BaseException | None = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        request: Request | None = None,
    ) -> None:
        async with self.limiter.slot(request or asked()) as slot:
            self.starts.append((name, now()))
            await asyncio.sleep(lasts_s)
            slot.saw(status, headers or {})
            if error is not None:
                raise error

    async def all(self, *calls: Awaitable[None]) -> list[BaseException | None]:
        return await asyncio.gather(*calls, return_exceptions=True)

    @property
    def times(self) -> list[float]:
        return [time for _, time in self.starts]


def lined(main: Callable[[Line], Awaitable[Any]], **bounds: Any) -> Line:
    """Run on a virtual clock; afterwards nothing is under way, in line, or due."""
    line = Line(Limiter(**bounds))

    async def run() -> None:
        await main(line)
        assert (line.limiter.under_way, line.limiter.in_line) == (0, 0)
        loop: Any = asyncio.get_running_loop()
        assert [timer for timer in loop._scheduled if not timer.cancelled()] == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(run())
    return line


def test_calls_start_in_the_order_they_came_as_many_as_fit() -> None:
    async def main(line: Line) -> None:
        await line.all(*(line.call(str(n)) for n in range(5)))

    line = lined(main, first_at_once=2, most_at_once=2)
    assert line.starts == [("0", 0), ("1", 0), ("2", 1), ("3", 1), ("4", 2)]


def test_calls_of_older_runs_go_first() -> None:
    """So that runs finish, instead of all being half done."""

    async def main(line: Line) -> None:
        await line.all(
            *(line.call(f"{began}{n}", request=asked(began)) for n, began in enumerate([7, 9, 8, 9, 8, 7], 1))
        )

    line = lined(main, first_at_once=1, most_at_once=1)
    assert [name for name, _ in line.starts] == ["71", "76", "83", "85", "92", "94"]


def test_the_window_doubles_until_the_first_complaint_then_halves_and_grows_by_one_a_round() -> None:
    seen: list[int] = []

    async def main(line: Line) -> None:
        for error in [None, None, RateLimited("busy"), None, None, None]:
            width = line.limiter.at_once
            seen.append(width)
            await line.all(*(line.call(error=error) for _ in range(width)))
        seen.append(line.limiter.at_once)

    lined(main, first_at_once=4)
    assert seen == [4, 8, 16, 8, 8, 9, 10], "in the round after the halving it grows by 1/8 a call"


def test_calls_that_were_under_way_together_halve_it_once() -> None:
    async def main(line: Line) -> None:
        await line.all(*(line.call(lasts_s=n, error=RateLimited("busy")) for n in range(1, 9)))
        assert line.limiter.at_once == 4
        await line.all(line.call(error=RateLimited("busy")))
        assert line.limiter.at_once == 2

    lined(main, first_at_once=8)


@pytest.mark.parametrize(
    ("error", "status", "width"),
    [
        (RateLimited("429"), 429, 8),
        (RateLimited("an error object with status 200"), 200, 8),
        (ServerError("503"), 503, 8),
        (ServerError("529"), 529, 8),
        (ModelTimeout("slow"), 0, 8),
        (ServerError("500"), 500, 16),
        (ConnectionFailed("gone"), 0, 16),
        (BadRequest("400"), 400, 16),
        (ValueError("a bug"), 200, 16),
        (asyncio.CancelledError(), 0, 16),
    ],
)
def test_what_says_that_there_is_too_much_to_do(error: BaseException, status: int, width: int) -> None:
    async def main(line: Line) -> None:
        await line.all(line.call(error=error, status=status))
        assert line.limiter.at_once == width

    lined(main, first_at_once=16)


def test_it_keeps_between_floor_and_ceiling() -> None:
    async def main(line: Line) -> None:
        await line.all(*(line.call() for _ in range(100)))
        assert line.limiter.at_once == 6
        for _ in range(9):
            await line.all(line.call(error=ModelTimeout("slow")))
        assert line.limiter.at_once == 2

    lined(main, first_at_once=4, least_at_once=2, most_at_once=6)


def test_a_window_that_is_not_used_does_not_grow() -> None:
    async def main(line: Line) -> None:
        for _ in range(50):
            await line.call()
        assert line.limiter.at_once == 2

    lined(main, first_at_once=2)


def test_retry_after_pauses_every_call_and_not_just_one() -> None:
    async def main(line: Line) -> None:
        first = line.call("a", error=RateLimited("busy", retry_after_s=30))
        await line.all(first, line.call("b", 2), *(line.call(name) for name in "cd"))

    line = lined(main, first_at_once=2)
    assert line.starts == [("a", 0), ("b", 0), ("c", 31), ("d", 32)], "paused from 1 to 31, and half as wide"


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    async def main(line: Line) -> None:
        await line.all(
            line.call("a", 1, ServerError("503", retry_after_s=20), status=503),
            line.call("b", 2, RateLimited("busy", retry_after_s=1)),
        )
        await line.call("c")

    assert lined(main).starts[-1] == ("c", 21)


def test_no_pause_is_longer_than_allowed() -> None:
    async def main(line: Line) -> None:
        await line.all(line.call(error=RateLimited("come back tomorrow", retry_after_s=86_400)))
        await line.call("next")

    assert lined(main, longest_pause_s=60).starts[-1] == ("next", 61)


def rates(kind: str, limit: int, remaining: int, reset: str) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{kind}": str(limit),
        f"x-ratelimit-remaining-{kind}": str(remaining),
        f"x-ratelimit-reset-{kind}": reset,
    }


def test_a_rate_of_requests_is_learnt_and_kept() -> None:
    """60 a minute, 1 left: one starts at once, the others a second apart."""

    async def main(line: Line) -> None:
        await line.call(headers=rates("requests", 60, 1, "59s"))
        await line.all(*(line.call() for _ in range(4)))

    assert lined(main).times == [0, 1, 2, 3, 4]


def test_a_rate_of_tokens_is_learnt_by_estimated_tokens() -> None:
    """6,000 a minute, none left: 100 a second; a call of 2 read and 498 written comes every 5 s."""

    async def main(line: Line) -> None:
        await line.call(headers=rates("tokens", 6_000, 0, "1m0s"))
        await line.all(*(line.call(request=asked(max_output_tokens=498)) for _ in range(3)))

    assert lined(main).times == [0, 6, 11, 16]


def test_a_call_larger_than_the_whole_limit_waits_for_all_of_it() -> None:
    """It cannot wait for ever: the provider says what it thinks of it."""

    async def main(line: Line) -> None:
        await line.call(headers=rates("tokens", 100, 0, "10s"))
        await line.call(request=asked(max_output_tokens=5_000))

    assert lined(main).times == [0, 11]


def test_calls_under_way_count_as_used_until_the_provider_counts_them() -> None:
    async def main(line: Line) -> None:
        slow = [asyncio.ensure_future(line.call("slow", 50)) for _ in range(3)]
        await asyncio.sleep(0)
        later = asyncio.ensure_future(line.call("told", 1, headers=rates("requests", 10, 3, "70s")))
        await asyncio.sleep(0)
        after = [asyncio.ensure_future(line.call("after", 50)) for _ in range(2)]
        await later
        await line.all(*(line.call("new") for _ in range(2)))
        await line.all(*slow, *after)

    line = lined(main)
    assert [time for name, time in line.starts if name == "new"] == [1, 11], "3 remain, 2 of them are on their way"


def test_what_an_earlier_call_is_told_does_not_overwrite_what_a_later_one_was() -> None:
    async def main(line: Line) -> None:
        early = asyncio.ensure_future(line.call("early", 5, headers=rates("requests", 100, 100, "0s")))
        await asyncio.sleep(0)
        await line.call("late", 1, headers=rates("requests", 100, 0, "1000s"))
        next_one = asyncio.ensure_future(line.call("next"))
        await line.all(early, next_one)

    assert lined(main).starts[-1] == ("next", 11)


def test_with_nothing_under_way_it_waits_no_longer_than_the_reset() -> None:
    """An old rate counts for less than what the provider said last."""

    async def main(line: Line) -> None:
        await line.call(headers=rates("requests", 100, 99, "100s"))
        await line.call(headers={"x-ratelimit-remaining-requests": "0"})
        await line.call()

    assert lined(main).times == [0, 1, 2], "by the old rate it would be 102"


def test_without_knowing_how_it_grows_all_is_there_at_the_reset() -> None:
    async def main(line: Line) -> None:
        await line.call(headers={"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20ms"})
        await line.all(line.call(), line.call())

    assert lined(main).times == [0, 1.02, 1.02]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1d", 86_400),
        ("12", 12),
        ("0", 0),
        ("1795000000000", None),
        ("2026-11-21T00:00:00Z", None),
        ("-1", None),
        ("nan", None),
        ("", None),
    ],
)
def test_lengths_of_time_as_providers_write_them(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("value", ["", "many", "-3", "nan", "inf"])
def test_headers_that_say_nothing_change_nothing(value: str) -> None:
    async def main(line: Line) -> None:
        await line.call(headers={"x-ratelimit-remaining-requests": value, "x-ratelimit-remaining-tokens": value})
        await line.all(line.call(), line.call())

    assert lined(main).times == [0, 1, 1]


# -- leaving the line ----------------------------------------------------------------------------------------------


def test_one_that_is_cancelled_in_line_takes_no_slot() -> None:
    async def main(line: Line) -> None:
        calls = [asyncio.ensure_future(line.call(str(n))) for n in range(4)]
        await asyncio.sleep(0.5)
        assert (line.limiter.under_way, line.limiter.in_line) == (1, 3)
        calls[1].cancel()
        await line.all(*calls)

    assert lined(main, first_at_once=1, most_at_once=1).starts == [("0", 0), ("2", 1), ("3", 2)]


def test_one_that_is_cancelled_in_the_moment_it_is_let_in_gives_its_slot_on() -> None:
    async def main(line: Line) -> None:
        async def first() -> None:
            await line.call("0")
            assert line.limiter.under_way == 1, "the second is let in, and has not run yet"
            second.cancel()

        held = asyncio.ensure_future(first())
        await asyncio.sleep(0)
        second, third = (asyncio.ensure_future(line.call(name)) for name in "12")
        await line.all(held, second, third)

    assert lined(main, first_at_once=1, most_at_once=1).starts == [("0", 0), ("2", 1)]


def test_a_pause_that_nobody_waits_for_any_more_leaves_no_timer() -> None:
    """Checked by ``lined``."""

    async def main(line: Line) -> None:
        await line.all(line.call(error=RateLimited("busy", retry_after_s=100)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await line.call()
        assert now() == 6

    lined(main)


def test_many_that_leave_are_not_kept() -> None:
    async def main(line: Line) -> None:
        busy = asyncio.ensure_future(line.call(lasts_s=9))
        await asyncio.sleep(0)
        patient = asyncio.ensure_future(line.call())
        await asyncio.sleep(0)
        for _ in range(300):
            waiting = asyncio.ensure_future(line.call())
            await asyncio.sleep(0)
            waiting.cancel()
            await line.all(waiting)
        gate: Any = line.limiter._here()
        assert len(gate._line) <= 64
        await line.all(busy, patient)

    lined(main, first_at_once=1)


def test_who_waits_is_told_why() -> None:
    """It cannot be seen otherwise that a call is not under way."""
    told: list[str] = []

    async def main(line: Line) -> None:
        requests = [asked() for _ in range(3)]
        await line.all(*(line.call(request=request) for request in requests[:2]))
        await line.all(line.call(error=RateLimited("busy", retry_after_s=30)))
        await line.call(request=requests[2])
        told.extend(" / ".join(request.caller.why) for request in requests if request.caller)  # type: ignore[attr-defined]

    lined(main, first_at_once=1, most_at_once=1)
    assert told == [
        "",
        "1 calls are under way, as many as the model takes at once now / begins",
        "the provider asked to wait 30 s more / begins",
    ]


def test_who_may_not_begin_any_more_gives_its_slot_on() -> None:
    class Late(Asking):
        def begins(self) -> None:
            raise KeyError("too late")

    async def main(line: Line) -> None:
        late = Request((), caller=Late())
        found = await line.all(line.call("a"), line.call("late", request=late), line.call("b"))
        assert [type(one) for one in found] == [type(None), KeyError, type(None)]

    assert lined(main, first_at_once=1, most_at_once=1).starts == [("a", 0), ("b", 1)]


# -- laws ----------------------------------------------------------------------------------------------------------

OUTCOMES: list[Callable[[], BaseException | None]] = [
    lambda: None,
    lambda: None,
    lambda: RateLimited("busy"),
    lambda: RateLimited("busy", retry_after_s=3),
    lambda: ServerError("503", retry_after_s=0.25),
    lambda: ModelTimeout("slow"),
    lambda: BadRequest("no"),
]


KINDS = ("RateLimited", "ServerError", "ModelTimeout", "BadRequest", "CancelledError")


@dataclass(frozen=True)
class Plan:
    """One call of a law: in quarters of a second, cancelled ``leaves`` quarters after it came."""

    comes: int
    lasts: int
    began: int
    outcome: int
    leaves: int | None
    headers: dict[str, str]


PLANS = st.lists(
    st.builds(
        Plan,
        st.integers(0, 8),
        st.integers(0, 6),
        st.integers(0, 3),
        st.integers(0, len(OUTCOMES) - 1),
        st.none() | st.integers(0, 12),
        st.just({}) | st.builds(rates, st.just("requests"), st.just(5), st.integers(0, 5), st.just("10s")),
    ),
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(PLANS, st.integers(1, 4), st.integers(1, 6))
def test_whatever_happens(plans: list[Plan], first: int, most: int) -> None:
    """Never more than the window, nobody early after a pause, older runs first, nobody starves, no slot is lost."""
    waiting: dict[tuple[float, int], Any] = {}
    pauses: list[float] = []
    ended: set[int] = set()
    broken: list[str] = []
    arrivals = itertools.count()

    def watch(limiter: Limiter) -> None:
        """Look at every call in the moment it is let in."""
        gate: Any = limiter._here()
        begin = gate._begin

        def watched(slot: Any, at: float) -> None:
            begin(slot, at)
            mine = (slot.began, slot.request.settings.seed)
            waiting.pop(mine, None)
            if limiter.under_way > limiter.at_once:
                broken.append(f"{limiter} at {now()}")
            if any(now() < until for until in pauses):
                broken.append(f"begun at {now()}, paused until {pauses}")
            if any(other < mine and not task.cancelling() for other, task in waiting.items()):
                broken.append(f"{mine} before {waiting}")

        gate._begin = watched

    async def one(index: int, plan: Plan, line: Line) -> None:
        await asyncio.sleep(plan.comes / 4)
        mine = (plan.began, next(arrivals))
        try:
            waiting[mine] = asyncio.current_task()
            async with line.limiter.slot(asked(plan.began, seed=mine[1])) as slot:
                await asyncio.sleep(plan.lasts / 4)
                slot.saw(503 if plan.outcome == 4 else 200, plan.headers)
                error = OUTCOMES[plan.outcome]()
                if isinstance(error, ModelError) and error.retry_after_s:
                    pauses.append(round(now() + error.retry_after_s, 6))
                if error is not None:
                    raise error
        except asyncio.CancelledError:
            waiting.pop(mine, None)
            raise
        finally:
            ended.add(index)

    async def main(line: Line) -> None:
        watch(line.limiter)
        calls = [asyncio.ensure_future(one(index, plan, line)) for index, plan in enumerate(plans)]
        for call, plan in zip(calls, plans, strict=True):
            if plan.leaves is not None:
                asyncio.get_running_loop().call_later((plan.comes + plan.leaves) / 4, call.cancel)
        found = await line.all(*calls)
        assert broken == []
        assert {type(error).__name__ for error in found} <= {"NoneType", *KINDS}
        assert len(ended) >= sum(plan.leaves is None for plan in plans)
        await asyncio.sleep(100)
        began = now()
        await line.call("probe")
        assert line.starts[-1] == ("probe", began), "a slot was lost, or a pause did not end"

    lined(main, first_at_once=first, most_at_once=most)


# -- several loops -------------------------------------------------------------------------------------------------


@contextmanager
def in_thread(main: Callable[[], Awaitable[None]]) -> Iterator[list[BaseException]]:
    """Run in a loop of another thread meanwhile; its failures come out at the end."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(main())  # type: ignore[arg-type]
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    yield failed
    thread.join(30)
    assert not thread.is_alive(), "somebody was never woken"
    assert failed == []


def test_loops_in_several_threads_share_one_window_and_wake_each_other() -> None:
    limiter = Limiter(first_at_once=2, most_at_once=3)
    lock, under_way, most, done = threading.Lock(), 0, 0, 0

    async def call() -> None:
        nonlocal under_way, most, done
        async with limiter.slot(asked()):
            with lock:
                under_way += 1
                most = max(most, under_way)
            await asyncio.sleep(0)
            with lock:
                under_way -= 1
                done += 1

    async def main() -> None:
        calls = [asyncio.ensure_future(call()) for _ in range(200)]
        for cancelled in calls[::10]:
            cancelled.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    with in_thread(main), in_thread(main), in_thread(main):
        pass
    assert done == 3 * 180
    assert most <= 3
    assert (limiter.under_way, limiter.in_line) == (0, 0)


def test_a_call_in_another_loop_is_woken_by_the_end_of_one_here() -> None:
    limiter = Limiter(first_at_once=1, most_at_once=1)
    holds, waits = threading.Event(), threading.Event()
    order: list[str] = []

    class Watched(Asking):
        def waits(self, why: str) -> None:
            waits.set()

    async def other() -> None:
        await asyncio.to_thread(holds.wait, 20)
        async with limiter.slot(Request((), caller=Watched())):
            order.append("other")

    async def here() -> None:
        async with limiter.slot(asked()):
            holds.set()
            await asyncio.to_thread(waits.wait, 20)
            order.append("here")

    with in_thread(other):
        asyncio.run(here())
    assert order == ["here", "other"]


def test_a_loop_that_was_thrown_away_takes_its_slots_with_it() -> None:
    limiter = Limiter(first_at_once=1, most_at_once=1)
    slot_of: list[Any] = []

    async def hold() -> None:
        slot_of.append(limiter.slot(asked()))
        await slot_of[0].__aenter__()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(hold())
    loop.close()

    async def main() -> None:
        async with asyncio.timeout(20), limiter.slot(asked()):
            assert limiter.under_way == 1

    asyncio.run(main())


def test_a_virtual_clock_learns_for_itself() -> None:
    """So that tests do not depend on each other's order."""
    limiter = Limiter(first_at_once=4)

    async def main() -> float:
        line = Line(limiter)
        await line.all(line.call(error=RateLimited("busy", retry_after_s=50)))
        assert limiter.at_once == 2
        await line.call()
        return line.times[-1]

    assert run_virtual(main()) == run_virtual(main()) == 51
    assert limiter.at_once == 4, "outside of both"
    gc.collect()
    assert len(limiter._own) == 0


# -- which limiter -------------------------------------------------------------------------------------------------


def test_one_limiter_for_each_server_key_and_model() -> None:
    one = shared_limiter("http://a/v1", "canary-key", "m")
    assert one is shared_limiter("http://a/v1/", "canary-key", "m")
    others = [("http://b/v1", "canary-key", "m"), ("http://a/v1", "other", "m"), ("http://a/v1", "canary-key", "n")]
    assert len({id(one), *(id(shared_limiter(*other)) for other in others)}) == 4


def test_the_key_itself_is_nowhere_in_the_register() -> None:
    from graphflow.agents import limiter as module

    shared_limiter("http://a/v1", "canary-key", "m")
    assert b"canary-key" not in b"".join(module._recent)
    assert "canary-key" not in repr(vars(module))


def test_what_was_learnt_outlives_the_model_but_not_for_ever() -> None:
    from graphflow.agents import limiter as module

    shared_limiter("http://kept", "k", "m")._shared.width = 7.0
    gc.collect()
    assert shared_limiter("http://kept", "k", "m").at_once == 7
    held = shared_limiter("http://held", "k", "m")
    for number in range(module._REMEMBERED):
        shared_limiter("http://others", "k", str(number))
    gc.collect()
    assert len(module._recent) == module._REMEMBERED
    assert shared_limiter("http://held", "k", "m") is held, "somebody uses it"
    assert shared_limiter("http://kept", "k", "m").at_once == 20, "nobody does"


@pytest.mark.parametrize(
    "bounds",
    [
        {"most_at_once": 0},
        {"least_at_once": 0},
        {"first_at_once": True},
        {"most_at_once": 2.5},
        {"least_at_once": 5, "most_at_once": 4},
        {"longest_pause_s": -1},
        {"longest_pause_s": math.nan},
    ],
)
def test_bounds_that_are_none_are_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(LimiterInvalid):
        Limiter(**bounds)
