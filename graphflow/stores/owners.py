"""Who drives a run: a process of this machine, named so that its death is known at once and not when its lease ends.

Linux tells it: a process is its number and when it was started, within one start of the machine and one namespace of
process numbers. Of a process elsewhere, or on another system, nothing is known, and its lease has to end by itself. A
wrong guess would harm nothing: a driver that has lost its run cannot commit (S18).
"""

from __future__ import annotations

import os
import secrets
from functools import cache
from pathlib import Path

_GONE = ("Z", "X")  # a process that has ended, and whose parent has not looked yet


def new_owner() -> str:
    """A name for a driver in this process.

    >>> is_gone(new_owner()), is_gone(new_owner())
    (False, False)
    """
    place, pid = _place(), os.getpid()
    told = _state_and_start(pid) if place else None
    if told is None:
        return secrets.token_hex(8)
    return f"{place} {pid} {told[1]} {secrets.token_hex(4)}"


def is_gone(owner: str) -> bool:
    """Whether it is known that the process of this name has ended."""
    place, *process = owner.split(" ")
    if len(process) != 3 or place != _place() or not process[0].isdecimal():
        return False
    pid = int(process[0])
    try:
        os.kill(pid, 0)  # sends nothing
    except ProcessLookupError:
        return True
    except OSError:
        return False  # another user's: what it is cannot be seen
    told = _state_and_start(pid)
    return told is not None and (told[0] in _GONE or told[1] != process[1])


@cache
def _place() -> str:
    """This start of the machine, and the namespace of its process numbers; empty where that is not told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _state_and_start(pid: int) -> tuple[str, str] | None:
    """What a process is at, and when it was started, in ticks; None if that cannot be seen."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    parts = told.rpartition(")")[2].split()  # behind its name, which may hold anything
    return parts[0], parts[19]
