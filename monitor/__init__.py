"""Reads what happened and explains it: the delivery log, modules, queues and why they wait.

Never writes a status. Receipts are handed in by ``lab/``, since no room here knows the sinks.
"""
