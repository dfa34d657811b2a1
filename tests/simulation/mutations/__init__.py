"""The pipeline broken on purpose, one promise at a time: each has to be caught by its invariant."""
