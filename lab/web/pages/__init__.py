"""The pages: one file for each, with a ``router``; templates have the same names."""
