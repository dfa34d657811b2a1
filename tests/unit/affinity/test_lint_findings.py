"""What a valid configuration still cannot do, as a user reads it."""
# ruff: noqa: E501 - a finding is told in one line, and is easiest to read so

import errno
import os

from affinity.configuration import Configuration
from affinity.lint.host import unavailable
from affinity.lint.lint import lint
from affinity.read_toml import read

GOOD = """
[mta.promo1]
affinities = ["promo"]

[affinity.promo]
ip = [{ address = "127.0.1.1" }, { address = "127.0.1.2" }]

[route.all]
domains = ["a.test", "*.b.test"]
sink = "all"
"""
MTA = '[mta.promo1]\naffinities = ["promo"]\n'
ROUTE = '[route.all]\ndomains = ["a.test", "*.b.test"]\nsink = "all"\n'


def findings(text, sinks=("all",), unbindable=()):
    def bind_error(address):
        if address in unbindable:
            return OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        return None

    listen = dict.fromkeys(sinks, "127.0.0.1:2525")
    configuration = read(text, "f", Configuration)
    found = [*lint(configuration, listen), *unavailable(configuration, bind_error)]
    return [str(each) for each in found]


def test_a_good_configuration_has_no_findings():
    assert findings(GOOD) == []


def test_an_ipv4_address_cannot_connect_to_an_ipv6_host():
    route = '[route.six]\ndomains = ["six.test"]\nhost = "[::1]:2525"\n'
    assert findings(GOOD + route) == [
        (
            "error: affinity.promo: 127.0.1.1, 127.0.1.2 cannot connect to [::1]:2525 (route six): one is IPv4, the other IPv6\n"
            "  Exclude six.test there, or let the route lead to an address of the same kind."
        ),
    ]
    excluding = GOOD.replace('"127.0.1.1"', '"127.0.1.1", exclude = ["six.test"]')
    assert findings(excluding.replace('"127.0.1.2"', '"::1", include = ["six.test"]') + route) == []


def test_an_empty_configuration_sends_nothing():
    assert findings("", sinks=()) == [
        (
            "error: mta: no MTA instance is configured: nothing is sent\n"
            "  Add [mta.NAME] with its affinities."
        ),
        (
            "error: route: no route is configured: no domain can be reached\n"
            "  Add [route.NAME] with domains and a host or a sink."
        ),
    ]


def test_an_instance_names_an_affinity_that_is_not_there():
    assert findings(GOOD.replace('["promo"]', '["promo", "promos"]')) == [
        (
            "error: mta.promo1.affinities[1]: affinity 'promos' is not defined; did you mean 'promo'?\n"
            "  Add [affinity.promos], or take the name out."
        ),
    ]


def test_an_affinity_is_served_by_nobody():
    assert findings(f'{GOOD}[affinity.news]\nip = [{{ address = "127.0.2.1" }}]\n') == [
        (
            "warning: affinity.news: no MTA instance has this affinity: its deliveries stay pending\n"
            "  Name it under affinities of an [mta.NAME]."
        ),
        (
            "warning: affinity.news.ip: no MTA instance sends from 127.0.2.1\n"
            "  Let an instance serve the affinity, or take the addresses out."
        ),
    ]


def test_a_source_ip_of_an_affinity_that_is_served_too_is_owned():
    found = findings(f'{GOOD}[affinity.news]\nip = [{{ address = "127.0.1.1" }}]\n')
    assert [each.split(": ")[1] for each in found] == ["affinity.news"]


def test_all_weights_are_zero():
    text = f'{MTA}{ROUTE}[affinity.promo]\nip = [{{ address = "127.0.1.1", weight = 0 }}]\n'
    assert findings(text) == [
        (
            "error: affinity.promo: all its source IPs have weight 0: nothing is sent\n"
            "  Give at least one of them a weight."
        ),
    ]


def test_masks_leave_a_routed_domain_no_ip():
    text = f"""{MTA}{ROUTE}[affinity.promo]
ip = [
    {{ address = "127.0.1.1", include = ["a.test"] }},
    {{ address = "127.0.1.2", include = ["*.test"], exclude = ["*.b.test", "c.*"] }},
]
"""
    assert findings(text) == [
        (
            "warning: affinity.promo: no source IP may send to *.b.test (route all): "
            "127.0.1.1 includes a.test; 127.0.1.2 includes *.test excludes *.b.test, c.*\n"
            "  Widen a mask, unless nothing is to go to *.b.test by this affinity."
        ),
    ]


def test_masks_that_admit_some_of_a_routed_mask_are_told_with_a_domain_that_they_do_not():
    ip = '{ address = "127.0.1.1", include = ["a.*"] }'
    assert findings(f"{MTA}{ROUTE}[affinity.promo]\nip = [{ip}]\n") == [
        (
            "warning: affinity.promo: no source IP may send to some domains of *.b.test (route all), such as b.b.test: "
            "127.0.1.1 includes a.*\n"
            "  Widen a mask, unless nothing is to go there by this affinity."
        ),
    ], "a.b.test is one that it may send to"


def test_a_domain_that_an_earlier_route_takes_is_not_missed_in_a_later_one():
    later = '[route.later]\ndomains = ["*.test"]\nhost = "127.0.0.1:25"\n'
    ip = '{ address = "127.0.1.1", exclude = ["a.test"] }, { address = "127.0.1.2", include = ["a.test"] }'
    assert findings(f"{MTA}{ROUTE}{later}[affinity.promo]\nip = [{ip}]\n") == []
    alone = '{ address = "127.0.1.1", exclude = ["a.test"] }'
    found = findings(f"{MTA}{ROUTE}{later}[affinity.promo]\nip = [{alone}]\n")
    assert ["a.test (route all)" in each for each in found] == [True]


def test_no_source_ip_may_send_to_any_routed_domain():
    ips = '{ address = "127.0.1.1", include = ["c.test"] }, { address = "127.0.1.2", weight = 0 }'
    found = findings(f"{MTA}{ROUTE}[affinity.promo]\nip = [{ips}]\n")
    assert found[0] == (
        "error: affinity.promo: no source IP with a weight may send to any domain that has a route: "
        "127.0.1.1 includes c.test; 127.0.1.2\n"
        "  Widen a mask, or add a route for the domains that it includes."
    )
    assert len(found) == 2, "and that the include has no route"


def test_a_source_ip_is_left_nothing_to_send():
    ips = '{ address = "127.0.1.1" }, { address = "127.0.1.2", exclude = ["*.test"] }'
    assert findings(f"{MTA}{ROUTE}[affinity.promo]\nip = [{ips}]\n") == [
        (
            "warning: affinity.promo.ip[1]: 127.0.1.2 excludes *.test: it may send to no domain that has a route\n"
            "  Widen its masks, or take it out."
        ),
    ]


def test_masks_leave_a_routed_domain_only_ips_without_weight():
    text = f"""{MTA}{ROUTE}[affinity.promo]
ip = [
    {{ address = "127.0.1.1", exclude = ["a.test"] }},
    {{ address = "127.0.1.2", weight = 0 }},
]
"""
    assert findings(text) == [
        (
            "warning: affinity.promo: the source IPs that may send to a.test (route all) have weight 0: 127.0.1.2\n"
            "  Give one of them a weight, or let another send to a.test."
        ),
    ]


def test_an_included_domain_has_no_route():
    text = f"""{MTA}{ROUTE}[affinity.promo]
ip = [{{ address = "127.0.1.1" }}, {{ address = "127.0.1.2", include = ["a.test", "x.b.test", "yahoo.de"] }}]
"""
    assert findings(text) == [
        (
            "warning: affinity.promo.ip[1].include[2]: 127.0.1.2 includes yahoo.de, to which no route leads\n"
            "  Add the domain to a route, or correct the mask."
        ),
    ]


def test_an_address_cannot_be_bound_on_this_host():
    text = f"""{GOOD}
[mta.news1]
affinities = ["news"]
[affinity.news]
ip = [{{ address = "127.0.1.2" }}]
"""
    assert findings(text, unbindable=["127.0.1.2"]) == [
        (
            "error: affinity.promo.ip[1]: 127.0.1.2 cannot be sent from on this host: Cannot assign requested address\n"
            "  Add the address to an interface of this host, or use one of 127.0.0.0/8."
        ),
    ]


def test_an_address_says_different_names_in_different_affinities():
    text = f"""{GOOD}
[mta.news1]
affinities = ["news"]
[affinity.news]
ip = [{{ address = "127.0.1.2", helo = "out2.test" }}, {{ address = "127.0.2.1", helo = "out2.test" }}]
"""
    assert findings(text) == [
        (
            "warning: affinity.promo: 127.0.1.2 says different names in EHLO: its address in promo, out2.test in news\n"
            "  Receivers expect one name per address: use the same helo."
        ),
    ]


def test_a_route_leads_to_a_sink_that_is_not_there():
    assert findings(GOOD, sinks=("al", "other")) == [
        (
            "error: route.all.sink: there is no sink 'all'; did you mean 'al'?\n"
            "  Add [sink.all], or give the route a host."
        ),
        (
            "warning: sink.al: no route leads to this sink: it receives nothing\n"
            '  Add a route with sink = "al".'
        ),
        (
            "warning: sink.other: no route leads to this sink: it receives nothing\n"
            '  Add a route with sink = "other".'
        ),
    ]


def test_a_rule_matches_no_route():
    text = (
        GOOD
        + '[[mx_rule]]\nmask = "mx.all.*"\n[[mx_rule]]\nmask = "a.test"\n[[mx_rule]]\nmask = "c.test"\n'
    )
    assert findings(text) == [
        (
            "warning: mx_rule[2]: c.test matches no route's MX host and no route's domain: the rule is never used\n"
            "  Correct the mask, or remove the rule."
        ),
    ]


def test_a_rule_for_a_part_of_a_route_is_told_how_to_count():
    assert findings(GOOD + '[[mx_rule]]\nmask = "x.b.test"\n') == [
        (
            "warning: mx_rule[0]: x.b.test matches no route's MX host and no route's domain: the rule is never used\n"
            "  It is only a part of *.b.test: give it a route of its own."
        ),
    ]


def test_a_route_to_a_host_needs_no_sink():
    assert findings(GOOD.replace('sink = "all"', 'host = "127.0.0.1:25"'), sinks=()) == []


HOSTS = ROUTE.replace(
    'sink = "all"',
    'hosts = [{ sink = "all" }, { host = "[::1]:2525", preference = 20, mx = "v6.b.test" }]',
)


def test_a_route_to_hosts_of_both_kinds_suits_every_source_ip():
    text = GOOD.replace(ROUTE, HOSTS)
    assert findings(text) == []
    rule = '[[mx_rule]]\nmask = "v6.*"\nmax_connections = 2\n'
    assert findings(text + rule) == [], "a rule may name any of its hosts"


def test_a_host_of_a_route_leads_to_a_sink_that_is_not_there():
    assert findings(GOOD.replace(ROUTE, HOSTS), sinks=("al",)) == [
        (
            "error: affinity.promo: 127.0.1.1, 127.0.1.2 cannot connect to [::1]:2525 (route all): one is IPv4, the other IPv6\n"
            "  Exclude a.test, *.b.test there, or let the route lead to an address of the same kind."
        ),
        (
            "error: route.all.hosts[0].sink: there is no sink 'all'; did you mean 'al'?\n"
            "  Add [sink.all], or give the route a host."
        ),
        (
            "warning: sink.al: no route leads to this sink: it receives nothing\n"
            '  Add a route with sink = "al".'
        ),
    ]
