"""Readers never leave this machine, whatever a link says."""

import ipaddress
import re
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from mail.seal import Keyring
from tracking.readers.arrivals import Original
from tracking.readers.browser import may_go, place_of
from tracking.readers.page import Link
from tracking.readers.seeing import Role, claim_of, role_of, weight_of
from tracking.token import Token, claimed, opened, sealed
from world.network import HostNetwork

ADMIT = HostNetwork().admit
HOSTS = st.sampled_from(
    ["127.0.0.1", "localhost", "10.0.0.1", "[::1]", "8.8.8.8", "h.test", "", "0"]
)


def test_only_this_machine_and_by_its_address():
    assert may_go("http://127.0.0.1:8026/r/x", ADMIT)
    assert may_go("http://[::1]:8026/r/x", ADMIT)
    for url in (
        "http://localhost:8026/r/x",
        "http://10.0.0.1/r/x",
        "https://127.0.0.1/r/x",
        "http://127.0.0.1@h.test/",
        "http://h.test@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://127.1/",
        "http://2130706433/",
        "ftp://127.0.0.1/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX: y",
        "javascript:alert(1)",
        "",
    ):
        assert not may_go(url, ADMIT), url


def test_a_network_that_is_allowed_is_gone_to():
    assert may_go("http://10.0.0.1/r/x", HostNetwork.allowing(["10.0.0.0/8"]).admit)


@given(st.one_of(st.text(), st.builds("http://{}{}/{}".format, HOSTS, st.text(), st.text())))
def test_where_readers_go_is_loopback(url):
    if may_go(url, ADMIT):
        assert ipaddress.ip_address(place_of(urlsplit(url)).host).is_loopback
        assert re.fullmatch("[!-~]+", url)


def test_a_link_is_taken_for_what_is_written_on_it():
    roles = {
        "our offer": Role.CLICK,
        "Unsubscribe here": Role.OPT_OUT,
        "Newsletter abbestellen": Role.OPT_OUT,
        "See it in your browser": Role.MIRROR,
    }
    for text, role in roles.items():
        assert role_of(Link("http://127.0.0.1/r/1", text), {}) is role


TOKEN = "h1f4.2." + "A" * 24


def test_a_link_is_taken_for_what_it_was():
    link = Link(f"http://127.0.0.1/r/{TOKEN}", "goodbye")
    assert role_of(link, {2: Original("https://shop.example/bye", "bye", 3)}) is Role.OPT_OUT
    assert role_of(Link(f"http://127.0.0.1/u/{TOKEN}", "goodbye"), {}) is Role.OPT_OUT


def test_a_link_weighs_what_the_first_mask_says():
    link = Link(f"http://127.0.0.1/r/{TOKEN}", "Buy")
    originals = {2: Original("https://shop.example/offer/3", "big offer", 1)}
    assert weight_of(link, {"*/offer*": 3.0, "*": 0.5}, originals) == 3.0
    assert weight_of(link, {"big *": 2.0}, originals) == 2.0
    assert weight_of(link, {"buy": 4.0}, {}) == 4.0
    assert weight_of(link, {"*/offer*": 3.0}, {}) == 1.0


def test_what_a_tracked_link_claims():
    claim = claim_of(f"http://127.0.0.1:8026/r/{TOKEN}?1=x")
    assert claim.door == "r"
    assert claim.token[:3] == ("h", 0x1F4, 2)
    for url in ("http://127.0.0.1/r/test", f"http://127.0.0.1/x/{TOKEN}", "http://[/r/x", TOKEN):
        assert claim_of(url) is None


def test_what_a_token_claims_is_what_was_sealed():
    token = Token("t", 7, 3, 123_456)
    keys = Keyring((b"k" * 32,))
    text = sealed(keys, token)
    assert opened(keys, text) == claimed(text) == token
