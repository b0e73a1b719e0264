"""What ``mutate`` finds: mutants, which of them were noticed, and a report that tells first of those that were not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphflow.errors import Place
from graphflow.testing.mutating.slips import SlipKind


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change, and what came of it: ``killed_by`` names the property that noticed it, empty if none did.

    ``edge`` is ``review -> write``; ``before`` and ``after`` are what stands on it, ``place`` is its line, ``hint`` what to
    state so that something notices.
    """

    graph: str
    kind: SlipKind
    edge: str
    before: str
    after: str
    place: Place | None
    hint: str = ""
    killed_by: str = ""
    is_equivalent: bool = False

    @property
    def survives(self) -> bool:
        """Whether it makes a difference, and nothing noticed."""
        return not self.killed_by and not self.is_equivalent

    def __str__(self) -> str:
        return f"{self.edge}: {self.before}  =>  {self.after}"


@dataclass(frozen=True, slots=True)
class Mutations:
    """What ``mutate`` gives back; ``str`` lists the survivors. ``left_out`` were not tried, for want of time."""

    graph: str
    mutants: tuple[Mutant, ...]
    seconds: float
    left_out: int = 0

    @property
    def killed(self) -> tuple[Mutant, ...]:
        """Those that some property noticed."""
        return tuple(one for one in self.mutants if one.killed_by)

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """Those that make a difference which nothing noticed."""
        return tuple(one for one in self.mutants if one.survives)

    @property
    def equivalent(self) -> tuple[Mutant, ...]:
        """Those that decide alike on every state: proved, and not counted."""
        return tuple(one for one in self.mutants if one.is_equivalent)

    @property
    def score(self) -> float:
        """How many of those that make a difference were killed, from 0 to 1; 1 if there are none."""
        counted = len(self.killed) + len(self.survivors)
        return len(self.killed) / counted if counted else 1.0

    def __str__(self) -> str:
        counted = len(self.killed) + len(self.survivors)
        equal = f", {len(self.equivalent)} more make no difference (proved)" if self.equivalent else ""
        if not self.mutants and not self.left_out:
            return f"{self.graph}: there is no condition, limit or further edge that could be changed"
        lines = [f"{self.graph}: {len(self.killed)} of {counted} changes noticed ({self.score:.0%}){equal}"]
        if self.left_out:
            lines.append(f"  {self.left_out} more were not tried: {self.seconds:.0f} s were over; give most_seconds=")
        if self.survivors:
            lines.append("  nothing notices")
            for one in self.survivors:
                lines += [f"    {line}" if number == 0 else f"      {line}" for number, line in enumerate(_told(one))]
        if self.killed:
            lines.append("  noticed")
            lines += [f"    {one}   by {one.killed_by!r}" for one in self.killed]
        return "\n".join(lines)


def _told(mutant: Mutant) -> Iterator[str]:
    """What was changed, where that stands, and what to state."""
    yield str(mutant)
    if mutant.place is not None:
        yield f"where  {mutant.place}   {mutant.place.text}".rstrip()
    if mutant.hint:
        yield f"state  {mutant.hint}"
