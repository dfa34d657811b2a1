"""What the processes of a simulation say, kept in order."""

from dataclasses import dataclass, field

from world.clock import Clock


@dataclass(frozen=True, slots=True)
class Line:
    """One thing said."""

    at: float  # epoch seconds, by the speaker's clock
    level: str
    module: str
    event: str
    note: str


@dataclass
class Said:
    """All of it."""

    lines: list[Line] = field(default_factory=list)

    def by(self, module: str, clock: Clock) -> "Speaker":
        return Speaker(self, module, clock)


@dataclass(frozen=True, slots=True)
class Speaker:
    """The log of one module; see ``world.log.Log``."""

    said: Said
    module: str
    clock: Clock

    def _say(self, level: str, event: str, note: str) -> None:
        self.said.lines.append(Line(self.clock.now(), level, self.module, event, note))

    def info(self, event: str, /, *, note: str, **_: object) -> None:
        self._say("info", event, note)

    def warning(self, event: str, /, *, note: str, **_: object) -> None:
        self._say("warning", event, note)

    def error(self, event: str, /, *, note: str, **_: object) -> None:
        self._say("error", event, note)
