"""Work without a language model: sentences ranked, terms found, output types filled, all from the text in the prompt.

The way through: ``material`` takes the prompt apart, ``ranking`` and ``terms`` find what matters in it, ``wishes``
reads what a field wants, ``picking`` and ``filling`` give it that, ``writing`` puts sentences together, ``routing``
chooses a way. Nothing is invented: every sentence that comes out stands in the prompt.
"""

from graphflow.agents.offline.model import OfflineModel

__all__ = ["OfflineModel"]
