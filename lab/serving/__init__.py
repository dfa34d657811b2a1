"""Labs for the tests of other projects: a process that makes them, asked line by line.

``mtalab serve-tests`` runs it and ``mtalab_pytest`` asks it; docs/pytest.md has the protocol. What
a lab does is decided elsewhere: a lab here is that of a scenario, driven piece by piece.
"""
