"""Affinities on their page: shares, masks, limits, and which source IP an address would use."""

import pytest

from lab.configuration import load
from tests.fakes.web_server import serving

MASKED = """
[mta.m1]
affinities = ["promo"]
[affinity.promo]
ip = [
  { address = "127.0.1.1", weight = 3 },
  { address = "127.0.1.2", exclude = ["gmail.test"] },
  { address = "127.0.1.3", include = ["yahoo.test"] },
  { address = "127.0.1.4", weight = 0 },
]
messages_per_day = 500
[affinity.nobody]
ip = [{ address = "127.0.2.1", include = ["yahoo.test"] }]
[route.gmail]
domains = ["gmail.test"]
sink = "s"
[sink.s]
listen = "127.0.0.1:2601"
[[mx_rule]]
mask = "*.gmail.test"
messages_per_hour = 1200
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    file = tmp_path_factory.mktemp("masked") / "mtalab.toml"
    file.write_text(MASKED, encoding="utf-8")
    with serving(load(file, {})) as found:
        yield found


def test_weights_beside_what_was_measured(served):
    text = served.client.get("/affinities").text
    assert 'id="promo"' in text
    assert "66.7%" in text
    assert "had " in text
    assert 'href="/mtas#mta-m1"' in text


def test_an_affinity_that_no_instance_has_is_told(own):
    text = own.client.get("/affinities").text
    assert "no instance has it" in text
    assert "0 of 500 messages" in text
    assert "1,200" in text
    assert "What lint says" in text


def test_which_ip_an_address_would_use_and_why_not_the_others(own):
    text = own.client.get("/affinities?affinity=promo&address=ann@gmail.test").text
    assert '<strong class="mono">127.0.1.1</strong> 100.0%' in text
    assert "127.0.1.2</span>: its exclude names gmail.test" in text
    assert "127.0.1.3</span>: its include does not name gmail.test" in text
    assert "127.0.1.4</span>: its weight is 0" in text


def test_an_address_that_no_ip_may_send_to_and_one_that_is_none(own):
    text = own.client.get("/affinities?affinity=nobody&address=ann@gmail.test").text
    assert "such mail would wait" in text
    wrong = own.client.get("/affinities?affinity=promo&address=a@b c")
    assert wrong.status_code == 200
    assert 'role="alert"' in wrong.text
    assert 'value="a@b c"' in wrong.text
