"""The life of addresses in the store, whatever happens in whatever order, beside a simple model."""

from dataclasses import dataclass

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from affinity.configuration import AddressRules
from mail.address_status import AddressStatus
from mail.reason import FailureType, Reason
from store import address_search, addresses
from store.address_search import Selection

DAY = 86_400.0
NAMES = ("a@x.test", "A@x.test", "b@y.test", "c_%@y.test")
RULES = AddressRules(max_errors=2)
names = st.sampled_from(NAMES)
happenings = st.tuples(
    names,
    st.sampled_from(["hard", "soft", "undefined", "ignored", "delivered", "delivered"]),
    st.sampled_from([Reason.MAILBOX_FULL, Reason.REFUSED]),
)


@dataclass
class Row:
    status: str
    errors: int = 0
    at: float = 0.0
    reason: Reason = Reason.NOT_DEFINED


class Addresses(RuleBasedStateMachine):
    """What the modelled system documents, said again as plainly as can be."""

    def __init__(self, store):
        super().__init__()
        self.store, self.now = store, 1_000_000.0
        self.rows: dict[str, Row] = {}
        store.write_now(lambda tx: tx.connection.execute(addresses.tables.address.delete()))

    @rule(days=st.sampled_from([0.5, 1.0, 5.0, 9.0, 10.0, 10.5, 31.0]))
    def time_goes_by(self, days):
        self.now += days * DAY

    @rule(group=st.lists(happenings, min_size=1, max_size=6))
    def outcomes_come_together(self, group):
        heard = []
        for name, kind, reason in group:
            self.now += 0.001
            if kind == "delivered":
                heard.append(addresses.Delivered(name))
                if name in self.rows and self.rows[name].status == "with_errors":
                    del self.rows[name]
                continue
            error = addresses.AddressError(name, FailureType(kind), reason, kind, 7, self.now)
            heard.append(error)
            self.fails(name, kind, reason)
        self.store.write_now(addresses.hear, heard, RULES)

    def fails(self, name, kind, reason):
        row = self.rows.get(name, Row("unknown"))
        if kind == "ignored" or row.status in ("quarantined", "denylisted", "allowlisted"):
            return
        since = None if row.status in ("unknown", "valid") else self.now - row.at
        if kind != "hard" and since is not None and since < DAY:
            return
        errors = 1 if since is None or since > 10 * DAY else row.errors + 1
        is_out = kind == "hard" or errors > 2
        self.rows[name] = Row("quarantined" if is_out else "with_errors", errors, self.now, reason)

    @rule(name=names, status=st.sampled_from(["denylisted", "allowlisted", "quarantined", "valid"]))
    def somebody_decides(self, name, status):
        done = self.store.write_now(
            addresses.decide, [name], AddressStatus(status), self.now, "by hand"
        )
        before = self.rows.get(name)
        assert done == (before is None or before.status != status)
        if done:
            reason = {"denylisted": Reason.DENYLISTED, "quarantined": Reason.QUARANTINED}
            self.rows[name] = Row(status, 0, self.now, reason.get(status, Reason.NOT_DEFINED))

    @rule(domain=st.sampled_from(["x.test", "y.test"]), status=st.sampled_from(list(AddressStatus)))
    def some_are_released(self, domain, status):
        if status is AddressStatus.VALID:
            return
        mine = [
            name
            for name, row in self.rows.items()
            if name.endswith("@" + domain) and row.status == status
        ]
        chosen = Selection([status], domain=domain)
        assert self.store.read_now(address_search.count, chosen) == len(mine)
        assert self.store.write_now(address_search.release, chosen, self.now, "") == len(mine)
        for name in mine:
            self.rows[name] = Row("valid", 0, self.now)

    @rule()
    def the_night_comes(self):
        quiet = [
            name
            for name, row in self.rows.items()
            if row.status == "with_errors"
            and row.at < self.now - (30 if row.reason is Reason.MAILBOX_FULL else 10) * DAY
        ]
        assert self.store.read_now(addresses.is_any_due, self.now, RULES) == bool(quiet)
        assert self.store.write_now(addresses.release_due, self.now, RULES) == len(quiet)
        for name in quiet:
            del self.rows[name]

    @invariant()
    def the_store_knows_what_the_model_knows(self):
        found = self.store.read_now(address_search.every, Selection())
        assert {
            each.address: Row(each.status, each.errors, each.counted_at, each.reason)
            for each in found
        } == self.rows
        unwanted = self.store.read_now(addresses.unwanted, NAMES)
        assert unwanted.keys() == {
            name for name, row in self.rows.items() if row.status in ("quarantined", "denylisted")
        }


def test_addresses_live_as_the_model_says(store, engine_name):
    run_state_machine_as_test(
        lambda: Addresses(store),
        settings=settings(
            max_examples=40 if engine_name == "sqlite" else 10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
