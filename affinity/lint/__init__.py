"""What a valid configuration can still not do, proved from its values alone: a subject a file.

Every finding is certain: what cannot be proved is not said. Nothing here looks at the machine
(``host.py`` is handed in what it says), at files that the configuration names, or at the store.
``docs/lint.md`` has each code.
"""
