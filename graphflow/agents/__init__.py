"""Agents and the models they talk to. An agent knows nothing of graphs: a graph performs it at a node (S9, S11).

``graphflow.models`` has the public names.
"""
