"""``mtalab log --follow``: the last ones, then each as it happens, once."""

import contextlib

import orjson

from lab.cli import log as command
from lab.configuration import load
from lab.stores import store_of
from store import log, operator


def test_what_happens_meanwhile_is_told_once(lab, tmp_path, monkeypatch):
    submit = ("submit", "-m", "mail.eml", "-r", "people.csv", "--affinity", "promo")
    assert lab(*submit).code == 0
    waits = []

    def cancel():
        with contextlib.closing(store_of(load(tmp_path / "mtalab.toml", {}))) as store:
            store.write_now(operator.withdraw, log.Filter(), 2 * len(waits), 2, 10.0)

    def wait():
        waits.append(len(waits))
        if len(waits) == 3:
            raise KeyboardInterrupt
        cancel()

    cancel()

    monkeypatch.setattr(command, "_wait", wait)
    done = lab("log", "--follow", "--json")
    with contextlib.closing(store_of(load(tmp_path / "mtalab.toml", {}))) as store:
        known = store.read_now(log.transitions, log.Filter())
    told = [orjson.loads(each)["id"] for each in done.out.splitlines()]
    assert told == [each.id for each in known] == [1, 2, 3, 4, 5, 6]
