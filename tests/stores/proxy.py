"""Between a store and Postgres: a wire that is cut where a test says."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from typing import Literal

When = Literal["never", "before commit", "after commit"]


class Proxy:
    """Passes all on to a port. ``cut`` says when the next COMMIT loses its connection: before it arrives, or its reply.

    ``before_cut`` is called at that moment, before anything else happens. While it ``is_away`` nobody is let in.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.cut: When = "never"
        self.cuts = 0
        self.before_cut: Callable[[], object] = int
        self.is_away = False
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                server = None if self.is_away else socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # it does not run now
                server = None
            if server is None:
                client.close()
                continue
            self._open += [client, server]
            is_cut = threading.Event()
            for one, other, is_upward in ((client, server, True), (server, client, False)):
                thread = threading.Thread(target=self._pass, args=(one, other, is_upward, is_cut), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _pass(self, source: socket.socket, target: socket.socket, is_upward: bool, is_cut: threading.Event) -> None:
        commits = [b"COMMIT"]  # what it is called on this connection: psycopg prepares what it says often
        try:
            while data := source.recv(65536):
                commits += re.findall(rb"(_pg3_\d+\0)COMMIT\0", data) if is_upward else []
                if is_upward and self.cut != "never" and any(name in data for name in commits):
                    when, self.cut = self.cut, "never"
                    self.cuts += 1
                    self.before_cut()
                    if when == "before commit":
                        break
                    is_cut.set()
                if not is_upward and is_cut.is_set():
                    break  # the server has answered, so it has committed
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        if self._listening.fileno() < 0:
            return
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(10)
        for one in self._open:
            one.close()
