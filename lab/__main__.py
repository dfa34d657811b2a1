"""``python -P -m lab`` is ``mtalab``; how the lab starts its own processes."""

from lab.cli.main import run

run()
