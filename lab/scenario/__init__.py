"""Scenario files: a lab, deliveries, a timeline of events, and what is expected of them.

The same file runs in the simulation and, where it can, on real processes. What a file may say is in
``schema.py`` and ``acts.py``; ``docs/scenarios.md`` explains it.
"""
