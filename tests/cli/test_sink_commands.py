"""A sink alone as another project's tests would use it, and the commands for sinks that run."""

import contextlib
import shutil
import smtplib
import ssl
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

DEADLINE_S = 60


@contextlib.contextmanager
def sink_alone(*words):
    """``mtalab sink --listen 127.0.0.1:0 …``; yields what it says of itself."""
    argv = [sys.executable, "-P", "-m", "lab", "sink", "--listen", "127.0.0.1:0", "--json", *words]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield orjson.loads(process.stdout.readline())
        finally:
            process.terminate()
            _, err = process.communicate(timeout=DEADLINE_S)
            assert (process.returncode, err) == (0, b"stopped\n")


def send(told, *recipients):
    """The codes that the recipients hear."""
    host, _, port = told["listen"].rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=DEADLINE_S) as client:
        try:
            refused = client.sendmail("a@lab.test", recipients, "Subject: Hi\n\nHi\n")
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        return [refused.get(each, (250, b""))[0] for each in recipients]


def test_a_sink_alone_is_used_changed_and_asked(mtalab):
    file = Path("own.toml")
    file.write_text('[personality.shut]\nrefuse = [{ stage = "rcpt", reply = "550 5.7.1 No" }]\n')
    with sink_alone("--inbox", "box", "--personality", "greylist") as told:
        assert (told["sink"], told["personality"], told["folder"]) == ("sink", "greylist", "box")
        assert send(told, "anna@x.test") == [450]
        changed = mtalab(
            "sink", "set", "sink", "--personality", "gmail", "--inbox", "box", "--json"
        )
        assert (changed.code, changed.json["personality"]) == (0, "gmail")
        assert send(told, "anna@x.test", "unknown@x.test") == [250, 550]
        set_own = ("sink", "set", "sink", "--personality", "shut", "--inbox", "box")
        unknown = mtalab(*set_own)
        assert unknown.code == 2
        assert "there is no personality 'shut'" in unknown.err
        assert mtalab(*set_own, "--config", file).out == "sink sink: shut\n"
        assert send(told, "anna@x.test") == [550]
        (line,) = mtalab("sink", "list", "--inbox", "box", "--json").json
        assert set(line) == {
            "sink", "listen", "mx", "personality", "description", "certificate", "connections",
            "accepted", "refused", "reputations",
        }  # fmt: skip
        assert (line["listen"], line["accepted"], line["refused"]) == (told["listen"], 1, 3)
        assert "shut" in mtalab("sink", "list", "--inbox", "box").out
        (received,) = mtalab("inbox", "--folder", "box", "--json").json
        shown = mtalab("inbox", "show", received["id"], "--folder", "box", "--source")
        assert shown.out.startswith("Subject: Hi")
    gone = mtalab("sink", "list", "--inbox", "box")
    assert gone.code == 1
    assert "no sinks run in box" in gone.err


def test_reputations_are_told(mtalab):
    with sink_alone("--inbox", "box", "--personality", "reputation") as told:
        assert send(told, *[f"unknown{n}@x.test" for n in range(10)]) == [550] * 10
        (line,) = mtalab("sink", "list", "--inbox", "box", "--json").json
        (standing,) = line["reputations"]
        assert standing["source"] == "127.0.0.1"
        assert standing["reputation"] == pytest.approx(50 / 60, abs=0.01)
        assert standing["bad"] == pytest.approx(10, abs=0.1)
        assert "127.0.0.1 0.83" in mtalab("sink", "list", "--inbox", "box").out


def test_the_authority_is_what_a_client_trusts(mtalab):
    file = mtalab("sink", "authority", "--inbox", "box", "--json").json["file"]
    with sink_alone("--inbox", "box", "--personality", "tls_required") as told:
        host, _, port = told["listen"].rpartition(":")
        with smtplib.SMTP(host, int(port), timeout=DEADLINE_S) as client:
            client.starttls(context=ssl.create_default_context(cafile=file))
            assert client.sendmail("a@lab.test", ["anna@x.test"], "x") == {}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--mx", "mx.x.test"], "--mx: this is for one sink alone"),
        (["--listen", "127.0.0.1"], "is no address"),
        (["--listen", "127.0.0.1:0", "--mx", "m x"], "is no host name"),
        (["--listen", "127.0.0.1:0", "--personality", "gmial", "--inbox", "b"], "mean 'gmail'"),
        (["set", "gmail", "--personality", "tarpit"], "there is no configuration file"),
        (["set", "\udcff", "--personality", "tarpit", "--inbox", "b"], "a name is no text"),
    ],
)
def test_wrong_use_is_told_without_starting_anything(mtalab, words, why):
    done = mtalab("sink", *words)
    assert done.code == 2
    assert why in done.err
    shutil.rmtree("b", ignore_errors=True)
    assert list(Path.cwd().iterdir()) == []


def test_personalities_are_listed_with_those_of_the_configuration(mtalab):
    named = {each["personality"] for each in mtalab("sink", "personalities", "--json").json}
    assert {"accept", "tarpit", "gmail", "tls_expired"} <= named
    mtalab("init")
    found = {each["personality"]: each for each in mtalab("sink", "personalities", "--json").json}
    assert found["patient"]["built_in"] is False
    assert found["gmail"]["built_in"] is True
    assert "patient" in mtalab("sink", "personalities").out


def test_sinks_of_a_lab_that_does_not_run_are_told_as_such(lab):
    for words in (["list"], ["set", "gmail", "--personality", "tarpit"]):
        done = lab("sink", *words)
        assert done.code == 1
        assert "`mtalab up`" in done.err
