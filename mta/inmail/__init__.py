"""Reads what comes back by mail: what it is, of whom it speaks, and what that means.

Pure: bytes in, values out. Nothing here raises for whatever bytes, nor takes long for them. What
the mail does to its message is the store's matter.
"""
