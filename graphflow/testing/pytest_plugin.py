"""The pytest plugin: graphs are tested without a line of test, and what tests went through is told. PYTEST_DONT_REWRITE

    pytest graphs/ --graphflow                    an item for each property of each graph, at module level, in these files
    pytest --graphflow-cov                        which edges, nodes, conditions, joins and failures all runs covered
    pytest --graphflow-cov-fail-under 90          and fail where that is less
    pytest --graphflow-cov-svg pictures           and draw it

It is loaded wherever graphflow is installed, so it imports nothing until it is asked for something. Failures are kept in
``.graphflow`` beside the configuration of pytest, and come first the next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from graphflow.flow import Graph
    from graphflow.testing.suites.coverage import Seen, Watch
    from graphflow.testing.suites.coverage_report import GraphCoverage
    from graphflow.testing.suites.known_failures import KnownFailures
    from graphflow.testing.suites.suite import Suite

_NAME = "graphflow-session"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("graphflow", "graphflow: graphs of agents")
    group.addoption("--graphflow", action="store_true", help="test the graphs in these files: an item per property")
    group.addoption(
        "--graphflow-profile",
        default="quick",
        metavar="NAME",
        help="how hard to try: quick (the default), ci, nightly",
    )
    group.addoption("--graphflow-cov", action="store_true", help="tell which parts of graphs the runs went through")
    group.addoption(
        "--graphflow-cov-fail-under",
        type=float,
        metavar="PERCENT",
        help="fail if less than this was covered of what can be reached",
    )
    group.addoption("--graphflow-cov-svg", metavar="DIR", help="draw what was covered, one SVG per graph")


def pytest_configure(config: pytest.Config) -> None:
    has_coverage = (
        config.getoption("--graphflow-cov")
        or config.getoption("--graphflow-cov-fail-under") is not None
        or config.getoption("--graphflow-cov-svg") is not None
    )
    if config.getoption("--graphflow") or has_coverage:
        config.pluginmanager.register(Session(config, bool(has_coverage)), _NAME)


class Session:
    """What a session of pytest does about graphs, once it is asked to."""

    def __init__(self, config: pytest.Config, has_coverage: bool) -> None:
        from graphflow.errors.testing import TestingError
        from graphflow.testing.suites.known_failures import KnownFailures
        from graphflow.testing.suites.profiles import profile_of

        self.config = config
        self.is_testing = bool(config.getoption("--graphflow"))
        try:
            self.profile = profile_of(str(config.getoption("--graphflow-profile")))
        except TestingError as error:
            raise pytest.UsageError(str(error)) from None
        self.known: KnownFailures | None = KnownFailures(config.rootpath) if self.is_testing else None
        self.graphs: set[int] = set()
        self.watch: Watch | None = None
        self.coverages: list[GraphCoverage] = []
        self.pictures: list[Path] = []
        self.trouble = ""
        if has_coverage:
            from graphflow.testing.suites.coverage import Watch

            self.watch = Watch()
            self.watch.start()

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """A file that names graphflow, and holds no tests."""
        if not self.is_testing or file_path.suffix != ".py" or self._is_test(file_path):
            return None
        if b"graphflow" not in file_path.read_bytes():
            return None
        return GraphFile.from_parent(parent, path=file_path)

    def _is_test(self, path: Path) -> bool:
        patterns: list[str] = self.config.getini("python_files")
        return path.name == "conftest.py" or any(path.match(pattern) for pattern in patterns)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """What failed the last time is tried first."""
        items.sort(key=lambda item: not (isinstance(item, PropertyItem) and item.is_known_to_fail))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.known is not None and not hasattr(self.config, "workerinput"):  # not in a worker of pytest-xdist
            try:
                self.known.save()
            except OSError as error:
                self.trouble = f"What failed could not be kept for the next time: {error}"
        if self.watch is None:
            return
        self.watch.stop()
        self._report([seen for seen in self.watch.seen if self._is_own(seen)])
        if self._is_too_little and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_unconfigure(self) -> None:
        if self.watch is not None:
            self.watch.stop()

    def _is_own(self, seen: Seen) -> bool:
        """Whether a graph was declared in the project that is tested."""
        place = seen.plan.place
        file = Path(place.file).resolve() if place is not None else None
        return file is not None and file.is_relative_to(self.config.rootpath) and "site-packages" not in file.parts

    def _report(self, seen: list[Seen]) -> None:
        from graphflow.errors import GraphflowError
        from graphflow.testing.suites.coverage_report import report, save_pictures

        self.coverages = [report(one) for one in seen]
        folder: str | None = self.config.getoption("--graphflow-cov-svg")
        if folder is not None and self.coverages:
            try:
                self.pictures = save_pictures(self.coverages, self.config.invocation_params.dir / folder)
            except GraphflowError as error:
                self.trouble = str(error)

    @property
    def percent(self) -> float:
        """How much was covered of all graphs together."""
        from graphflow.testing.suites.coverage_report import percent_of

        return percent_of(part for one in self.coverages for part in one.parts)

    @property
    def _is_too_little(self) -> bool:
        least: float | None = self.config.getoption("--graphflow-cov-fail-under")
        return least is not None and self.percent < least

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.trouble:
            terminalreporter.write_line(self.trouble, red=True)
        if self.watch is None:
            return
        from graphflow.testing.suites.coverage_report import texts_of

        terminalreporter.section("graphflow coverage")
        for text in texts_of(self.coverages):
            terminalreporter.write_line(text)
        if not self.coverages:
            terminalreporter.write_line("No graph of this project was run.")
        else:
            count = len(self.coverages)
            terminalreporter.write_line(f"{self.percent:.0f}% of {count} graph{'s' if count != 1 else ''}")
        if self.pictures:
            terminalreporter.write_line(f"drawn in {self.pictures[0].parent}")
        if self._is_too_little:
            least = self.config.getoption("--graphflow-cov-fail-under")
            terminalreporter.write_line(f"FAIL  less than {least:g}% of the graphs was covered", red=True)


def _session(config: pytest.Config) -> Session:
    found = config.pluginmanager.get_plugin(_NAME)
    assert isinstance(found, Session)
    return found


class GraphFile(pytest.Module):
    """A file with graphs among its module-level variables, imported as pytest imports any."""

    def collect(self) -> Iterable[pytest.Collector]:
        from graphflow.errors import GraphflowError
        from graphflow.flow import Graph

        seen = _session(self.config).graphs
        try:
            names = cast("dict[str, Any]", vars(self.obj))
        except GraphflowError as error:  # a declaration that is wrong says so itself
            raise self.CollectError(str(error)) from None
        for name, value in names.items():
            if isinstance(value, Graph) and id(cast("Any", value)) not in seen:  # a file may import another's graph
                seen.add(id(cast("Any", value)))
                yield GraphCollector.from_parent(self, name=name, graph=value, names=names)


class GraphCollector(pytest.Collector):
    """One graph: its properties are the items."""

    def __init__(self, *, graph: Graph[Any], names: dict[str, Any], **rest: Any) -> None:
        super().__init__(**rest)
        self.graph = graph
        self.names = names

    @cached_property
    def suite(self) -> Suite:
        """What is asked of it, once."""
        from graphflow.testing.suites.suite import Suite

        session = _session(self.config)
        return Suite(self.graph, session.profile, self.nodeid, self.names, session.known, session.watch)

    def collect(self) -> Iterator[pytest.Item]:
        from graphflow.testing.suites.suite import property_names

        for name in property_names():
            yield PropertyItem.from_parent(self, name=name)


class PropertyItem(pytest.Item):
    """One property of one graph."""

    @property
    def _graph(self) -> GraphCollector:
        assert isinstance(self.parent, GraphCollector)
        return self.parent

    @property
    def is_known_to_fail(self) -> bool:
        """Whether it failed the last time."""
        known = _session(self.config).known
        return known is not None and self.name in known.of(self._graph.nodeid)

    def runtest(self) -> None:
        found = self._graph.suite.outcome(self.name)
        if found.status == "skipped":
            pytest.skip(found.note)
        if found.error is not None:
            raise found.error

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What graphflow says of it; where it came from in graphflow tells nobody anything."""
        from graphflow.errors import GraphflowError

        return str(excinfo.value) if isinstance(excinfo.value, GraphflowError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        place = self._graph.graph.plan().place if self._has_plan() else None
        line = None if place is None else place.line - 1
        return self.path, line, f"{self._graph.name}: {self.name}"

    def _has_plan(self) -> bool:
        from graphflow.errors import GraphflowError

        try:
            self._graph.graph.plan()
        except GraphflowError:  # names that lead nowhere, which "structure" tells
            return False
        return True
