"""``/api/v1``: one file for each kind of thing, with a ``router``."""
