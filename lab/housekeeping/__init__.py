"""What is thrown away, when, and what it would cost to keep: rows, files, whole deliveries.

``settings`` says how long each kind is kept, ``prune`` goes through them, ``files`` knows which
files nobody needs any more, ``daily`` does it by the clock.
"""
