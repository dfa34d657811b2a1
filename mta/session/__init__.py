"""One SMTP connection: handshake, dialogue, and the answer to each message as a value.

``dialogue`` decides and never touches a socket; ``shell`` runs it over a transport; ``plain``
serves servers without PIPELINING. Nothing here knows of lanes, leases or the store: whoever owns a
session gives it ``Hooks`` to pull messages and to hear what became of them.
"""
