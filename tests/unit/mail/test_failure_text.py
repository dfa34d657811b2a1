"""Failure texts: what differs from message to message is masked, what tells texts apart stays."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.failure_text import expression_of, failure_text, masked

SAMPLES = [
    ("5.1.1 <ann@a.test>: user unknown", "5.1.1 *: user unknown"),
    ("5.7.1 Mail from IP 192.0.2.1 was rejected", "5.7.1 Mail from IP #xxx# was rejected"),
    ("4.7.1 greylisted for 299 seconds", "4.7.1 greylisted for #xxx# seconds"),
    ("blocked, see https://a.test/x?y=1 now", "blocked, see #xxx# now"),
    ("queued as 4Xq9Zk1hF7z2 by mx1.example.test", "queued as #xxx# by #xxx#"),
    ("from 2001:db8::1 refused", "from #xxx# refused"),
    ("no.such user, e.g. this one", "#xxx# user, e.g. this one"),
    ("4.16.55 complaints", "4.16.55 complaints"),
    ("", ""),
]


@pytest.mark.parametrize(("said", "expected"), SAMPLES)
def test_what_differs_from_message_to_message_is_masked(said, expected):
    assert masked(said) == expected


@pytest.mark.parametrize("said", [said for said, _ in SAMPLES if said])
def test_the_expression_of_a_text_finds_it_again(said):
    assert re.search(expression_of(masked(said)), said, re.IGNORECASE)


@given(st.text(alphabet=st.sampled_from("ab.@<>:/#*1-_ 5…"), max_size=60))
def test_masked_texts_can_always_be_searched_for(said):
    said = " ".join(said.split())
    expression = re.compile(expression_of(masked(said)), re.IGNORECASE)
    assert expression.search(said)


@given(st.text(max_size=80))
def test_what_is_masked_is_masked_already(said):
    once = masked(said)
    assert masked(once) == once or "*" in once or "#" in said


def test_texts_that_differ_in_variables_alone_are_one_and_codes_tell_texts_apart():
    one = failure_text(550, "5.1.1 <ann@a.test> unknown")
    assert failure_text(550, "5.1.1 <bob@b.test> unknown") == one
    assert failure_text(450, "5.1.1 <bob@b.test> unknown").key != one.key
    assert failure_text(550, "5.1.2 <bob@b.test> unknown").key != one.key
