"""Cursors as people read them: a node, its visit, the branches and sub-graphs it is in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_SEGMENT = re.compile(r"(?P<node>.*?):(?P<visit>\d+)(?:~\d+)?(?:\[(?P<branch>\d+)\])?$")


@dataclass(frozen=True, slots=True)
class Spot:
    """A cursor taken apart: the sub-graphs around it, the branches it is in, its node and visit.

    ``fork`` is the cursor of the outermost fork, ``branch`` the number of its branch there.
    """

    groups: tuple[str, ...]
    branches: tuple[int, ...]
    node: str
    visit: int
    fork: str = ""
    branch: int = -1

    def __str__(self) -> str:
        again = f":{self.visit}" if self.visit > 1 else ""
        branches = "".join(f"[{branch}]" for branch in self.branches)
        return "/".join((*self.groups, self.node)) + again + branches


def spot_of(cursor: str) -> Spot:
    """A cursor taken apart.

    >>> str(spot_of("plan:1[3]/search:2")), str(spot_of("team:1/write:1"))
    ('search:2[3]', 'team/write')
    """
    groups: list[str] = []
    branches: list[int] = []
    fork, segments = "", cursor.split("/")
    for number, segment in enumerate(segments[:-1]):
        match = _SEGMENT.match(segment)
        if match is None:
            continue
        if match["branch"] is None:
            groups.append(unquote(match["node"]))
            continue
        branches.append(int(match["branch"]))
        fork = fork or "/".join([*segments[:number], segment.rpartition("[")[0]])
    match = _SEGMENT.match(segments[-1])
    node, visit = (unquote(match["node"]), int(match["visit"])) if match else (segments[-1], 1)
    return Spot(tuple(groups), tuple(branches), node, visit, fork, branches[0] if branches else -1)
