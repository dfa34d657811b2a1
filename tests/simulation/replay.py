"""Play kept storms again: ``python -m tests.simulation.replay FILE…``."""

import sys
import tomllib
from pathlib import Path

from lab.simulation.invariants.violation import Violation
from lab.simulation.storms.play import play
from lab.simulation.storms.storm import storm_from


def replay(file):
    """Play the storm of a file; raises Violation."""
    values = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    return play(storm_from(values), values["seed"])


def main():
    code = 0
    for file in sys.argv[1:]:
        try:
            print(f"{file}: {replay(file)}")
        except Violation as violation:
            print(f"{file}: {violation}")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
