"""The state machine: plan and events in, journal entries and commands out. No await, clock, chance or I/O.

Modules, in the order in which they build on each other:
``plan`` what a graph compiles to; ``schema`` validating and folding changes of state; ``scopes`` where a run stands;
``changing`` what an entry does to a run (live and replay); ``deciding`` which entry follows from an event (live only);
``joins`` when and how branches meet; ``failures`` how errors climb; ``machine`` the events; ``reading`` what can be
asked of a run; ``journal`` entries to JSON and back.
"""
