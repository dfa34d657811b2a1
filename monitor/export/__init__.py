"""The event log in the words of other MTAs' logs; pure: events come in, lines go out.

``docs/exports.md`` has each field and what it is made of. What the lab does not know is left empty
or named unknown, as those programs do; nothing is made up for it.
"""
