"""``graphflow studio``: a page over a store, on this machine, to look at runs and to act."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from graphflow.cli import exits
from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.driving import drive
from graphflow.cli.giving import add_deps, deps_of
from graphflow.cli.opening import OPENING_HELP, add_store, named_store, shown_store
from graphflow.cli.options import add_model
from graphflow.cli.output import is_unicode, visible
from graphflow.errors import GraphflowError, StudioRefused
from graphflow.runtime.beginning import open_store
from graphflow.service.targets import Target, load_all
from graphflow.stores.ciphers import cipher_of
from graphflow.stores.store import Store

if TYPE_CHECKING:
    from graphflow.studio.desk import Desk, Unusable

_DESCRIPTION = """\
Look at the runs of a store in the browser: live on their graph, step by step,
with why each edge was taken, what changed, what was said and what failed; two
runs side by side. Answer questions, go on, run again from an earlier step with
another state, and start runs of the graphs named as TARGET.

The page is served on this machine only, and asks nothing of any other. Who
opens the address that is printed may act; it holds a token that is made anew
at every start. With --read-only nobody can change anything.

Looking imports no graph; what a run was drawn and driven with is in the store.
Ctrl-C ends it; runs that it was driving stay resumable."""

_EXAMPLES = (
    "graphflow studio --store runs.db",
    "graphflow studio graphs/essay.py graphs/intel.py --store runs.db",
    "graphflow studio --store runs.db --read-only --port 9000 --no-browser",
)

_LAST_PORT = 65_535
_PATIENCE_S = 2.0  # with a store that another process holds, when it is only looked at
_LIBRARIES = ("starlette", "uvicorn")
_HINT = "pip install graphflow-agents[studio]"


def make_parser() -> Parser:
    """The arguments of ``graphflow studio``."""
    parser = Parser("studio [TARGET ...]", _DESCRIPTION, _EXAMPLES)
    help_ = "graphs to start runs of: FILE[:NAME] or MODULE[:NAME]; without NAME all of a file"
    parser.add_argument("targets", metavar="TARGET", nargs="*", help=help_)
    add_store(parser, OPENING_HELP)
    parser.add_argument("--port", metavar="N", type=_port, help="this port (default: 8765, or the next that is free)")
    parser.add_argument("--read-only", action="store_true", help="look only: nothing can be changed")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    add_model(parser)
    add_deps(parser)
    add_common(parser)
    return parser


def _port(text: str) -> int:
    """A port's number, for argparse; 0 for any that is free."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1
    if not 0 <= number <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: ports are 0 (any that is free) to {_LAST_PORT}")
    return number


def run(given: argparse.Namespace) -> int:
    """Carry the command out. Returns its exit code."""
    _refuse_without_libraries()
    from graphflow.studio.app import studio_of
    from graphflow.studio.looking import has_renderer
    from graphflow.studio.serving import bound, serve

    desk, is_new = _desk_of(given)
    try:
        listening = bound(given.port)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        full = address if desk.is_read_only else f"{address}#token={desk.token}"
        if not has_renderer():
            print(f"Nothing here lays graphs out, so runs are shown without theirs: {_HINT}", file=sys.stderr)

        def ready() -> None:
            _announce(desk, full, given, is_new=is_new)
            if not given.no_browser and can_open_browser():
                own = address if desk.is_read_only else f"{address}open/{desk.new_code()}"
                threading.Thread(target=webbrowser.open, args=(own,), daemon=True).start()

        drive(serve(studio_of(desk), listening, ready), until=(signal.SIGINT, signal.SIGTERM), is_server=True)
    except KeyboardInterrupt as interrupt:
        if not given.json:
            print("The studio has ended.", file=sys.stderr, flush=True)
        return exits.DONE if signal.SIGTERM in interrupt.args else exits.INTERRUPTED
    finally:
        desk.close()
    return exits.DONE


def _refuse_without_libraries() -> None:
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise StudioRefused(
            f"The studio needs {' and '.join(missing)}, not installed here",
            code="GF540",
            why="It is a small web server on this machine; the rest of graphflow does without.",
            fix=_HINT,
        )


def _desk_of(given: argparse.Namespace) -> tuple[Desk, bool]:
    """Everything that was asked for, and whether its store is a new one. A target that cannot be imported is told, and the rest goes on."""
    from graphflow.studio.desk import Desk

    name = named_store(given.store, may_make=bool(given.targets) and not given.read_only)
    is_new = "://" not in name and not Path(name).exists()
    targets, unusable = _targets(given.targets)
    deps = deps_of(given.deps)

    def opened() -> tuple[Store, Store | None]:
        looking = _store_to_look_at(name, may_make=bool(given.targets))
        return looking, None if given.read_only else open_store(name, cipher_of(os.environ))

    store, acting = opened()
    desk = Desk(
        store,
        acting,
        place=shown_store(name),
        file=None if "://" in name else Path(name).resolve(),
        open_again=opened,
        targets=targets,
        unusable=unusable,
        model=given.model,
        deps=deps,
    )
    return desk, is_new


def _store_to_look_at(name: str, *, may_make: bool) -> Store:
    """A connection of its own, without the key, that waits for nobody for long: a page is to be told soon."""
    if "://" in name:
        return open_store(name)
    from graphflow.stores.sqlite import SQLiteStore

    return SQLiteStore(named_store(name, may_make=may_make), wait_s=_PATIENCE_S)


def _targets(texts: Sequence[str]) -> tuple[list[Target], list[Unusable]]:
    from graphflow.studio.desk import Unusable

    found: list[Target] = []
    unusable: list[Unusable] = []
    for text in texts:
        try:
            found += load_all(text)
        except GraphflowError as error:
            unusable.append(Unusable(text, error))
    return found, unusable


def _announce(desk: Desk, address: str, given: argparse.Namespace, *, is_new: bool) -> None:
    """Where the page is; last what is wrong with what was named, since that is what is left to be done."""
    _tell_address(desk, address, given, is_new=is_new)
    for one in desk.unusable:
        print(visible(str(one.error)), file=sys.stderr, flush=True)


def _tell_address(desk: Desk, address: str, given: argparse.Namespace, *, is_new: bool) -> None:
    if given.json:
        facts = {"address": address, "store": desk.place, "read_only": desk.is_read_only}
        line = {"schema": "graphflow.studio/1"} | facts  # in one, for who reads on while it runs
        print(json.dumps(line, ensure_ascii=not is_unicode(sys.stdout)), flush=True)
        return
    what = ", a new store" if is_new else ", read-only" if desk.is_read_only else ""
    print(f"graphflow studio over {desk.place}{what}", file=sys.stderr)
    print(address, flush=True)
    print("Ctrl-C ends it.", file=sys.stderr, flush=True)


def can_open_browser() -> bool:
    """Whether there is anywhere to open a browser: on Linux that takes a display, or a browser that was named."""
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
