"""Patterns: one line each, ordinary graphs inside.

    from graphflow import patterns
    graph = patterns.debate(pro=optimist, con=sceptic, judge=judge, rounds=3)

Each builder returns a ``Graph`` whose nodes and edges you could have written: it is checked, drawn, run and changed like
any other, and every message points at the line that called the builder. Workers are agents, functions or graphs. The
shared state is the builder's own documented model (``patterns.Debate``) unless ``state=`` gives another one that has
the fields that the pattern uses.
"""

from graphflow.patterns.adaptive import Adaptive, Decision, adaptive_supervisor
from graphflow.patterns.best_of import BestOf, Candidate, Pick, best_of
from graphflow.patterns.debate import Debate, Turn, debate
from graphflow.patterns.evaluator import Evaluated, Verdict, evaluator
from graphflow.patterns.fallback import Answered, fallback
from graphflow.patterns.fan_out import FanOut, Outcome, fan_out
from graphflow.patterns.moves import Move
from graphflow.patterns.parallel import Failure, Parallel, parallel
from graphflow.patterns.pipeline import Pipeline, pipeline
from graphflow.patterns.router import Choice, Routed, router
from graphflow.patterns.stages import Stages, stages
from graphflow.patterns.supervisor import Step, Supervised, supervisor
from graphflow.patterns.team import Team, team
from graphflow.patterns.workers import Contribution, Role, Work

# Imported here and not when first used: a builder has the name of its module, and whichever came last would win.

__all__ = [
    "Adaptive",
    "Answered",
    "BestOf",
    "Candidate",
    "Choice",
    "Contribution",
    "Debate",
    "Decision",
    "Evaluated",
    "Failure",
    "FanOut",
    "Move",
    "Outcome",
    "Parallel",
    "Pick",
    "Pipeline",
    "Role",
    "Routed",
    "Stages",
    "Step",
    "Supervised",
    "Team",
    "Turn",
    "Verdict",
    "Work",
    "adaptive_supervisor",
    "best_of",
    "debate",
    "evaluator",
    "fallback",
    "fan_out",
    "parallel",
    "pipeline",
    "router",
    "stages",
    "supervisor",
    "team",
]
