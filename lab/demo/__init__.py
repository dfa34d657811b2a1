"""``mtalab demo``: a whole lab in a temporary folder, seen at work and held to account."""
