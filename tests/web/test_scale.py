"""What keeps pages quick at a million messages: none reads a whole table of what grows with them.

As SQLite plans it without statistics. How long it takes: python -m tests.measure.pages.
"""

import re
from contextlib import contextmanager

from sqlalchemy import event

from tests.measure.page_paths import paths

GROWING = "message|part|transition|tracking_log|tracked_message|visitor|address|inbound|content"
WALK = re.compile(rf"SCAN ({GROWING})(_\d+)?\b(?! USING)")
ENDS_SOON = re.compile(r"^((?!WHERE).)*ORDER BY \w+\.id DESC\s+LIMIT \S+ OFFSET \S+$", re.DOTALL)
# What is asked of people's pieces and masks, and of an address for which there is no index.
LOOKED_THROUGH = re.compile(
    r"address\.(address|text)\)? LIKE|address\.reason = |message\.address = "
)


@contextmanager
def asked_of(store):
    """The statements that are sent to a store, with their parameters."""
    found = {}

    def note(_connection, _cursor, statement, parameters, _context, is_many):
        if not is_many and statement.startswith(("SELECT", "WITH")):
            found[statement] = parameters

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def walks(store, asked):
    with store.engine.connect() as connection:
        for statement, parameters in asked.items():
            if not ENDS_SOON.search(statement) and not LOOKED_THROUGH.search(statement):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                yield from (f"{row[3]}: {statement}" for row in plan.all() if WALK.match(row[3]))


def test_no_page_and_no_read_of_the_api_walks_through_a_table(served):
    store, found = served.lab.store, []
    for path in paths(1):
        with asked_of(store) as asked:
            answer = served.client.get(path)
        assert answer.status_code < 500, path
        found += [f"{path}: {each}" for each in walks(store, asked)]
    assert found == []


def test_a_walk_would_be_seen(served):
    store = served.lab.store
    with asked_of(store) as asked, store.engine.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM message WHERE fields = ?", ("x",)).all()
    assert len(list(walks(store, asked))) == 1


def test_how_the_queue_was_is_asked_for_once(served):
    past = served.client.get("/api/v1/queue").json()["at"] - 120.0
    with asked_of(served.lab.store) as first:
        then = served.client.get("/api/v1/queue", params={"as_of": past}).json()
    with asked_of(served.lab.store) as second:
        again = served.client.get("/api/v1/queue", params={"as_of": past}).json()
    assert again == then
    assert any("transition" in each for each in first)
    assert not any("transition" in each for each in second)


def test_what_is_live_of_the_queue_is_not_how_it_was(served):
    past = served.client.get("/api/v1/queue").json()["at"] - 121.0
    live = {"HX-Request": "true"}
    with asked_of(served.lab.store) as asked:
        answer = served.client.get("/queue", params={"as_of": past}, headers=live)
    assert answer.status_code == 200
    assert not any("transition" in each for each in asked)
