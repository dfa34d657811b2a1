"""The receiving side: aiosmtpd servers that play MX hosts, with personalities, receipts and inbox.

Knows nothing of the sender: no affinity, no store, no delivery. What a sink saw it writes down in
files of its own, so that it can be the arbiter of what the sender claims.
"""
