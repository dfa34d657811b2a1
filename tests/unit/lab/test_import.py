"""serverConf.xml read into a mtalab.toml."""

import ipaddress
from pathlib import Path

import pytest

from affinity.read_toml import read
from lab.configuration import LabConfiguration
from lab.importing.as_toml import as_toml
from lab.importing.server_conf import read_server_conf
from lab.importing.xml_tree import BadServerConf

EXAMPLE = Path(__file__).parents[3] / "examples" / "serverConf.xml"


def imported(folder, xml, name="serverConf.xml"):
    file = folder / name
    file.write_text(xml)
    conf = read_server_conf(file)
    return conf, read(as_toml(conf, name), "mtalab.toml", LabConfiguration)


def smtp(inner):
    return f"<serverconf>\n<mta><child><smtp>\n{inner}\n</smtp></child></mta></serverconf>"


def affinity(*ips, name="promo", domain="x.test"):
    inner = "\n".join(f"<IP {each}/>" for each in ips)
    return f'<IPAffinity name="{name}" localDomain="{domain}">\n{inner}\n</IPAffinity>'


def test_the_example_keeps_what_has_a_meaning_and_names_what_has_not():
    conf = read_server_conf(EXAMPLE)
    found = read(as_toml(conf, EXAMPLE.name), "mtalab.toml", LabConfiguration)
    assert list(found.affinity) == ["promo", "mid.Promo", "service"]
    assert found.mta["mta"].affinities == ("promo", "mid.Promo", "service")
    assert found.mta["mta"].workers == 2
    third = found.affinity["mid.Promo"].ip[2]
    assert (third.public_address, third.public_id, third.weight) == ("198.51.100.13", 3, 1)
    assert third.helo == "out.lumiere.example", "localDomain where there is no heloHost"
    assert third.exclude == ("grey.*",)
    assert found.affinity["promo"].ip[0].address == found.affinity["mid.Promo"].ip[0].address
    assert found.affinity["service"].ip[0].include == ("*.test", "yahoo.*")
    assert found.scheduler.hold == 600
    assert found.scheduler.lane_window == 500
    assert found.lab.domain == "campaigns.lumiere.example"
    left = {each.what: each for each in conf.left}
    assert left["master/dataBasePoolPeriodSec=30"].line == 10
    assert "stat server" in left["mta/statServerAddress=localhost"].why


def test_public_addresses_become_loopback_ones_the_same_each_time(tmp_path):
    ips = [f'address="198.51.{n // 250}.{n % 250 + 1}"' for n in range(600)]
    conf, found = imported(tmp_path, smtp(affinity(*ips)), "config-shop1.xml")
    here = [ip.address for ip in found.affinity["promo"].ip]
    assert here[0] == "127.0.1.1"
    assert len(set(here)) == 600
    assert all(ipaddress.ip_address(each).is_loopback for each in here)
    assert not {each.rpartition(".")[2] for each in here} & {"0", "255"}
    assert list(found.mta) == ["shop1"]
    again, _ = imported(tmp_path, smtp(affinity(*ips)), "config-shop1.xml")
    assert again == conf
    _, local = imported(tmp_path, smtp(affinity('address="127.0.9.9"')))
    assert local.affinity["promo"].ip[0].address == "127.0.9.9"
    assert local.affinity["promo"].ip[0].public_address is None


@pytest.mark.parametrize(
    ("xml", "line", "said"),
    [
        ("<serverconf>\n<mta>", 2, "no valid XML"),
        ("<serverconf/>", 1, "has no <mta>"),
        ("<serverconf>\n<mta/></serverconf>", 2, "has no <IPAffinity>"),
        (smtp(affinity()), 3, "has no <IP>"),
        (smtp(affinity('address="198.51.100.1.5"')), 4, "is no IP address"),
        (smtp(affinity('address="198.51.100.1" weight="-1"')), 4, "is no number from 0"),
        (smtp(affinity('address="198.51.100.1" weight="nan"')), 4, "is no number from 0"),
        (smtp(affinity('address="198.51.100.1"', name="a;;b")), 3, "has no name"),
        (smtp(affinity('address="198.51.100.1"', name="a;a")), 3, "is there twice"),
        (smtp(affinity('address="::1"', 'address="0:0::1"')), 3, "more than once"),
    ],
)
def test_what_is_impossible_is_refused_with_its_line(tmp_path, xml, line, said):
    with pytest.raises(BadServerConf, match=said) as caught:
        imported(tmp_path, xml)
    assert caught.value.where.line == line


def test_entities_are_not_expanded(tmp_path):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n<serverconf>&b;</serverconf>'
    with pytest.raises(BadServerConf, match="defines entities"):
        imported(tmp_path, bomb)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadServerConf, match="cannot be read"):
        read_server_conf(tmp_path / "no.xml")
