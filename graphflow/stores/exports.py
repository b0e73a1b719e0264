"""What a run looks like as JSON lines, as ``graphflow runs export`` writes it: a header, then the journal."""

from __future__ import annotations

FORMAT = 1
"""The version of exports."""
KIND = "graphflow.export"
"""What the header says it is."""
