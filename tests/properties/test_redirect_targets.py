"""No redirect leads out of what the author of a delivery wrote, whatever values it has."""

from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from tracking.server.target import target_of

anything = st.text(max_size=30)
near_urls = st.lists(
    st.sampled_from(
        ["http:", "https:", "//", "/", "\\", "@", ":", "evil.example", "shop.example", "{{ a }}",
         "{{", "}}", "?", "#", "%", " ", "\r\n", "javascript:", "é", "[", "]", "\0", "data:", "8"]
    ),
    max_size=8,
).map("".join)  # fmt: skip


@given(anything | near_urls | near_urls.map("https://".__add__), st.lists(anything, max_size=3))
def test_a_target_is_a_web_address_in_ascii_or_none(url, values):
    target = target_of(url)
    place = None if target is None else target.filled(values)
    if place is not None:
        assert place.isascii()
        assert place.isprintable()
        assert " " not in place
        assert place.lower().startswith(("http://", "https://"))


@given(st.sampled_from(["/", "?", "#", "/a?b=", "/a#"]), st.lists(anything | near_urls, max_size=3))
def test_no_value_changes_where_a_url_leads(rest, values):
    url = "https://shop.example:8443" + rest + "{{ x }}&" * len(values)
    place = target_of(url).filled(values)
    found = urlsplit(place)
    assert (found.scheme, found.netloc) == ("https", "shop.example:8443")


def test_the_number_of_values_is_that_of_the_fields():
    target = target_of("https://shop.example/{{ a }}/{{ b | upper }}")
    assert target.fields == 2
    assert target.filled(["x"]) is None
    assert target.filled(["x", "y", "z"]) is None
    assert target.filled(["x y", "ü?"]) == "https://shop.example/x%20y/%C3%BC?"


def test_where_nobody_may_be_led():
    for url in (
        "javascript:alert(1)", "data:text/html,x", "//shop.example/", "/path", "", "https://",
        "https://{{ host }}/", "https://shop.example{{ path }}", "{{ url }}", "ftp://shop.example/",
        "https:/shop.example", "https://shop example/", "https://\\evil.example",
    ):  # fmt: skip
        assert target_of(url) is None, url


def test_a_host_in_other_letters_is_written_as_browsers_do():
    assert target_of("https://bücher.example/ä").filled([]) == (
        "https://xn--bcher-kva.example/%C3%A4"
    )
