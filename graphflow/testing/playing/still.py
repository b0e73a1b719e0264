"""An event loop without a world: waiting takes no time, threads are calls, and there is no network.

Nodes of a property test are awaited on it, one at a time. It holds nothing of the system, so it need not be closed.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


NOTHING_COMES = "something that nobody here will do"


class Unreachable(BaseException):
    """Something outside was asked for. A BaseException, so that a node's ``except Exception`` does not swallow it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class _Nothing:
    """Stands for the selector: nothing ever arrives, and instead of waiting the clock moves on."""

    def __init__(self, loop: StillLoop) -> None:
        self.loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Unreachable(NOTHING_COMES)
        if timeout > 0:
            self.loop.advance(timeout)
        return []


class StillLoop(asyncio.BaseEventLoop):
    """See the module's docstring. ``reached`` is what was asked for of the outside, if a node hid that it failed.

    >>> async def nap():
    ...     await asyncio.sleep(3600)
    ...     return "awake"
    >>> StillLoop().run_until_complete(nap())
    'awake'
    """

    def __init__(self) -> None:
        super().__init__()
        self.reached = ""
        self._now = 0.0
        self._made = 0  # tasks, by what runs now
        self._selector = _Nothing(self)

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        moved = self._now + seconds
        self._now = moved if moved > self._now else self._now + 1e-6

    def run(self, work: Awaitable[T]) -> T:
        """Await something. Raises Unreachable if it needs more than time."""
        self.reached = ""
        self._made = 0
        task = asyncio.ensure_future(work, loop=self)
        try:
            result = self.run_until_complete(task)
        except BaseException:
            _give_up(self, task)
            if self.reached:
                raise Unreachable(self.reached) from None
            raise
        if self.reached:
            raise Unreachable(self.reached)
        if self._made > 1:
            _give_up(self, task)
        return result

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        self._made += 1
        return super().create_task(coro, **options)

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """At once, here: what a thread would give, in the one order there is."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _outside(self, what: str) -> NoReturn:
        self.reached = what
        raise Unreachable(what)

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        self._outside(f"the network ({_text(host)}:{port})")

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> Any:
        self._outside("the network")

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        host, port = options.get("host", args[1:2] and args[1]), options.get("port", args[2:3] and args[2])
        self._outside(f"the network ({_text(host)}:{port})")

    async def create_server(self, *_: Any, **__: Any) -> Any:
        self._outside("the network (a server)")

    async def create_datagram_endpoint(self, *_: Any, **__: Any) -> Any:
        self._outside("the network (datagrams)")

    async def sock_connect(self, sock: Any, address: Any) -> None:
        self._outside(f"the network ({address})")

    async def subprocess_exec(self, *args: Any, **_: Any) -> Any:
        self._outside(f"a subprocess ({_text(args[1] if len(args) > 1 else '')})")

    async def subprocess_shell(self, *args: Any, **_: Any) -> Any:
        self._outside(f"a subprocess ({_text(args[1] if len(args) > 1 else '')})")

    def _process_events(self, event_list: list[Any]) -> None:
        """Nothing ever arrives."""

    def _write_to_self(self) -> None:
        """Nobody waits in a selector to be woken."""

    def __del__(self) -> None:
        """There is nothing to close."""


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _give_up(loop: StillLoop, task: asyncio.Future[Any]) -> None:
    """Whatever a node left running ends with it: the next one finds the loop as empty as the first."""
    left = [one for one in asyncio.all_tasks(loop) if not one.done()]
    if not left and task.done():
        return
    for one in left:
        one.cancel()
    for one in left:
        for _ in range(_MOST_CANCELS):
            if one.done():
                break
            try:
                loop.run_until_complete(asyncio.sleep(0))
            except BaseException:  # of the one that ends; what it raises belongs to nobody
                continue
        if one.done() and not one.cancelled():
            one.exception()


_MOST_CANCELS = 20


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def apart(work: Callable[[], T]) -> T:
    """Call something that runs event loops of its own; where one runs already (a notebook), in a thread beside it."""
    __tracebackhide__ = True
    if not _has_loop():
        return work()
    with ThreadPoolExecutor(1, "graphflow testing") as thread:
        return thread.submit(contextvars.copy_context().run, work).result()
