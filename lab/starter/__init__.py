"""The files that ``mtalab init`` writes: a lab that works as it stands."""
