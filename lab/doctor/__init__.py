"""``mtalab doctor``: whether this machine can run the lab, one subject a file; changes nothing."""
