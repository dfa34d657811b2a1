"""An edited text says what the edited values say, and what was not meant stays as it was."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lab.starter
from lab.editing.text import NotWritable, edited_text
from lab.editing.values import NoSuchKey, edited, words_of

TEXT = (Path(lab.starter.__file__).parent / "mtalab.toml").read_text(encoding="utf-8")
VALUES = tomllib.loads(TEXT)
INLINE = 'a = {b = 1, c = [1, 2]} # note\n[x."y.z"]\nk = 1\n[q]\n[[t]]\nn = 1\n[[t.u]]\nm = 2\n'
WORDS = st.sampled_from(
    ["mta", "promo1", "affinity", "promo", "ip", "0", "2", "weight", "new", "a", "c", "t", '"y.z"']
)
PLAIN = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.text(max_size=8),
    st.floats(allow_nan=False),
)
SOME = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
KEYS = st.lists(WORDS, min_size=1, max_size=4).map(".".join)


@given(st.sampled_from([TEXT, INLINE]), KEYS, SOME)
def test_what_is_set_is_there_and_the_rest_is_as_it_was(text, key, value):
    try:
        found = edited_text(text, {key: value}, ())
    except (NoSuchKey, NotWritable):
        return
    assert tomllib.loads(found) == edited(tomllib.loads(text), {key: value}, ())


@given(st.sampled_from([TEXT, INLINE]), KEYS)
def test_what_is_removed_is_gone(text, key):
    try:
        found = edited_text(text, {}, (key,))
    except (NoSuchKey, NotWritable):
        return
    assert tomllib.loads(found) == edited(tomllib.loads(text), {}, (key,))


def test_quoted_words_have_dots_of_their_own():
    assert words_of('x."y.z".k') == ["x", "y.z", "k"]
    found = edited_text(INLINE, {'x."y.z".k': 2, "a.b": 5}, ("a.c.0",))
    assert found == INLINE.replace("k = 1", "k = 2").replace(
        "{b = 1, c = [1, 2]}", "{b = 5, c = [2]}"
    )


@pytest.mark.parametrize("key", ["", ".", "a..b", 'a."b', "a.'b' = 1 #"])
def test_what_is_no_key_is_refused(key):
    with pytest.raises(NoSuchKey):
        edited_text(TEXT, {key: 1}, ())


@pytest.mark.parametrize("value", [None, [None], {"a": {"b": None}}, "\ud800", {"\ud800": 1}])
def test_what_toml_cannot_hold_is_refused(value):
    with pytest.raises(NotWritable):
        edited_text(TEXT, {"lab.name": value}, ())
