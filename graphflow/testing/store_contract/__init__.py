"""What every store must keep, as laws: for whoever writes one.

A law is a function that takes a ``Place`` and fails with an AssertionError. All of them in one test of pytest's::

    from graphflow.testing import store_contract

    @pytest.mark.parametrize("law", store_contract.LAWS, ids=store_contract.name_of)
    def test_my_store(law, tmp_path):
        law(MyPlace(tmp_path))

``MyPlace`` is two methods: ``open`` and ``pass_s``. The laws need Hypothesis.

>>> class InMemory:
...     def __init__(self):
...         self.store = MemoryStore()
...     def open(self, *, lease_s=30.0):
...         return self.store
...     def pass_s(self, seconds):
...         pass
>>> from graphflow.stores import MemoryStore
>>> for law in LAWS:
...     if law.__name__.startswith("answers"):
...         law(InMemory())
"""

from __future__ import annotations

from graphflow.testing.store_contract.answers import LAWS as _ANSWERS
from graphflow.testing.store_contract.driving import LAWS as _DRIVING
from graphflow.testing.store_contract.journals import LAWS as _JOURNALS
from graphflow.testing.store_contract.lifetimes import LAWS as _LIFETIMES
from graphflow.testing.store_contract.listing import LAWS as _LISTING
from graphflow.testing.store_contract.place import Law, Place
from graphflow.testing.store_contract.secrets import LAWS as _SECRETS
from graphflow.testing.store_contract.tickets import LAWS as _TICKETS

LAWS: tuple[Law, ...] = (*_JOURNALS, *_LISTING, *_DRIVING, *_ANSWERS, *_TICKETS, *_LIFETIMES, *_SECRETS)
"""All laws. Those of leases hold for stores whose ``lease_s`` is not None, those of secrets for stores with
a ``cipher``."""


def name_of(law: Law) -> str:
    """What a test of this law is called."""
    return law.__name__


__all__ = ["LAWS", "Law", "Place", "name_of"]
