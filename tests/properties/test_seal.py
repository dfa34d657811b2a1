"""Seals and tokens: what was sealed opens, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.seal import KEY_BYTES, as_token, as_word, from_token, from_word, keyring
from tracking.token import HEADER, HTML, TAIL, TEXT, Token, opened, sealed

ids = st.integers(min_value=0, max_value=2**47)
keys = st.lists(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), min_size=1, max_size=3)
tokens = st.builds(
    Token, st.sampled_from([HTML, TEXT, HEADER]), ids, st.integers(0, 2**32 - 1), ids
)
values = st.lists(st.text(max_size=10), max_size=3)


@given(st.binary(max_size=40))
def test_bytes_in_words_come_back(data):
    assert from_token(as_token(data)) == data
    assert from_word(as_word(data)) == data
    assert from_word(as_word(data).upper()) == data


@given(st.text(max_size=30))
def test_what_is_no_token_is_none_or_the_only_way_to_write_its_bytes(text):
    found = from_token(text)
    assert found is None or as_token(found) == text


@given(keys, tokens, values)
def test_a_token_opens_with_its_key_new_or_old_and_says_what_was_sealed(keys, token, values):
    text = sealed(keyring(keys[-1:]), token, values)
    assert len(text.rpartition(".")[2]) == TAIL
    assert opened(keyring(keys), text, values) == token


@given(keys, tokens, values, st.data())
def test_a_changed_token_does_not_open(keys, token, values, data):
    ring = keyring(keys)
    text = sealed(ring, token, values)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.text(max_size=2)) + text[at + 1 :]
    found = opened(ring, changed, values)
    assert (found == token) == (changed == text)
    assert found in (None, token)


@given(keys, tokens, tokens, values, values)
def test_no_token_opens_with_other_values_or_for_another_link(keys, token, other, some, more):
    ring = keyring(keys)
    if some != more:
        assert opened(ring, sealed(ring, token, some), more) is None
    if token[:3] != other[:3]:
        tail = sealed(ring, token).rpartition(".")[2]
        assert opened(ring, sealed(ring, other).rpartition(".")[0] + "." + tail) is None


@given(keys, tokens)
def test_a_key_that_is_gone_opens_nothing(keys, token):
    text = sealed(keyring([b"x" * KEY_BYTES]), token)
    assert opened(keyring(keys), text) is None or b"x" * KEY_BYTES in keys


def test_short_keys_are_no_keys():
    for wrong in ([], [b"short"]):
        with pytest.raises(ValueError, match="32 bytes"):
            keyring(wrong)
