"""Decides what is sent next and by whom: promotes, cuts, spreads, retries, expires, reclaims.

``decide/`` holds pure functions, one decision a file; the rest reads the store, asks them, and
applies the answer. It never speaks to a worker: they meet in the store.
"""
