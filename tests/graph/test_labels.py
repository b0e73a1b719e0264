"""Labels read well, and parse back to the tree they were written from (S5.2)."""

from __future__ import annotations

import importlib.util
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings

from graphflow.graph.constants import constant_text
from graphflow.graph.expressions import ITEM, contains, fields, not_, one_of, size, term_of
from graphflow.graph.labels import label, parse_label
from graphflow.graph.terms import Given, Term
from graphflow.graph.terms import Field as FieldTerm

_spec = importlib.util.spec_from_file_location("trees", Path(__file__).with_name("trees.py"))
assert _spec is not None
assert _spec.loader is not None
trees: Any = importlib.util.module_from_spec(_spec)
