"""A text that is qualified while the lab runs is judged anew by workers that go on running."""

from mail.reason import Reason
from store import address_search
from tests.fakes.running_lab import CONFIGURATION, running_lab

ODD = "550 No thanks, {recipient}"
TEXT = CONFIGURATION.replace(
    'latency = { data = "40ms" }', f'refuse = [{{ stage = "rcpt", reply = "{ODD}" }}]'
)


def test_a_text_is_counted_qualified_and_followed_and_quarantine_is_released(tmp_path):
    with running_lab(tmp_path, text=TEXT) as lab:
        first = lab.submit(3)
        lab.wait(lambda: lab.counts(first)["failed"] == 3, "all are refused")
        (text,) = lab.json("bounces", "texts", "--status", "to_qualify")
        assert (text["text"], text["occurrences"]) == ("No thanks, *", 3)
        workers = {each.pid for each in lab.workers()}

        how = ("--reason", "user_unknown", "--failure", "hard")
        done = lab.json("bounces", "qualify", text["key"], *how)
        lab.json("config", "apply")
        second = lab.submit(3)
        lab.wait(lambda: lab.counts(second)["failed"] == 3, "all are refused again")
        assert {each.reason for each in lab.messages(second)} == {Reason.USER_UNKNOWN}
        assert {each.pid for each in lab.workers()} == workers
        (text,) = lab.json("bounces", "texts")
        assert (text["rule"], text["occurrences"]) == (done["rule"], 6)

        assert lab.json("addresses", "list")["counts"]["quarantined"] == 3
        third = lab.submit(3)
        assert lab.counts(third)["ignored"] == 3
        released = lab.json("addresses", "release", "--text", "no thanks*", "--since", "1h")
        assert released["released"] == 3
        found = lab.store.read_now(address_search.counts)
        assert (found["valid"], found["quarantined"]) == (3, 0)
