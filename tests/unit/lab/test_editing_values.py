"""A configuration edited by dotted keys."""

import pytest

from lab.editing.values import NoSuchKey, edited

TOPOLOGY = {"mta": {"m1": {"affinities": ["a"]}}, "affinity": {"a": {"ip": [{"weight": 1}]}}}


def test_keys_are_set_and_made_and_the_original_stays():
    changes = {"affinity.a.ip.0.weight": 0, "mta.m2.affinities": ["b"]}
    found = edited(TOPOLOGY, changes, ())
    assert found["affinity"]["a"]["ip"][0]["weight"] == 0
    assert found["mta"]["m2"] == {"affinities": ["b"]}
    assert TOPOLOGY["affinity"]["a"]["ip"][0]["weight"] == 1


def test_keys_and_elements_are_removed():
    assert edited(TOPOLOGY, {}, ("affinity.a.ip.0", "mta.m1")) == {
        "mta": {},
        "affinity": {"a": {"ip": []}},
    }


@pytest.mark.parametrize("key", ["mta.m2", "affinity.a.ip.1", "mta.m1.affinities.0.x", "no.where"])
def test_what_is_not_there_cannot_be_removed(key):
    with pytest.raises(NoSuchKey, match="has no place"):
        edited(TOPOLOGY, {}, (key,))


@pytest.mark.parametrize("key", ["affinity.a.ip.1.weight", "affinity.a.ip.0.weight.x"])
def test_no_way_leads_through_a_value_or_past_a_list(key):
    with pytest.raises(NoSuchKey, match="has no place"):
        edited(TOPOLOGY, {key: 1}, ())
