"""One finding, and where in the configuration it is."""

from dataclasses import dataclass

from affinity.key_path import KeyPath, dotted
from affinity.lint.code import Code, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that cannot work (error) or hardly is what was meant (warning)."""

    code: Code
    path: KeyPath
    what: str
    remedy: str

    @property
    def severity(self) -> Severity:
        return self.code.severity

    @property
    def key(self) -> str:
        return dotted(self.path)

    def __str__(self) -> str:
        return f"{self.severity}: {self.key}: {self.what}\n  {self.remedy}"
