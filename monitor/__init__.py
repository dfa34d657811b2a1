"""Reads what happened and explains it: the delivery log, modules, queues, reconciliation.

Never writes a status. Receipts are handed in by ``lab/``, since no room here knows the sinks.
"""
