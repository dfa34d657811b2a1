"""The decisions, one a file, as pure functions of their inputs: no clock, store or socket."""
