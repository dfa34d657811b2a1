"""serverConf.xml read into a mtalab.toml."""

import ipaddress
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from affinity.lint.code import Code
from affinity.lint.lint import lint
from affinity.read_toml import read
from lab.configuration import LabConfiguration
from lab.importing.as_toml import as_toml
from lab.importing.errors import BadServerConf
from lab.importing.server_conf import read_server_conf

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
    assert list(found.affinity) == ["promo", "mid.Promo", "agreed", "service"]
    assert found.mta["mta"].affinities == ("promo", "mid.Promo", "agreed", "service")
    assert found.mta["mta"].workers == 2
    third = found.affinity["mid.Promo"].ip[2]
    assert (third.public_address, third.public_id, third.weight) == ("198.51.100.13", 3, 1)
    assert third.helo == "out.lumiere.example", "localDomain where there is no heloHost"
    assert third.exclude == ("orange.*", "wanadoo.*")
    assert found.affinity["promo"].ip[0].address == found.affinity["mid.Promo"].ip[0].address
    assert found.affinity["agreed"].ip[1].include == ("yahoo.*", "*.yahoo.*")
    assert found.scheduler.hold == 600
    assert found.scheduler.lane_window == 500
    assert found.lab.domain == "campaigns.lumiere.example"
    assert found.preset == "campaign"
    assert found.retry.delays[-1] == 86400
    assert found.mx_rule[0].tls == "opportunistic"


def test_whatever_of_the_example_is_not_in_the_result_is_told_with_its_line():
    """Each attribute of the file is either used or named; a whole element once."""
    conf = read_server_conf(EXAMPLE)
    lines = EXAMPLE.read_text().splitlines()
    assert all(
        each.what.partition("=")[0].rpartition("/")[2] in lines[each.line - 1]
        or "<mta" in lines[each.line - 1]
        for each in conf.left
    )
    told = {each.what.partition("=")[0] for each in conf.left}
    used = {
        "dnsConfig/localDomain", "master/maxSpareServers", "child/maxAgeSec",
        "child/maxWaitingMessages", "smtp/enableTLS", "IPAffinity/name", "IPAffinity/localDomain",
        "IP/address", "IP/heloHost", "IP/publicId", "IP/weight", "IP/includeDomains",
        "IP/excludeDomains",
    }  # fmt: skip
    for element in ET.parse(EXAMPLE).iter():
        for name in element.attrib:
            place = f"{element.tag}/{name}"
            assert (place in used) + (place in told) + (element.tag in told) == 1, place
    whys = {each.what: each.why for each in conf.left}
    assert "stat server" in whys["mta/statServerAddress=localhost:7777"]


def test_a_slip_of_the_pen_is_told_with_the_nearest_name(tmp_path):
    inner = affinity('address="198.51.100.1" wieght="5"').replace("</IP", "<ip/></IP")
    conf, found = imported(tmp_path, smtp(inner))
    assert found.affinity["promo"].ip[0].weight == 1
    whys = {each.what: each.why for each in conf.left}
    assert "did you mean 'weight'?" in whys["IP/wieght=5"]
    assert "IPAffinity/ip" in whys


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


def test_a_loopback_address_stays_and_stands_for_no_other(tmp_path):
    ips = ['address="198.51.100.1"', 'address="127.0.1.1"', 'address="2001:db8::1"']
    _, found = imported(tmp_path, smtp(affinity(*ips)))
    assert [(ip.address, ip.public_address) for ip in found.affinity["promo"].ip] == [
        ("127.0.1.2", "198.51.100.1"),
        ("127.0.1.1", None),
        ("127.0.1.3", "2001:db8::1"),
    ]


def test_what_the_file_does_not_say_is_as_the_system_documents_it(tmp_path):
    _, found = imported(tmp_path, smtp(affinity('address="198.51.100.1"', domain="")))
    assert (found.mta["mta"].workers, found.mx_rule[0].tls) == (2, "off")
    assert (found.scheduler.hold, found.scheduler.lane_window) == (600, 2000)
    assert found.affinity["promo"].ip[0].helo == ""


GOOD = 'address="198.51.100.1"'


@pytest.mark.parametrize(
    ("xml", "line", "said"),
    [
        ("<serverconf>\n<mta>", 2, "no valid XML"),
        ("<serverconf/>", 1, "has no <mta>"),
        ("<serverconf>\n<mta/></serverconf>", 2, "has no <IPAffinity>"),
        (smtp(affinity()), 3, "has no <IP>"),
        (smtp(affinity('address="198.51.100.1.5"')), 4, "is no IP address"),
        (smtp(affinity(f'{GOOD} weight="-1"')), 4, "is no number from 0"),
        (smtp(affinity(f'{GOOD} weight="nan"')), 4, "is no number from 0"),
        (smtp(affinity(f'{GOOD} weight="0"')), 3, "all its IPs have weight 0"),
        (smtp(affinity(f'{GOOD} publicId="1.5"')), 4, "is no whole number from 0"),
        (smtp(affinity(f'{GOOD} heloHost="a b"')), 4, "is no host name"),
        (smtp(affinity(f'{GOOD} includeDomains="a.test;b.test"')), 4, "one domain mask"),
        (smtp(affinity(f'{GOOD} excludeDomains="a@b.test"')), 4, "'a@b.test'"),
        (smtp(affinity(GOOD, name="a;;b")), 3, "has no name"),
        (smtp(affinity(GOOD, name="a;a")), 3, "is there twice"),
        (smtp(affinity('address="::1"', 'address="0:0::1"')), 3, "more than once"),
        (smtp(affinity(GOOD)).replace("<smtp>", '<smtp enableTLS="yes">'), 2, "neither true nor"),
        (smtp(affinity(GOOD)).replace("<child>", '<child maxAgeSec="0">'), 2, "number from 1"),
        (smtp(affinity(GOOD)).replace("</mta>", "</mta>\n<mta/>"), 7, "the first is in line 2"),
        (smtp(affinity(GOOD)).replace("<mta>", '<dnsConfig localDomain="a b"/><mta>'), 2, "domain"),
        ("<a>" * 5000 + "</a>" * 5000, 1, "100 deep"),
    ],
)  # fmt: skip
def test_what_is_impossible_is_refused_with_its_line(tmp_path, xml, line, said):
    with pytest.raises(BadServerConf, match=said) as caught:
        imported(tmp_path, xml)
    assert [each.line for each in caught.value.mistakes] == [line]
    assert f"serverConf.xml:{line}: " in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path):
    ips = [
        'address="x"',
        'address="198.51.100.1" weight="a"',
        'address="198.51.100.2" publicId="b"',
    ]
    with pytest.raises(BadServerConf) as caught:
        imported(tmp_path, smtp(affinity(*ips)))
    assert [each.line for each in caught.value.mistakes] == [4, 5, 6]


def test_entities_are_not_expanded(tmp_path):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n<serverconf>&b;</serverconf>'
    with pytest.raises(BadServerConf, match="defines entities"):
        imported(tmp_path, bomb)
    outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<serverconf>&a;</serverconf>'
    with pytest.raises(BadServerConf, match="defines entities"):
        imported(tmp_path, outside)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadServerConf, match="cannot be read"):
        read_server_conf(tmp_path / "no.xml")


words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12
)
mask = st.from_regex(r"\A([*?ab]{1,3}\.){0,2}[*a]{1,2}\Z")
masks = st.lists(mask, max_size=3).map(", ".join) | st.text("ab*?.-é_ ,;@\"'", max_size=16)


@given(
    names=st.lists(words, min_size=1, max_size=3),
    helo=st.text("".join(map(chr, range(33, 127))), max_size=9) | st.just("ö"),
    include=masks,
    exclude=masks,
    weight=st.integers(0, 10**9) | st.floats(0, 10**9),
    file=words,
)
def test_whatever_stands_there_is_refused_or_becomes_a_configuration_that_says_the_same(
    tmp_path_factory, names, helo, include, exclude, weight, file
):
    attributes = {"heloHost": helo, "includeDomains": include, "excludeDomains": exclude}
    given_ = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
    inner = (
        f'<IPAffinity name={quoteattr(";".join(names))}><IP {GOOD} weight="{weight!r}" {given_}/>'
    )
    folder = tmp_path_factory.getbasetemp()
    (folder / "any.xml").write_text(smtp(f"{inner}</IPAffinity>"), encoding="utf-8")
    try:
        conf = read_server_conf(folder / "any.xml")
    except BadServerConf:
        event("refused")
        return
    found = read(as_toml(conf, file), "mtalab.toml", LabConfiguration)
    assert list(found.affinity) == list(conf.affinities)
    [ip] = found.affinity[next(iter(conf.affinities))].ip
    assert (ip.weight, ip.helo) == (weight, helo.strip())
    parts = dict.fromkeys(each.strip().lower() for each in include.split(","))
    assert ip.include == tuple(each for each in parts if each)
    findings = lint(found, {"receivers": "127.0.0.1:2601"})
    errors = {each.code for each in findings if each.severity == "error"}
    assert errors <= {Code.AFFINITY_SENDS_NOTHING}, "by masks that name no domain, as the file has"
