"""The product imports nothing that only the tools of its developers bring."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = (
    *("mail", "world", "affinity", "store", "scheduler", "mta", "sinks", "monitor"),
    *("tracking", "lab", "mtalab", "mtalab_pytest"),
)
PLUGIN = ROOT / "mtalab_pytest" / "plugin.py"  # who uses it has pytest
PICTURE = ROOT / "lab" / "reports" / "picture.py"  # says what to install where it is missing
OTLP = ROOT / "lab" / "spans" / "otlp.py"  # likewise
EXTRAS = {
    (PLUGIN, "pytest"),
    (PICTURE, "matplotlib"),
    (OTLP, "opentelemetry"),
    (OTLP, "google"),
}


def imported(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


def test_whatever_is_imported_is_in_the_lock_that_users_install():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    brought_by = importlib.metadata.packages_distributions()
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 100
    missing = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in imported(file)
        if name not in sys.stdlib_module_names and name not in ROOMS and (file, name) not in EXTRAS
        if not locked & {re.sub(r"[._]", "-", each.lower()) for each in brought_by.get(name, [])}
    }
    assert missing == set()
