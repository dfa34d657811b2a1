"""The user's hand and the only composition root: commands, supervisor, demo.

Everything is put together here; nothing below may import it. Files are opened here.
"""
