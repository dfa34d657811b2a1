"""Return paths with a seal: only who has a key makes one, and losing case loses nothing."""

from hypothesis import assume, given
from hypothesis import strategies as st

from mail.message_id import MessageMark, open_return_path, parse_return_path, return_path
from mail.seal import KEY_BYTES, Keyring

NUMBERS = st.integers(0, 10**18 - 1)
KEYS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)


@given(NUMBERS, NUMBERS, KEYS, KEYS, st.booleans())
def test_whoever_has_the_key_or_a_newer_one_too_opens_it(delivery, message, key, newer, is_loud):
    path = return_path("x.test", delivery, message, Keyring((key,)))
    path = path.upper() if is_loud else path
    for keys in (Keyring((key,)), Keyring((newer, key))):
        found = open_return_path(path, keys)
        assert found is not None
        assert (found.delivery_id, found.message_id) == (delivery, message)
    assert parse_return_path(path) == found


@given(NUMBERS, NUMBERS, KEYS)
def test_it_fits_into_a_local_part(delivery, message, key):
    local = return_path("x.test", delivery, message, Keyring((key,))).partition("@")[0]
    assert len(local) <= 64


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, KEYS)
def test_a_seal_is_for_its_own_numbers(delivery, message, other, another, key):
    assume((delivery, message) != (other, another))
    keys = Keyring((key,))
    seal = return_path("x.test", delivery, message, keys).rpartition("-")[2]
    assert open_return_path(f"bounce+{other}-{another}-{seal}", keys) is None


@given(NUMBERS, NUMBERS, KEYS, KEYS)
def test_without_the_key_there_is_no_seal(delivery, message, key, theirs):
    assume(key != theirs)
    forged = return_path("x.test", delivery, message, Keyring((theirs,)))
    assert open_return_path(forged, Keyring((key,))) is None
    unsealed = return_path("x.test", delivery, message)
    assert open_return_path(unsealed, Keyring((key,))) is None
    assert parse_return_path(unsealed) == MessageMark(delivery, message, "x.test")


@given(st.text(max_size=80))
def test_other_texts_are_no_return_paths(text):
    assert open_return_path(text, Keyring((bytes(KEY_BYTES),))) is None
