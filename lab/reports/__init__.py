"""How reports are shown: in a terminal, as CSV, as a page of their own, as a picture.

What a report says is made in ``monitor/reports``; nothing here reckons.
"""
