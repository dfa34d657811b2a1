"""What is thrown away, when, and what it would cost to keep: rows, files, whole deliveries.

``prune`` goes through what is kept too long (``lab.retention_settings``), ``files`` knows which
files nobody needs any more, ``daily`` does it by the clock.
"""
