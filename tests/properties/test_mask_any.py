"""Masks match as the words of their definition say, and quickly."""

from hypothesis import given
from hypothesis import strategies as st

from affinity.mask import admits, matches
from mail.address import BadAddress, canonical_domain

few = st.text("ab.", max_size=8)
masks = st.text("ab.*?", max_size=8)
labels = st.text(
    st.characters(categories=["Ll", "Lo"]) | st.sampled_from("aßä-"), min_size=1, max_size=6
)


def glob(mask, text):
    """The definition: * any characters, ? one, all else itself."""
    if not mask:
        return not text
    if mask[0] == "*":
        return any(glob(mask[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and mask[0] in {text[0], "?"} and glob(mask[1:], text[1:])


@given(masks, few)
def test_a_mask_matches_as_defined(mask, domain):
    assert matches(mask, domain) is glob(mask, domain)


@given(st.text("ab[]{}()+^$|\\!-", min_size=1, max_size=8), st.text("ab[]()!", max_size=8))
def test_without_wildcards_a_mask_matches_itself_only(mask, other):
    assert matches(mask, mask)
    assert matches(mask, other) is (mask == other)


@given(masks, few)
def test_case_never_counts(mask, domain):
    assert matches(mask.upper(), domain) is matches(mask, domain.upper()) is matches(mask, domain)


@given(st.lists(labels, min_size=1, max_size=3).map(".".join))
def test_both_spellings_of_a_domain_are_one(domain):
    try:
        canonical = canonical_domain(domain)
    except BadAddress:
        return
    for mask in (domain, canonical):
        for name in (domain, canonical):
            assert matches(mask, name)
            assert matches(f"*.{mask}", f"shop.{name}")
            assert not matches(f"?.{mask}", name)


def test_a_mask_of_many_stars_takes_no_time():
    assert not matches("*a" * 100 + "b", "a" * 250)


@given(st.lists(masks, max_size=3), st.lists(masks, max_size=3), few)
def test_exclude_has_the_last_word(include, exclude, domain):
    is_excluded = any(matches(mask, domain) for mask in exclude)
    is_included = not include or any(matches(mask, domain) for mask in include)
    assert admits(include, exclude, domain) is (is_included and not is_excluded)
