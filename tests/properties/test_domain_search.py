"""What is proved of masks holds for every domain, in both spellings; what is found is one."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affinity.domain_search import covered, disjoint, example, is_none
from affinity.mask import is_pattern, matches, valid_mask
from mail.address import BadAddress, canonical_domain


def is_mask(text):
    try:
        return bool(valid_mask(text))
    except ValueError:
        return False


LABELS = ["a", "b", "ab", "ba", "aab", "ü", "aü", "üb", "é"]
masks = st.text("ab.*?*", min_size=1, max_size=6).filter(is_mask)
wide_masks = st.text("abxn-üé.*?*", min_size=1, max_size=6).filter(is_mask) | st.sampled_from(
    ["xn--tda", "xn--*", "ü.*", "*.ü", "?n--tda.*", "*ü*", "x*"]
)
DOMAINS = [
    canonical_domain(".".join(each))
    for length in (1, 2, 3)
    for each in itertools.product(LABELS, repeat=length)
]
PLAIN = [each for each in DOMAINS if "xn--" not in each]


def named(masks_, domain):
    return frozenset(each for each in masks_ if matches(each, domain))


@given(wide_masks, st.lists(wide_masks, max_size=3), st.data())
def test_no_domain_is_where_none_is_said_to_be(among, others, data):
    wanted = data.draw(st.sets(st.sampled_from(others)) if others else st.just(set()))
    if is_none(among, others, lambda found: found == wanted):
        there = [each for each in DOMAINS if matches(among, each) and named(others, each) == wanted]
        assert there == []
        assert example(among, others, lambda found: found == wanted) is None


@given(masks, st.lists(masks, max_size=3), st.data())
def test_an_example_is_found_where_there_is_one_and_is_one(among, others, data):
    wanted = data.draw(st.sets(st.sampled_from(others)) if others else st.just(set()))
    found = example(among, others, lambda found: found == wanted)
    if found is not None:
        assert canonical_domain(found) == found
        assert matches(among, found)
        assert named(others, found) == wanted
    else:
        there = [each for each in PLAIN if matches(among, each) and named(others, each) == wanted]
        assert there == []


WRITTEN = [
    "yahoo.*",
    "*.yahoo.*",
    "*yahoo*",
    "gmail.com",
    "*.gmail.com",
    "*.com",
    "*.co.uk",
    "orange.*",
]


@pytest.mark.parametrize(("one", "other"), list(itertools.product(WRITTEN, repeat=2)))
def test_proofs_come_for_masks_as_people_write_them(one, other):
    missed, met = example(one, [other], lambda found: not found), example(one, [other], bool)
    assert covered(one, [other]) is (missed is None)
    assert disjoint(one, [other]) is (met is None)


def test_masks_taken_together_can_name_all_of_another():
    assert covered("?.test", ["*.test", "a.*"])
    assert covered("*", ["*.*", "?*"])
    assert covered("*.test", ["a*", "?*.test"]), "no label is empty"
    assert not covered("a.*", ["*.b", "*.c"])


def test_masks_that_are_neither_wider_nor_narrower_can_meet():
    assert not disjoint("a*", ["*b"])
    assert example("a*", ["*b"], bool) == "ab"
    assert disjoint("*.de", ["*.fr", "*.com"])


def test_a_label_outside_ascii_counts_as_it_is_written_and_as_it_is_sent():
    assert covered("*.bücher.example", ["*.example"])
    assert covered("xn--bcher-kva.*", ["bücher.*"])
    # bücher.test is xn--bcher-kva.test too: all of the one is named by the other.
    assert not disjoint("b*cher.test", ["xn--*.test"])
    assert not covered("?????.test", ["[a-z]*"])


def test_what_names_no_domain_has_neither_example_nor_domain():
    assert is_none(".a.test", [], lambda _: True)
    assert example(".a.test", [], lambda _: True) is None


def test_what_takes_too_long_is_left_open():
    hard = [f"*{letter}{'?' * 14}" for letter in "abc"]
    assert not covered("*", [*hard, "*d*"])
    assert not is_none("*", hard, lambda found: len(found) == 3)


def test_every_mask_of_one_domain_is_decided_by_that_domain():
    for mask in ("a.test", "bücher.example", "A.Test"):
        assert not is_pattern(mask)
        assert example(mask, ["*"], bool) == canonical_domain(mask)
        assert covered(mask, ["*"])


def test_a_domain_that_is_none_is_no_example():
    try:
        canonical_domain("a..b")
    except BadAddress:
        assert example("a..?", [], lambda _: True) is None
