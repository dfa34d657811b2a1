"""The inbox of a lab: what its sinks received and kept, as a person or a test looks through it.

``mime`` takes one mail apart, ``index`` knows all of them, ``marks`` what was read, tagged and
deleted, ``query`` the words to search with, ``mailbox`` puts these together.
"""
