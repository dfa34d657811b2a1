"""What a process of a lab on SQLite does not import: a lab starts seven, and each would pay."""

import subprocess
import sys

HEAVY = ["alembic", "dkim", "email_validator", "psycopg", "rich", "sqlalchemy.dialects.postgresql"]
LOOK = """
import sys
import lab.cli.main, lab.cli.mta, lab.cli.scheduler, lab.cli.up, lab.cli.worker
import lab.services.instance, lab.services.scheduler, lab.services.up, lab.services.worker
assert "aiosmtpd" not in sys.modules, "only who receives needs it"
import lab.cli.sink, lab.cli.submission
import lab.services.sinks, lab.services.submission
print([each for each in sys.argv[1:] if each in sys.modules])
"""


def test_services_import_what_they_run():
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOOK, *HEAVY], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
