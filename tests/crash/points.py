"""The points at which a process is killed, and what each may cost."""

import sys
from dataclasses import dataclass

from mta.session.chunked import WINDOW_MAX

# The lab that is crashed has 2 workers, 2 source IPs, and per lane and worker so many connections.
CONNECTIONS = 2
OF_A_WORKER = 2 * CONNECTIONS * WINDOW_MAX
OF_ALL_WORKERS = 2 * OF_A_WORKER
CLIENTS = 8  # of the submission port, each with one letter on its way


@dataclass(frozen=True)
class Point:
    """One point; ``doubles`` is how many messages may be sent twice: replies that nobody heard."""

    name: str
    process: str
    when: str
    nth: int
    doubles: int = 0


POINTS = (
    Point("worker.leased", "worker", "after it read its lease", 1),
    Point("worker.before_body", "worker", "before the body, after MAIL and RCPT", 20, OF_A_WORKER),
    Point("worker.reply_heard", "worker", "after the reply, before the journal", 20, OF_A_WORKER),
    Point("worker.journalled", "worker", "after the journal, before the store", 20, OF_A_WORKER),
    Point("worker.committing", "worker", "in the middle of a group commit", 3, OF_A_WORKER),
    Point(
        "worker.committed", "worker", "after the store, before emptying its journal", 3, OF_A_WORKER
    ),
    Point("worker.renewing", "worker", "while it renews its leases", 3, OF_A_WORKER),
    Point("scheduler.leasing", "scheduler", "in the middle of lending parts", 1),
    Point("scheduler.leased", "scheduler", "after lending parts", 1),
    Point("scheduler.replanning", "scheduler", "in the middle of following a changed plan", 1),
    Point("scheduler.cutting", "scheduler", "in the middle of making parts of retries", 1),
    Point("sink.before_receipt", "sinks", "before the receipt", 20, OF_ALL_WORKERS),
    Point("sink.after_receipt", "sinks", "after the receipt, before its 250", 20, OF_ALL_WORKERS),
    Point("submission.storing", "submission", "in the middle of storing a message", 3, CLIENTS),
    Point("submission.stored", "submission", "after storing, before its 250", 3, CLIENTS),
    Point("submit.unconfirmed", "submit", "after the messages, before the delivery counts", 1),
    Point("instance.beating", "mta@m1", "while its workers send", 3),
    Point("instance.burying", "mta@m1", "in the middle of burying a killed worker", 1, OF_A_WORKER),
    Point("supervisor.starting", "up", "when half of its processes are started", 2),
    Point("supervisor.following", "up", "as it takes up a changed configuration", 1),
    Point("store.migrating", "any", "in the middle of a migration", 1),
)  # fmt: skip

# Of what follows the log of others: killed at in simulations and store tests of their own.
ELSEWHERE = {
    "tracking.logged": "test_tracking_server",
    "tracking.storing": "test_ingest_once",
    "tracking.stored": "test_ingest_once",
    "webhooks.posting": "test_webhooks",
    "webhooks.posted": "test_webhooks",
}


def point(name: str) -> Point:
    """The point of this name; ends the program if there is none."""
    found = {each.name: each for each in POINTS}
    if name not in found:
        sys.exit(f"there is no point {name!r}: {', '.join(found)}")
    return found[name]
