"""Mailpit's API v1 over what the sinks received: programs written for Mailpit find it here.

Paths, names and forms are Mailpit's, refusals too: plain text, or ``{"Error": …}`` for sending.
What they are about is ``lab.inbox``. docs/inbox-api.md says what is compatible and what is not.
"""
