"""A log that a test reads."""


class NotingLog:
    """Keeps every event, and the words of each."""

    def __init__(self):
        self.events, self.notes = [], []

    def _take(self, event, /, *, note, **facts):
        self.events.append((event, facts))
        self.notes.append(note)

    info = warning = error = _take
