"""A real HTTP server on loopback in the place of a provider, scripted per request, with every fault of a real one.

``FakeOpenAI`` is the server (``server.py``), ``wire`` what it may send; both are exported by ``graphflow.testing``.
The answer to a request is spoken in the shapes of its API, then damaged as the script says, then sent.
"""
