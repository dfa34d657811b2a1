"""`mtalab webhooks`: looking, trying again, testing."""

import asyncio
import contextlib

import pytest

from lab.configuration import load
from lab.services.up import run_up
from lab.stores import store_of
from lab.webhooks.keys import UnusableSecret
from lab.webhooks.signing import secret_from
from store import webhooks
from store.webhooks import Cursor, Letter
from tests.fakes.in_thread import in_thread
from tests.fakes.running_lab import free_ports
from tests.fakes.webhook_receiver import SECRET, WebhookReceiver
from world.log import SILENT


@pytest.fixture
def hooked(lab, tmp_path):
    """A lab with one webhook that nobody listens to, and two dead letters of it."""
    (port,) = free_ports(1)
    (tmp_path / "secret").write_text(SECRET)
    with (tmp_path / "mtalab.toml").open("a") as file:
        file.write(
            f'\n[[webhook]]\nname = "hook"\nurl = "http://127.0.0.1:{port}/x"\n'
            'secret_file = "secret"\nevents = ["message.*"]\n'
        )
    with contextlib.closing(store_of(load(tmp_path / "mtalab.toml", {}))) as store:
        begun = store.write_now(webhooks.begin, "hook", "salt", Cursor(0, 0))
        for number in (1, 2):
            letter = Letter(f"msg_{number}", '{"data":[]}', number)
            store.write_now(webhooks.bury, begun, letter, 13, 9.0)
    lab.port = port
    return lab


def test_they_are_listed(hooked):
    (found,) = hooked("webhooks", "list", "--json").json
    assert (found["name"], found["events"], found["dead"]) == ("hook", ["message.*"], 2)
    assert (found["posted"], found["behind"], found["next_at"]) == (0, 0, None)
    assert "hook" in hooked("webhooks", "list").out


def test_dead_letters_are_listed_and_asked_for(hooked):
    first, _ = hooked("webhooks", "dead", "--json").json
    assert (first["message"], first["events"], first["asked_at"]) == ("msg_1", 1, None)
    assert hooked("webhooks", "retry", "hook", "--id", first["id"], "--json").json == {"asked": 1}
    asked = [each["asked_at"] for each in hooked("webhooks", "dead", "hook", "--json").json]
    assert [each is None for each in asked] == [False, True]
    assert "to be tried again" in hooked("webhooks", "dead").out
    assert hooked("webhooks", "retry", "other").code == 1
    assert hooked("webhooks", "retry").out == "2 dead letters are tried again\n"


def test_a_test_is_taken_or_not(hooked):
    done = hooked("webhooks", "test", "hook", "--json")
    assert (done.code, done.json["taken"], done.json["status"]) == (1, False, None)
    assert done.json["said"].startswith("no connection")
    receiver = WebhookReceiver()

    @contextlib.asynccontextmanager
    async def listening():
        server, port = await receiver.listen(hooked.port)
        async with server:
            yield port

    with in_thread(listening):
        done = hooked("webhooks", "test", "hook")
    assert (done.code, done.out) == (0, "answered 204\n")
    assert [each["type"] for each in receiver.requests[0].events] == ["webhook.test"]


def test_a_secret_is_made_that_can_be_used(mtalab):
    one, other = (mtalab("webhooks", "secret").out.strip() for _ in range(2))
    assert len(secret_from(one)) == 32
    assert one != other


def test_what_is_not_there_is_refused(hooked, tmp_path):
    done = hooked("webhooks", "test", "nothing")
    assert done.code == 2
    assert "there is no webhook 'nothing'" in done.err
    assert "There are: hook." in done.err
    done = hooked("webhooks", "forget", "hook")
    assert done.code == 2
    assert "Take it out there first." in done.err
    text = (tmp_path / "mtalab.toml").read_text().partition("[[webhook]]")[0]
    (tmp_path / "mtalab.toml").write_text(text)
    assert hooked("webhooks", "run").code == 2
    assert hooked("webhooks", "list", "--json").json[0]["url"] is None
    assert hooked("webhooks", "forget", "hook", "--json").json == {"forgotten": True}
    assert hooked("webhooks", "forget", "hook").code == 1
    assert hooked("webhooks", "list", "--json").json == []


def test_a_lab_does_not_come_up_without_the_secret(hooked, tmp_path):
    (tmp_path / "secret").unlink()
    loaded = load(tmp_path / "mtalab.toml", {})
    with pytest.raises(UnusableSecret, match=r"webhook\[0\]\.secret_file"):
        asyncio.run(run_up(loaded, lambda: loaded, SILENT))
