"""The server that tracked links lead to: it answers at once, from memory, and writes to its log.

What comes of the log in the store is ``tracking.ingest``'s business. A request is trusted in
nothing that is not sealed, and nothing of it is ever shown.
"""
