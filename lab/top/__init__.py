"""``mtalab top``: a lab as it works, in a terminal."""
