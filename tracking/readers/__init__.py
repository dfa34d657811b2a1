"""Simulated readers: they read the mail that sinks received, and act like people and machines.

What they did is in their ledger, so that what was measured can be held against what was done.
Decided is everything by pure functions (``plan``, ``assigning``), of seed, address and message.
"""
