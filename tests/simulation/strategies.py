"""Storms as hypothesis makes them: the same builder, whose questions hypothesis answers."""

from hypothesis import strategies as st

from lab.simulation.storms.brew import storm_of


class HypothesisDraw:
    """Answers by hypothesis."""

    def __init__(self, draw):
        self._draw = draw

    def whole(self, low, high):
        return self._draw(st.integers(low, high))

    def one_of(self, options):
        return options[self._draw(st.integers(0, len(options) - 1))]

    def is_so(self, chance):
        # False is the simplest; the chance itself is hypothesis's business.
        return self._draw(st.integers(0, 99)) >= 100 - round(chance * 100)


@st.composite
def storms(draw):
    return storm_of(HypothesisDraw(draw))
