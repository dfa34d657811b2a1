"""How many connections a lane may have, whoever of its pools opens them."""

from collections.abc import Callable


class ConnectionBudget:
    """How many connections there may be at once; the pools of a shared lane share one.

    What one pool gives back goes first to those that wait, in the order in which they came. A pool
    keeps a connection as long as it has messages for it: nothing is taken away.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken = 0
        self._waiting: dict[Callable[[], None], None] = {}  # ordered

    @property
    def taken(self) -> int:
        """How many connections there are, from the first packet to the last."""
        return self._taken

    def take(self, wanted: int, tell: Callable[[], None]) -> int:
        """Take as many as there are; ``tell`` is called, once, when there may be more."""
        granted = max(0, min(wanted, self.most - self._taken))
        self._taken += granted
        if granted < wanted:
            self._waiting[tell] = None
        return granted

    def give_back(self) -> None:
        """One connection is closed."""
        self._taken -= 1
        assert self._taken >= 0, "a connection was given back twice"
        waiting, self._waiting = self._waiting, {}
        for tell in waiting:
            tell()
