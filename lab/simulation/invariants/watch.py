"""All invariants attached to one simulation."""

from lab.configuration import Loaded
from lab.simulation.invariants.books import Books
from lab.simulation.invariants.bounces import Bounces
from lab.simulation.invariants.ends import Ends
from lab.simulation.invariants.fairness import Fairness
from lab.simulation.invariants.leases import Leases
from lab.simulation.invariants.leaving import Leaving
from lab.simulation.invariants.receipts import Receipts
from lab.simulation.invariants.scene import Scene
from lab.simulation.invariants.statuses import Statuses
from lab.simulation.invariants.violation import Invariant, Violation
from lab.simulation.loop import CallbackFailed, Standstill
from lab.simulation.machines import Crash
from lab.simulation.process import SimulatedProcess
from lab.simulation.simulation import Simulation
from store import modules


class Watch:
    """Looks on while a simulation runs; ``finish`` when it is over.

    Make it before the first process starts.
    """

    def __init__(self, sim: Simulation) -> None:
        self.sim, self.scene = sim, Scene(sim)
        self.books = Books(self.scene)
        self.statuses = Statuses(self.scene, self.books)
        self.leases = Leases(self.scene, self.books)
        self.receipts = Receipts(self.scene, self.statuses)
        self.bounces = Bounces(self.scene)
        self.leaving = Leaving(self.scene, self.books, self.leases)
        self.fairness = Fairness(self.scene, self.books)
        self.ends = Ends(self.scene)
        self.steps = 0
        sim.shared.on_write.append(self._written)
        sim.machines.disks.on_piece.append(self.receipts.written)
        sim.machines.disks.on_piece.append(self.bounces.written)
        sim.machines.disks.on_unwritten.append(self.receipts.unwritten)
        sim.machines.on_crash.append(self._crashed)
        sim.machines.on_reload.append(self._reloaded)
        sim.wire.on_said.append(self.leaving.said)
        sim.wire.on_open.append(self.leaving.opened)

    def _written(self, operation: object, process: SimulatedProcess | None) -> None:
        if not self.books.is_news(operation):
            if operation is modules.announce_module:
                self.fairness.forget()
            return
        self.steps += 1
        step = self.books.step(operation, process)
        self.statuses.see(step)
        self.leases.see(step)
        self.receipts.see(step.changes)
        self.fairness.see(step)

    def _reloaded(self, loaded: Loaded) -> None:
        self.scene.followed(loaded)
        self.fairness.forget()

    def finish(self) -> None:
        """Look at the whole.

        Raises:
            Violation: something does not hold.
        """
        self.statuses.at_end()
        self.receipts.at_end()
        self.bounces.at_end()
        self.ends.at_end()
        self.sim.loop.end_if_halted()

    def _crashed(self, crash: Crash) -> None:
        """A process ended by an error of ours."""
        error = crash.error
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        what = f"{crash.name}: {type(error).__name__}: {error}"
        found = Violation(Invariant.NO_CRASH, what, at=crash.at, seed=self.sim.seed)
        found.__cause__ = crash.error
        self.sim.loop.halt(found)

    def as_violation(self, error: CallbackFailed | Standstill) -> Violation:
        """A run that the loop itself broke off."""
        cause = error.__cause__ or error
        what = f"{type(cause).__name__}: {cause}"
        return Violation(Invariant.NO_CRASH, what, at=self.scene.at, seed=self.sim.seed)
