"""Whatever lint says of a configuration holds for every short domain, as the scheduler plans it."""

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from affinity.affinity import weights
from affinity.configuration import Affinity, Configuration, MtaInstance, MxRule, Route, SourceIp
from affinity.lane import limits_of_group
from affinity.lint.code import Code
from affinity.lint.lint import lint
from affinity.mask import admits, matches, valid_mask
from affinity.plan import plan_of
from affinity.route import Routes
from mail.address import canonical_domain


def is_mask(text):
    try:
        return bool(valid_mask(text))
    except ValueError:
        return False


DOMAINS = [
    canonical_domain(".".join(each))
    for length in (1, 2, 3)
    for each in itertools.product(["a", "b", "ab", "aü"], repeat=length)
]
masks = st.text("ab.*?*", min_size=1, max_size=4).filter(is_mask) | st.sampled_from(
    ["*", "a.*", "*.b", "*a*", "ü*", "*.aü", "a.b"]
)
lists = st.lists(masks, max_size=3).map(tuple)
source_ips = st.builds(
    SourceIp,
    address=st.just("127.0.1.1"),
    weight=st.sampled_from([0, 1, 2]),
    include=lists,
    exclude=lists,
)
affinities = st.lists(source_ips, min_size=1, max_size=3).map(
    lambda ips: Affinity(
        ip=tuple(
            each.model_copy(update={"address": f"127.0.1.{n}"}) for n, each in enumerate(ips, 1)
        )
    )
)
routes = st.lists(
    st.lists(masks, min_size=1, max_size=2).map(
        lambda domains: Route(domains=tuple(domains), host="127.0.0.1:25")
    ),
    min_size=1,
    max_size=3,
).map(lambda found: {f"r{n}": each for n, each in enumerate(found)})


@st.composite
def mx_rules(draw):
    set_ = draw(
        st.fixed_dictionaries(
            {"mask": masks},
            optional={
                "max_connections": st.integers(1, 3),
                "messages_per_hour": st.integers(1, 3),
                "tls": st.sampled_from(["off", "required"]),
                "pacing": st.sampled_from(["even", "slots"]),
            },
        )
    )
    return MxRule(**set_)


@given(affinities, routes)
def test_what_is_said_never_to_be_sent_never_is(affinity, found):
    configuration = Configuration(
        mta={"m": MtaInstance(affinities=("x",))}, affinity={"x": affinity}, route=found
    )
    plan, weighted = plan_of(configuration), weights(affinity)
    planned = {domain: plan("x", domain) for domain in DOMAINS}

    def usable(domain):
        return [ip for ip in planned[domain][1] if ip in weighted]

    for each in lint(configuration):
        named = re.search(r"(\S+) \(route (\w+)\)", each.what)
        theirs = [
            domain
            for domain, (group, _) in planned.items()
            if named is not None and group == named[2] and matches(named[1], domain)
        ]
        match each.code:
            case Code.NO_SOURCE_IP_FOR_DOMAIN:
                assert [domain for domain in theirs if planned[domain][1]] == []
            case Code.SOURCE_IPS_WEIGHTLESS:
                assert [domain for domain in theirs if usable(domain)] == []
            case Code.NO_SOURCE_IP_FOR_SOME:
                such = re.search(r"such as (\S+):", each.what)[1]
                group, ips = plan("x", such)
                assert (group, set(ips) & set(weighted)) == (named[2], set())
            case Code.AFFINITY_SENDS_NOTHING | Code.AFFINITY_WEIGHTLESS:
                assert [domain for domain in DOMAINS if usable(domain)] == []
            case Code.SOURCE_IP_IDLE:
                address = affinity.ip[each.path[-1]].address
                assert [domain for domain in DOMAINS if address in usable(domain)] == []
            case Code.ROUTE_DOMAIN_SHADOWED:
                _, name, _, index = each.path
                mask = found[name].domains[index]
                of_it = [domain for domain in DOMAINS if matches(mask, domain)]
                assert [domain for domain in of_it if planned[domain][0] == name] == []


@given(source_ips, routes)
def test_masks_that_are_said_to_decide_nothing_decide_nothing(ip, found):
    configuration = Configuration(affinity={"x": Affinity(ip=(ip,))}, route=found)
    decides_nothing = (Code.MASK_REDUNDANT, Code.INCLUDE_EXCLUDED, Code.EXCLUDE_UNNEEDED)
    out = {each.path[-2:] for each in lint(configuration) if each.code in decides_nothing}
    left = {
        which: [mask for index, mask in enumerate(getattr(ip, which)) if (which, index) not in out]
        for which in ("include", "exclude")
    }
    if ip.include and not left["include"]:
        return  # all that it includes is excluded: without an include it could send
    for domain in DOMAINS:
        before = admits(ip.include, ip.exclude, domain)
        assert admits(left["include"], left["exclude"], domain) is before


@given(st.lists(mx_rules(), min_size=1, max_size=4), routes)
def test_limits_that_are_said_never_to_hold_never_hold(rules, found):
    configuration = Configuration(mx_rule=tuple(rules), route=found)
    for each in lint(configuration):
        if each.path[0] != "mx_rule" or each.code is Code.SHARED_WITHOUT_LIMIT:
            continue
        _, index, *names = each.path
        rule = rules[index]
        kept = {
            name: getattr(rule, name)
            for name in rule.model_fields_set
            if names and name not in names
        }
        others = [*rules[:index], MxRule(**{"mask": rule.mask, **kept}), *rules[index + 1 :]]
        without = configuration.model_copy(update={"mx_rule": tuple(others)})
        for group in found:
            assert limits(without, group) == limits(configuration, group)


def limits(configuration, group):
    found = limits_of_group(configuration, Routes(configuration.route), group)
    pacing = None if found.messages_per_hour is None else found.pacing
    return (found.max_connections, found.messages_per_hour, found.tls, pacing, found.rate)
