"""Everything that can be asked of a graph without a line of test: for ``pytest --graphflow`` and ``graphflow test``.

Each property has a name and an outcome of its own. They are asked together: a graph is checked, failures known from
earlier are played again, it is walked until all that breaks was found, and explored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from graphflow.errors import GraphflowError
from graphflow.errors.testing import PropertyFailed
from graphflow.graph.declaration import Declaration
from graphflow.testing.suites.coverage import Watch
from graphflow.testing.suites.known_failures import KnownFailures, failure_again
from graphflow.testing.suites.profiles import Profile

STRUCTURE = "structure"
EXPLORED = "explored"
_SAYS = {
    STRUCTURE: "check finds neither errors nor warnings (S1.2)",
    EXPLORED: "no run within bounds gets stuck, lost or goes round for ever",
}
_NO_FAILURES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one property. ``note`` is why it was skipped, or how much was tried."""

    name: str
    status: Literal["holds", "fails", "skipped"]
    error: Exception | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """What is wrong, as a person reads it; empty where nothing is."""
        return "" if self.error is None else str(self.error)


def property_names() -> tuple[str, ...]:
    """The names of all properties, in the order asked."""
    from graphflow.testing.walking.laws import laws

    return (STRUCTURE, *(law.name for law in laws()), EXPLORED)


def meaning_of(name: str) -> str:
    """What a property says, in one line."""
    from graphflow.testing.walking.laws import laws

    return _SAYS.get(name) or next((law.says for law in laws() if law.name == name), "")


@dataclass(eq=False)
class Suite:
    """The properties of one graph. ``place`` names it for known failures, ``names`` are those of its module.

    ``start`` are fields that every run starts with. What fails is told with the lines that import what its replay needs.
    """

    graph: Declaration[Any]
    profile: Profile
    place: str = ""
    names: Mapping[str, Any] = field(default_factory=dict[str, Any])
    known: KnownFailures | None = None
    watch: Watch | None = None
    start: Mapping[str, Any] | None = None

    @property
    def started(self) -> str:
        """Where runs started, in words; empty where none could be made."""
        return self._verified.start if self._structure.status != "fails" or not self._has_errors else ""

    def outcome(self, name: str) -> Outcome:
        """What came of a property; asking the first one asks what belongs together."""
        if name == STRUCTURE:
            found = self._structure
        elif self._structure.status == "fails" and self._has_errors:
            return Outcome(name, "skipped", note="check finds errors, so that nothing runs")
        elif name == EXPLORED:
            found = self._explored
        else:
            found = self._verified.outcomes[name]
        self._remember(found)
        return found

    def outcomes(self) -> Iterator[Outcome]:
        """What came of all of them, one by one."""
        for name in property_names():
            yield self.outcome(name)

    def _remember(self, found: Outcome) -> None:
        if self.known is None or self.start is not None:  # what is kept is for any start
            return
        if found.error is not None:
            self.known.note(self.place, found.name, found.error)
        elif found.status == "holds":
            self.known.mended(self.place, found.name)

    @property
    def _has_errors(self) -> bool:
        return any(finding.severity == "error" for finding in self.graph.check())

    @cached_property
    def _structure(self) -> Outcome:
        try:
            findings = [finding for finding in self.graph.check() if finding.severity != "advice"]
        except GraphflowError as error:
            return Outcome(STRUCTURE, "fails", error)
        if not findings:
            return Outcome(STRUCTURE, "holds")
        what = (
            f"check finds {len(findings)} thing{'s' if len(findings) > 1 else ''} wrong with graph {self.graph.name!r}"
        )
        story = "\n".join([what, *map(str, findings)])
        return Outcome(STRUCTURE, "fails", PropertyFailed(what, story=story, name=STRUCTURE))

    @cached_property
    def _verified(self) -> _Verified:
        """Walk until nothing more breaks: what broke once is left out of the next walks."""
        from graphflow.testing import faults
        from graphflow.testing.walking.unused import PROVED  # what it says is in the structure
        from graphflow.testing.walking.verifying import verify

        names = [name for name in property_names() if name not in (STRUCTURE, EXPLORED)]
        found = self._again(names)
        injected = faults.all(at_most=2) if self.profile.has_faults else faults.none
        start = ""
        while True:
            left_out = [*found, *PROVED.values()]
            try:
                start = verify(
                    self.graph, runs=self.profile.walks, faults=injected, without=left_out, start=self.start
                ).start
            except PropertyFailed as failure:
                if failure.name in found or failure.name not in names:
                    found.setdefault(names[0], Outcome(names[0], "fails", failure))
                    break
                found[failure.name] = Outcome(failure.name, "fails", importing(self.graph, failure))
                continue
            except GraphflowError as error:  # the graph cannot be walked as it is: told once
                return _Verified(self._cannot(names, found, error))
            break
        note = f"{self.profile.walks:,} walks"
        return _Verified({name: found.get(name) or Outcome(name, "holds", note=note) for name in names}, start)

    def _again(self, names: list[str]) -> dict[str, Outcome]:
        """The failures of earlier that are still there."""
        found: dict[str, Outcome] = {}
        known = _NO_FAILURES if self.known is None or self.start is not None else self.known.of(self.place)
        for name, line in known.items():
            failure = failure_again(self.graph, line, self.names) if line and name in names else None
            if failure is not None and failure.name == name:
                found[name] = Outcome(name, "fails", importing(self.graph, failure), "known from earlier")
        return found

    def _cannot(self, names: list[str], found: dict[str, Outcome], error: GraphflowError) -> dict[str, Outcome]:
        first = next(name for name in names if name not in found)
        found[first] = Outcome(first, "fails", error)
        why = f"it cannot be walked: {error.what}"
        return {name: found.get(name) or Outcome(name, "skipped", note=why) for name in names}

    @cached_property
    def _explored(self) -> Outcome:
        from graphflow.testing.exploring.explore import explore
        from graphflow.testing.walking.telling import labelled

        with nullcontext() if self.watch is None else self.watch.pause():
            try:
                bounds = self.profile
                found = explore(self.graph, start=self.start, max_states=bounds.states, max_seconds=bounds.seconds)
            except GraphflowError as error:
                return Outcome(EXPLORED, "skipped", note=f"it cannot be explored: {error.what}")
            wrong = [one for one in found.discoveries if one.severity == "error"]
            known = f"{'proved' if found.is_proved else 'explored'}, {found.states:,} states"
            known += "" if found.is_complete else f" and no further: {found.bound} reached"
        if not wrong:
            return Outcome(EXPLORED, "holds", note=known)
        first, more = wrong[0], len(wrong) - 1
        call, names = first.route.call
        lines = [f"{first.what} (graph {self.graph.name!r})", first.route.told]
        lines += [f"  {line}" for line in first.why.splitlines()]
        lines += labelled("replay", call) if call else []
        lines += [f"  and {more} more: explore({_name_of(self.graph)}).discoveries"] if more else []
        failure = PropertyFailed(first.what, story="\n".join(lines), replay=call, name=EXPLORED, names=names)
        return Outcome(EXPLORED, "fails", importing(self.graph, failure), known)


@dataclass(frozen=True, slots=True)
class _Verified:
    """What came of walking: each property, and where the walks started."""

    outcomes: dict[str, Outcome]
    start: str = ""


def _name_of(graph: Declaration[Any]) -> str:
    from graphflow.testing.playing.naming import plan_and_name

    return plan_and_name(graph)[1]


def importing(graph: Declaration[Any], failure: PropertyFailed) -> PropertyFailed:
    """A failure told with the lines that import what its replay needs, for whoever pastes it into a test."""
    from graphflow.testing.playing.naming import imports_of
    from graphflow.testing.walking.telling import labelled

    lines = imports_of(graph, failure.names) if failure.replay else ()
    if not lines:
        return failure
    before = "\n".join(labelled("replay", failure.replay))
    after = "\n".join(labelled("replay", "\n".join([*lines, failure.replay])))
    story = failure.story.replace(before, after)
    return PropertyFailed(
        failure.what, story=story, replay=failure.replay, name=failure.name, fix=failure.fix, names=failure.names
    )
