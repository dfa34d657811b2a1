"""Ports of a scenario's lab."""

import pytest

from affinity.errors import BadConfiguration
from lab.scenario.ports import numbered, ports_for, with_ports
from lab.scenario.read import case_of, case_of_text

TOPOLOGY = {
    "sink": {
        "a": {"listen": "127.0.0.1:0"},
        "b": {"listen": "127.0.0.1:20000"},
        "c": {"listen": "127.0.0.1:0"},
        "d": {"listen": "127.0.0.2:0"},
    },
    "submission": {"listen": "127.0.0.1:0"},
    "route": {"all": {"domains": ["*"], "hosts": [{"host": "127.0.0.1:20000"}]}},
}


def test_who_listens_on_port_0_gets_one_that_nobody_else_has():
    found = numbered(TOPOLOGY)
    listening = [each["listen"] for each in found["sink"].values()]
    assert listening == ["127.0.0.1:20001", "127.0.0.1:20000", "127.0.0.1:20002", "127.0.0.2:20000"]
    assert found["submission"]["listen"] == "127.0.0.1:20003"
    assert TOPOLOGY["sink"]["a"]["listen"] == "127.0.0.1:0"


def test_what_is_no_table_is_left_to_the_check():
    wrong = {"sink": {"a": 3, "b": {"listen": 4}}, "submission": "off"}
    assert numbered(wrong) == wrong
    assert numbered({"sink": ["a"]}) == {"sink": ["a"]}


def test_for_real_all_get_free_ports_and_routes_lead_there():
    topology = numbered(TOPOLOGY)
    ports = ports_for(topology)
    found = with_ports(topology, ports)
    (host,) = found["route"]["all"]["hosts"]
    assert host["host"] == found["sink"]["b"]["listen"] == ports["127.0.0.1:20000"]
    assert len({*ports.values()}) == 5
    assert ports_for({"submission": {"listen": "off"}}) == {}


def test_a_topology_is_completed_and_its_mistakes_are_told(tmp_path):
    case = case_of({"mta": {"m1": {"affinities": ["x"]}}}, tmp_path)
    assert case.topology["route"]["all"]["sink"] == "inbox"
    assert case.topology["submission"] == {"listen": "off"}
    assert case.scenario.modes == ("simulated", "real")
    with pytest.raises(BadConfiguration, match=r"^topology: mta\.m1\.workers: expected a value"):
        case_of({"mta": {"m1": {"affinities": ["x"], "workers": None}}}, tmp_path)
    with pytest.raises(BadConfiguration, match=r"^topology: mta\.m1\.affinitis: unknown key"):
        case_of({"mta": {"m1": {"affinities": ["x"], "affinitis": 1}}}, tmp_path)


def test_a_configurations_mistakes_have_its_lines(tmp_path):
    text = "[mta.m1]\naffinities = ['x']\n\n[affinity.x]\nip = [{ address = '127.1.1' }]\n"
    with pytest.raises(BadConfiguration, match=r"^own\.toml:5: affinity\.x\.ip\[0\]\.address: "):
        case_of_text(text, "own.toml", tmp_path)
    with pytest.raises(BadConfiguration, match=r"^own\.toml:2: not valid TOML"):
        case_of_text("[mta.m1]\naffinities = [", "own.toml", tmp_path)
