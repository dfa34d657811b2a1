"""Benchmarks: the whole trip of a message, and beside it in the same run what it is held against.

Seconds here are measured ones, so this room reads the real clock.
"""
