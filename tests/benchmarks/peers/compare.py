"""graphflow beside its peers, each in an environment of its own: ``python tests/benchmarks/peers/compare.py [--json]``.

Environments are made once under ``~/.cache/graphflow-benchmarks`` (or ``--cache``) with plain venv and pip; ``--upgrade``
brings them up to date. Settings are fair: no tracing, no telemetry, no checkpointer, each in its fastest documented form
with a validated pydantic state. graphflow journals every step in memory, as it always does. Figures are CPU
microseconds, the best of three, and no limit is judged here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
PEERS = {"burr": "burr_steps.py", "pydantic-graph": "pydantic_graph_steps.py", "langgraph": "langgraph_steps.py"}
TIMEOUT_S = 280


def interpreter_of(package: str, cache: Path, upgrade: bool) -> str:
    """The Python of the package's own environment, made if there is none."""
    place = cache / package
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    is_new = not python.exists()
    if is_new:
        print(f"making an environment for {package} ...", file=sys.stderr)
        venv.create(place, with_pip=True)
    if is_new or upgrade:
        quiet = ["-q", "--disable-pip-version-check"]
        subprocess.run([str(python), "-m", "pip", "install", *quiet, "--upgrade", package, "pydantic"], check=True)
    return str(python)


def measured(python: str, script: str) -> dict[str, Any]:
    """What a script reports, or why it does not."""
    print(f"running {script} ...", file=sys.stderr)
    around = {**os.environ, "PYTHONPATH": str(REPOSITORY) if script == "graphflow_steps.py" else ""}
    try:
        done = subprocess.run(
            [python, str(HERE / script)], capture_output=True, text=True, timeout=TIMEOUT_S, env=around, check=True
        )
    except subprocess.CalledProcessError as error:
        return {"version": "", "figures": {}, "failure": error.stderr.strip().splitlines()[-1:]}
    except subprocess.TimeoutExpired:
        return {"version": "", "figures": {}, "failure": [f"took longer than {TIMEOUT_S} s"]}
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def table(found: dict[str, dict[str, Any]]) -> str:
    """One line a contestant: microseconds, and in brackets the ratio to graphflow."""
    ours = found["graphflow"]["figures"]
    lines = [f"{'':<28}{'chain of 1,000':>20}{'loop of 10,000':>20}{'map over 1,000':>20}   (CPU us a step or branch)"]
    for name, report in found.items():
        cells: list[str] = []
        for figure in ("chain", "loop", "map"):
            value = report["figures"].get(figure)
            if isinstance(value, float):
                cells.append(f"{value:,.2f} ({value / ours[figure]:,.2f} x)")
            else:
                cells.append("failed" if value else "-")
        lines.append(f"{name + ' ' + report['version']:<28}" + "".join(f"{cell:>20}" for cell in cells))
        lines += [f"    {name}: {value}" for value in report["figures"].values() if isinstance(value, str)]
        lines += [f"    {name}: {line}" for line in report.get("failure", [])]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", help=f"of {', '.join(PEERS)}; all without a name")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "graphflow-benchmarks")
    parser.add_argument("--upgrade", action="store_true", help="install the newest versions")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    unknown = [name for name in options.peers if name not in PEERS]
    if unknown:
        parser.error(f"there is no peer {unknown[0]!r}; there are {', '.join(PEERS)}")
    found = {
        "floor": measured(sys.executable, "floor.py"),
        "graphflow": measured(sys.executable, "graphflow_steps.py"),
    }
    for peer in options.peers or PEERS:
        found[peer] = measured(interpreter_of(peer, options.cache, options.upgrade), PEERS[peer])
    if options.json:
        print(json.dumps({"schema": "graphflow.peers/1", "peers": found}, indent=2))
    else:
        print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
