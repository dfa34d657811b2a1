"""Webhooks: events of the store, posted by HTTP to whoever asked for them.

Nothing here writes to the lab but its own cursors; a receiver that is slow or gone costs the lab
nothing. ``docs/webhooks.md`` has what a receiver can rely on.
"""
