"""The crash matrix: every named point, on both databases (``make crash-matrix``)."""
