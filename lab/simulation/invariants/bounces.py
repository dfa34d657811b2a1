"""What a sink sent back and the port for bounces took is in the store; and it was due."""

from pathlib import Path
from typing import Final

import orjson

from lab.simulation.invariants.scene import Scene
from lab.simulation.invariants.violation import Invariant
from store import inbound

_FOLDER: Final = "outgoing"


class Bounces:
    """The sinks' files of what they send back, against what came in."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.delivered: dict[str, str] = {}  # digest → the sink that sent it

    def written(self, path: Path, piece: bytes) -> None:
        """A sink wrote to one of its files."""
        if path.parent.name != _FOLDER:
            return
        line = orjson.loads(piece)
        if line.get("delivered"):
            self.delivered[line["digest"]] = line["sink"]
            self._see({line["digest"]})

    def at_end(self) -> None:
        """None of it is lost afterwards."""
        self._see(set(self.delivered))

    def _see(self, digests: set[str]) -> None:
        kept = self._scene.sim.store.read_now(inbound.known_digests, digests)
        missing = sorted(digests - kept)
        if missing:
            self._scene.violated(
                Invariant.BOUNCE_IS_KEPT,
                f"{len(missing)} mails that {self.delivered[missing[0]]} sent back were taken, and "
                "are not in the store",
            )
