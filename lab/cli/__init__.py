"""The commands of ``mtalab``, one a file; ``main`` puts them together."""
