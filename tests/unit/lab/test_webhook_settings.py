"""What `[[webhook]]` may say, and what is refused with its place."""

import pytest

from affinity.errors import BadConfiguration
from lab.configuration import configuration_from, load
from lab.findings import findings_of
from lab.webhook_names import MESSAGE, NAMES, TRACKING, valid_event_mask, wanted
from lab.webhook_settings import target_of
from lab.webhooks.keys import UnusableSecret, key_of
from lab.webhooks.signing import headers, secret_from
from mail.states import MessageEvent
from mail.tracked import Kind
from tests.fakes.webhook_receiver import SECRET, is_signed

HOOK = """
[[webhook]]
name = "{name}"
url = "{url}"
secret_env = "HOOK_SECRET"
{more}
"""


def hook(name="hook", url="http://127.0.0.1:8900/x", more=""):
    return HOOK.format(name=name, url=url, more=more)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (hook(url="ftp://127.0.0.1/"), 4, "begins with http:// or https://"),
        (hook(url="http://shop.example/"), 4, "nothing is looked up"),
        (hook(url="http://127.0.0.1:70000/"), 4, "a port from 1 to 65535"),
        (hook(url="http://me:secret@127.0.0.1/"), 4, "without a user's name"),
        (hook(url="http://127.0.0.1/a b"), 4, "printable ASCII"),
        (hook(url="http://192.0.2.7/"), 4, "192.0.2.7 is outside this machine"),
        (hook(name="My Hook"), 3, "name"),
        (hook(more='events = ["message.sold"]'), 6, "expected one of message.sent"),
        (hook(more="batch = 0"), 6, "batch"),
        (hook(more='secret_file = "x"'), 2, "either a secret_file or a secret_env"),
        (hook() + hook(), 9, "'hook' is repeated"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(text, line, what):
    with pytest.raises(BadConfiguration) as refused:
        configuration_from(text, "mtalab.toml")
    assert f"mtalab.toml:{line}: webhook[" in str(refused.value)
    assert what in str(refused.value)


def test_another_network_may_be_allowed():
    text = '[lab]\nallow_networks = ["192.0.2.0/24"]\n' + hook(url="https://192.0.2.7/a?b=c")
    (found,) = configuration_from(text, "mtalab.toml").webhook
    assert found.target == ("https", "192.0.2.7", 443, "/a?b=c")
    assert found.target.authority == "192.0.2.7"


def test_an_ipv6_host_stands_in_brackets():
    target = target_of("http://[::1]:8080")
    assert (target.address, target.port, target.path) == ("::1", 8080, "/")
    assert target.authority == "[::1]:8080"


def test_every_event_has_a_name_that_a_mask_can_ask_for():
    assert set(MESSAGE) == set(MessageEvent)
    assert set(TRACKING) == set(Kind)
    assert wanted(["*"]) == wanted(NAMES)
    assert all(valid_event_mask(each) for each in NAMES)


def test_masks_choose_events():
    found = wanted(["message.failed", "tracking.[co]*"])
    assert set(found.messages) == {
        MessageEvent.REFUSED,
        MessageEvent.EXPIRED_TRIED,
        MessageEvent.BOUNCED_LATER,
    }
    assert set(found.tracking) == {Kind.CLICK, Kind.OPEN, Kind.OPT_OUT}


def test_a_signature_is_that_of_the_reference_library():
    """The example of standardwebhooks 1.1.0 (Python), computed by it."""
    found = headers(
        [secret_from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert dict(found) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_of_several_secrets_signs():
    other = "whsec_" + "A" * 32
    signed = dict(headers([secret_from(SECRET), secret_from(other)], "msg_1", 7, b"{}"))
    assert is_signed(signed, b"{}", SECRET)
    assert is_signed(signed, b"{}", other)
    assert not is_signed(signed, b"{ }", SECRET)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "password", "whsec_" + "A" * 100])
def test_what_is_no_secret_is_refused(text):
    with pytest.raises(ValueError, match=r"bytes|base64"):
        secret_from(text)


@pytest.fixture
def loaded(tmp_path):
    def make(more):
        text = hook().replace('secret_env = "HOOK_SECRET"', more)
        (tmp_path / "mtalab.toml").write_text(text)
        return load(tmp_path / "mtalab.toml", {})

    return make


def test_secrets_come_from_the_file_or_the_environment(loaded, tmp_path, monkeypatch):
    (tmp_path / "secret").write_text(f"{SECRET}\nwhsec_{'A' * 32}\n")
    assert key_of(loaded('secret_file = "secret"'), 0).secrets == (bytes(range(32)), bytes(24))
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    assert key_of(loaded('secret_env = "HOOK_SECRET"'), 0).secrets == (bytes(range(32)),)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "cannot be read: No such file"),
        (b"", "holds no secret"),
        (b"hunter2", "secret 1 of secret_file secret is not whsec_"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_an_unusable_secret_is_told_of_and_never_shown(loaded, tmp_path, content, what):
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(UnusableSecret) as refused:
        key_of(loaded('secret_file = "secret"'), 0)
    assert "mtalab.toml: webhook[0].secret_file" in str(refused.value)
    assert what in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("mode", "codes"), [(0o600, []), (0o644, ["secret_readable"]), (None, ["unusable_file"])]
)
def test_a_check_of_the_configuration_looks_at_secrets(loaded, tmp_path, mode, codes):
    if mode is not None:
        (tmp_path / "secret").write_text(SECRET)
        (tmp_path / "secret").chmod(mode)
    found = [each for each in findings_of(loaded('secret_file = "secret"')) if each.line]
    assert [each.code for each in found if "webhook" in each.finding.key] == codes
