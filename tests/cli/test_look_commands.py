"""status, log, message, inbox and reconcile on a lab where nothing runs."""

import re
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from lab.cli.main import make_app
from lab.configuration import load
from sinks.inbox import InboxFile
from sinks.receipts import Peer, ReceiptLog
from store import modules
from store.schema import open_store
from world.clock import SystemClock

SUBMIT = ("submit", "--message", "mail.eml", "--affinity", "promo", "--recipients", "people.csv")


def test_status_says_what_does_not_run_and_why_mail_waits(lab):
    lab(*SUBMIT)
    done = lab("status", "--json")
    assert done.code == 1
    assert {each["name"]: each["state"] for each in done.json["modules"]} == {
        "scheduler": "stopped",
        "mta@promo1": "stopped",
        "mta@service1": "stopped",
        "sinks": "stopped",
        "submission": "stopped",
        "inmail": "stopped",
        "tracking": "stopped",
        "web": "stopped",
    }
    assert {each["code"] for each in done.json["queues"]} == {"scheduler_not_running"}
    assert all(each["blocked"] for each in done.json["queues"])
    assert "no scheduler is running" in lab("status").out


def test_status_of_a_delivery_that_waits_for_its_date(lab):
    lab(*SUBMIT, "--at", "+1h")
    [cause] = {each["cause"] for each in lab("status", "--json").json["queues"]}
    assert re.fullmatch(r"its contact date is (1 h|59 min( \d+ s)?) ahead", cause)


def test_log_lists_and_filters(lab):
    lab(*SUBMIT)
    assert len(lab("log").out.splitlines()) == 15
    assert len(lab("log", "--domain", "*.TEST", "--status", "pending").out.splitlines()) == 15
    assert len(lab("log", "--domain", "yahoo.*").out.splitlines()) == 3
    assert lab("log", "--status", "sent").out == ""
    assert lab("log", "--delivery", "2").out == ""
    assert lab("log", "--since", "1h", "-n", "2").out.count("\n") == 2
    assert lab("log", "--until", "1h").out == ""


@pytest.mark.parametrize(
    "words", [("--reason", "tired"), ("--since", "yesterday"), ("--status", "lost")]
)
def test_log_refuses_filters_that_name_nothing(lab, words):
    done = lab("log", *words)
    assert done.code == 2
    assert words[0] in done.err


def test_message_shows_one_and_refuses_what_is_not_there(lab):
    lab(*SUBMIT)
    shown = lab("message", "1", "--json").json
    assert shown["address"] == "ada@gmail.test"
    assert shown["transitions"] == []
    done = lab("message", "99")
    assert (done.code, done.err) == (
        2,
        "mtalab: there is no message 99\n  `mtalab log` lists messages.\n",
    )


def test_reconcile_and_inbox_of_a_lab_that_sent_nothing(lab):
    lab(*SUBMIT)
    done = lab("reconcile", "--json")
    assert done.code == 0
    assert (done.json["receipts"], done.json["messages"], done.json["sent"]) == (0, 15, 0)
    assert lab("inbox", "--json").json == []
    assert lab("inbox", "show", "gmail-7").code == 2


def test_every_command_and_option_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    names = {command.name for command in make_app([]).registered_commands if not command.hidden}
    names |= {group.name for group in make_app([]).registered_groups}
    undocumented = [name for name in names if name and f"{name}" not in text]
    assert undocumented == []


def test_the_audit_tells_what_happened_to_a_delivery(lab):
    lab(*SUBMIT)
    lab("pause", 1)
    texts = [each["text"] for each in lab("audit", "--delivery", 1, "--json").json]
    assert texts == [
        "editing → ready",
        "ready → start_pending: 15 messages to send",
        "start_pending → paused: by an operator",
    ]
    assert "delivery 1 start_pending → paused: by an operator" in lab("audit").out
    refused = lab("audit", "--delivery", 7)
    assert (refused.code, "there is no delivery 7" in refused.err) == (2, True)


def test_brackets_in_other_peoples_text_are_text(lab):
    label = "[spring] sale [/red] :smile:"
    lab(*SUBMIT, "--label", label)
    assert label in lab("deliveries").out
    shown = lab("status").out
    assert label in shown
    assert "start_pending" in shown
    subject = "[Shop] hi [/red]"
    inbox = InboxFile(Path(".mtalab"), "gmail")
    content = f"Subject: {subject}\r\n\r\nHello\r\n".encode()
    receipts = ReceiptLog(Path(".mtalab"), "gmail")
    peer = Peer("127.0.1.1", "mta.test")
    receipts.accepted(peer, "a@b.test", ["c@d.test"], content, time=1, inbox=inbox.keep(content))
    receipts.close()
    inbox.close()
    assert subject in lab("inbox").out


def test_a_paused_delivery_says_so_wherever_its_mail_waits(lab):
    lab(*SUBMIT)
    lab("pause", 1)
    causes = {each["code"] for each in lab("status", "--json").json["queues"]}
    assert causes == {"delivery_paused"}


def test_mail_to_a_host_outside_waits_and_status_says_why(lab):
    file = Path("mtalab.toml")
    text = file.read_text().replace('sink = "gmail"', 'host = "10.1.2.3:25"', 1)
    file.write_text(text)
    lab(*SUBMIT)
    with closing(open_store(load(file, {}).store_url)) as store:
        process = modules.Process("h", 1, 1)
        now = SystemClock().now()
        store.write_now(modules.announce_module, "scheduler", process, "", now)
        store.write_now(modules.register_worker, "promo1", ["promo"], "j", process, now)
    queues = lab("status", "--json").json["queues"]
    [found] = [each for each in queues if each["mx_group"] == "gmail"]
    assert found["cause"] == "10.1.2.3: outside this machine, and not in allow_networks"
    assert found["blocked"]
    file.write_text(text.replace("[lab]\n", '[lab]\nallow_networks = ["10.0.0.0/8"]\n', 1))
    queues = lab("status", "--json").json["queues"]
    assert [each["cause"] for each in queues if each["mx_group"] == "gmail"] != [found["cause"]]


def test_two_benchmarks_are_compared(mtalab):
    def write(name, rate):
        figures = {"messages_per_second": [rate + at for at in range(4)]}
        Path(name).write_bytes(orjson.dumps({"workload": {"size": rate}, "figures": figures}))

    write("slow.json", 100.0)
    write("fast.json", 200.0)
    done = mtalab("bench", "compare", "slow.json", "fast.json", "--json")
    assert done.code == 0
    assert done.json["workload"] == {"size": [100.0, 200.0]}
    [found] = done.json["differences"]
    assert found["name"] == "messages_per_second"
    assert found["finding"] == "better"
    back = mtalab("bench", "compare", "fast.json", "slow.json")
    assert back.code == 1
    assert "worse" in back.out
    assert "size was 200.0, is 100.0" in back.err
    bad = mtalab("bench", "compare", "slow.json", "absent.json")
    assert bad.code == 2
    assert "absent.json" in bad.err
    assert "Traceback" not in bad.err
