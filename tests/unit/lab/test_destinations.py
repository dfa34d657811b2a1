"""Where routes lead, and what is read for them from elsewhere."""

import pytest

from lab.configuration import load
from lab.destinations import UnusableFile, destinations, findings
from mta.settings import Destination, MxHost
from tests.fakes.authority import authority

TEXT = """
[route.a]
domains = ["a.test"]
sink = "one"
{more}
[route.b]
domains = ["b.test"]
hosts = [
    {{ host = "127.0.0.1:2601", preference = 20 }},
    {{ sink = "one", mx = "mx9.b.test" }},
    {{ sink = "none" }},
]
[route.c]
domains = ["c.test"]
sink = "none"
[sink.one]
listen = "127.0.0.1:2602"
"""


@pytest.fixture
def loaded(tmp_path):
    def make(more=""):
        (tmp_path / "mtalab.toml").write_text(TEXT.format(more=more))
        return load(tmp_path / "mtalab.toml", {})

    return make


def test_hosts_have_their_preferences_and_names(loaded):
    assert destinations(loaded()) == {
        "a": Destination((MxHost("127.0.0.1", 2602, 10, "mx.a.test"),)),
        "b": Destination(
            (
                MxHost("127.0.0.1", 2601, 20, "mx.b.test"),
                MxHost("127.0.0.1", 2602, 10, "mx9.b.test"),
            )
        ),
    }
    assert list(findings(loaded())) == []


def test_a_password_is_the_first_line_of_its_file_and_is_shown_nowhere(loaded, tmp_path):
    (tmp_path / "secret").write_text("hunter2\n# of the relay\n")
    (tmp_path / "secret").chmod(0o600)
    found = loaded('auth = { user = "joe", password_file = "secret" }')
    credentials = destinations(found)["a"].credentials
    assert (credentials.user, credentials.password) == ("joe", "hunter2")
    assert "hunter2" not in repr(destinations(found))
    assert list(findings(found)) == []
    (tmp_path / "secret").chmod(0o644)
    (finding,) = findings(found)
    assert (finding.severity, finding.key) == ("warning", "route.a.auth.password_file")


def test_a_password_may_come_from_the_environment(loaded, monkeypatch):
    monkeypatch.setenv("RELAY_PASSWORD", "hunter2")
    found = loaded('auth = { user = "joe", password_env = "RELAY_PASSWORD" }')
    assert destinations(found)["a"].credentials.password == "hunter2"


def test_authorities_are_read(loaded, tmp_path):
    (tmp_path / "ca.pem").write_text(authority("lab").pem)
    assert destinations(loaded('tls_ca = "ca.pem"'))["a"].tls_ca == authority("lab").pem


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ('auth = { user = "joe", password_file = "none" }', "none cannot be read: No such file"),
        ('auth = { user = "joe", password_file = "empty" }', "empty holds no password"),
        ('auth = { user = "joe", password_file = "bytes" }', "bytes cannot be read: it is not"),
        ('auth = { user = "joe", password_env = "NOT_SET" }', "NOT_SET holds no password"),
        ('tls_ca = "none"', "tls_ca none cannot be read: No such file"),
        ('tls_ca = "empty"', "tls_ca empty has no certificate in it"),
        ('tls_ca = "noise"', "tls_ca noise has no certificate in it"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_route(loaded, tmp_path, more, what):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"hunter2\xff")
    (tmp_path / "noise").write_text("hunter2")
    found = loaded(more)
    with pytest.raises(UnusableFile, match=what) as raised:
        destinations(found)
    assert str(raised.value).startswith("mtalab.toml: route.a: ")
    assert "hunter2" not in str(raised.value)
    (finding,) = findings(found)
    assert (finding.severity, finding.key) == ("error", "route.a")
    assert what in finding.what
