"""What comes back by HTTP: tracked links, opens, mirror pages, unsubscriptions; simulated readers.

Rules of this room: it knows the store and what is below; what MTAs, sinks and the monitor have of
it, ``lab`` passes in.
"""
