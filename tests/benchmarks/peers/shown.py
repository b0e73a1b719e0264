"""What notebooks/coming_from.md shows of other libraries, run: ``python tests/benchmarks/peers/shown.py [PEER ...]``.

Each block runs twice, in an environment of its package's own (as for compare.py), behind the functions that stand for
model calls and, where a library wants a model object, the fake of ``shown_<peer>.py``. It has to stop at the third draft
when the critic is content with it, and at the fourth when it never is. No part of the tests: it downloads the others.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import HERE, REPOSITORY, interpreter_of

PAGE = (REPOSITORY / "notebooks/coming_from.md").read_text(encoding="utf-8")
STAND_INS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
NEVER_CONTENT = "\ndef ask_critic(draft):\n    return 1, f'not yet, {draft}'\n"
BLOCKS = dict(re.findall(r"```python ([\w-]+)\n(.*?)```", PAGE, re.DOTALL))
TIMEOUT_S = 120


def program_of(peer: str, *, is_content: bool) -> str:
    """A block with all that it takes for granted before it."""
    fake = HERE / f"shown_{peer.replace('-', '_')}.py"
    before = fake.read_text(encoding="utf-8") if fake.exists() else ""
    return "\n".join((before, STAND_INS, "" if is_content else NEVER_CONTENT, BLOCKS[peer]))


def said_by(python: str, program: str) -> str:
    """The last line that a program prints, or of what it fails with."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shown.py"
        file.write_text(program, encoding="utf-8")
        around = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [python, "-P", str(file)], capture_output=True, text=True, timeout=TIMEOUT_S, env=around, cwd=folder
        )
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return lines[-1] if lines else "nothing"


def version_of(python: str, peer: str) -> str:
    """The version of a package in its environment."""
    ask = f"import importlib.metadata as m; print(m.version({peer!r}))"
    return subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", help=f"of {', '.join(BLOCKS)}; all without a name")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "graphflow-benchmarks")
    parser.add_argument("--upgrade", action="store_true", help="install the newest versions")
    options = parser.parse_args()
    unknown = [name for name in options.peers if name not in BLOCKS]
    if unknown:
        parser.error(f"there is no peer {unknown[0]!r}; there are {', '.join(BLOCKS)}")
    failed = 0
    for peer in options.peers or BLOCKS:
        python = interpreter_of(peer, options.cache, options.upgrade)
        said = [said_by(python, program_of(peer, is_content=is_content)) for is_content in (True, False)]
        is_right = said == ["draft 3", "draft 4"]
        failed += not is_right
        print(f"{peer:<20} {version_of(python, peer):<10} {'as shown' if is_right else f'no: {said}'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
