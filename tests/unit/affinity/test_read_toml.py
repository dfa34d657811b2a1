"""Configuration mistakes as a user reads them."""
# ruff: noqa: E501 - a mistake is told in one line, and is easiest to read so

import pytest

from affinity.configuration import Configuration
from affinity.errors import BadConfiguration
from affinity.read_toml import from_environment, read, variable
from mail.errors import UserError


def mistakes(text, overrides=None, **named):
    with pytest.raises(BadConfiguration) as caught:
        read(text, "mtalab.toml", Configuration, overrides, **named)
    return [str(each) for each in caught.value.mistakes]


def mistake(text, overrides=None):
    (only,) = mistakes(text, overrides)
    return only


MTA = "[mta.promo1]\naffinities = ['promo']\n"
ROUTE = "[route.a]\ndomains = ['a.test']\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[lab\n", "mtalab.toml:1: not valid TOML: expected ']' at the end of a table declaration"),
        (
            "[lab]\nname 'x'\n",
            "mtalab.toml:2: not valid TOML: expected '=' after a key in a key/value pair",
        ),
        ("[lab]\nname =", "mtalab.toml:2: not valid TOML: invalid value"),
        ("[lab]\n[retry]\n[lab]\n", "mtalab.toml:3: not valid TOML: cannot declare ('lab',) twice"),
    ],
)
def test_what_is_not_toml_is_told_with_its_line(text, expected):
    assert mistake(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[lab]\nnam = 'x'\n", "mtalab.toml:2: lab.nam: unknown key; did you mean 'name'?"),
        (f"{MTA}\nworkrs = 2\n", "mtalab.toml:4: mta.promo1.workrs: unknown key; did you mean 'workers'?"),
        ("\n[afinity.x]\nip = []\n", "mtalab.toml:2: afinity: unknown key; did you mean 'affinity'?"),
        (
            "[affinity.promo]\nip = [\n  { address = '127.0.1.1' },\n  { address = '127.0.1.2', wieght = 5 },\n]\n",
            "mtalab.toml:4: affinity.promo.ip[1].wieght: unknown key; did you mean 'weight'?",
        ),
        (
            "[[affinity.promo.ip]]\naddress = '127.0.1.1'\n[[affinity.promo.ip]]\naddress = '127.0.1.2'\nzzz = 1\n",
            "mtalab.toml:5: affinity.promo.ip[1].zzz: unknown key; known here: address, exclude, helo, include, public_address, public_id, weight",
        ),
        # A table may have the name of a key: its keys are still those of its kind.
        ("[affinity.ip]\nip = [{ address = '127.0.1.1' }]\nadress = 1\n", "mtalab.toml:3: affinity.ip.adress: unknown key; known here: ip, messages_per_day"),
        ("lab.nmae = 'x'\n", "mtalab.toml:1: lab.nmae: unknown key; did you mean 'name'?"),
        ("[lab]\n'a.b' = 1\n", "mtalab.toml:2: lab.a.b: unknown key; known here: allow_networks, directory, domain, durability, log, name, store"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_told_with_the_nearest_known_one(text, expected):
    assert mistake(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n[mta.promo1]\nworkers = 2\n", "mtalab.toml:2: mta.promo1.affinities: is required: Affinities that it serves."),
        ("[mta]\npromo1 = {}\n", "mtalab.toml:2: mta.promo1.affinities: is required: Affinities that it serves."),
        (
            "[affinity.promo]\nip = [\n  { address = '127.0.1.1' },\n  { weight = 5 },\n]\n",
            "mtalab.toml:4: affinity.promo.ip[1].address: is required: The local address that the connection is bound to.",
        ),
        ("[[mx_rule]]\nmask = '*'\n\n[[mx_rule]]\n", "mtalab.toml:4: mx_rule[1].mask: is required: MX host name or recipient domain, with * and ?."),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_with_the_line_of_its_table(text, expected):
    assert mistake(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{MTA}workers = 0\n", "mtalab.toml:3: mta.promo1.workers: expected at least 1, got 0"),
        (f"{MTA}workers = 65\n", "mtalab.toml:3: mta.promo1.workers: expected at most 64, got 65"),
        (f"{MTA}workers = 1.5\n", "mtalab.toml:3: mta.promo1.workers: expected a whole number, got 1.5"),
        (f"{MTA}workers = 'two'\n", "mtalab.toml:3: mta.promo1.workers: expected a whole number, got 'two'"),
        (f"{MTA}heartbeat = 0\n", "mtalab.toml:3: mta.promo1.heartbeat: expected more than 0, got 0"),
        ("[mta.promo1]\naffinities = 'promo'\n", "mtalab.toml:2: mta.promo1.affinities: expected a list in square brackets, got 'promo'"),
        ("[mta.promo1]\naffinities = []\n", "mtalab.toml:2: mta.promo1.affinities: expected a list with at least 1, got an empty list"),
        ("[mta.promo1]\naffinities = [\n'a',\n7,\n]\n", "mtalab.toml:4: mta.promo1.affinities[1]: expected a text in quotes, got 7"),
        ("mta = 7\n", "mtalab.toml:1: mta: expected a table, got 7"),
        ("[mta]\npromo1 = true\n", "mtalab.toml:2: mta.promo1: expected a table, got true"),
        ("[lab]\nname = []\n", "mtalab.toml:2: lab.name: expected a text in quotes, got an empty list"),
        ("[lab]\nname = [1]\n", "mtalab.toml:2: lab.name: expected a text in quotes, got a list"),
        ("[lab]\nname = {a = 1}\n", "mtalab.toml:2: lab.name: expected a text in quotes, got a table"),
        ("[lab]\nname = 'My Lab'\n", "mtalab.toml:2: lab.name: expected a text that matches ^[a-z0-9][a-z0-9-]*$, got 'My Lab'"),
        ("[lab]\ndomain = 'a..b'\n", "mtalab.toml:2: lab.domain: 'a..b' is not a domain name: an email address cannot have two periods in a row"),
        ("[lab]\nallow_networks = ['10.0.0.1/8']\n", "mtalab.toml:2: lab.allow_networks[0]: expected a network such as 10.0.0.0/8, got '10.0.0.1/8'"),
        ("[retry]\ndelays = ['1s',\n '10 parsecs']\n", "mtalab.toml:3: retry.delays[1]: expected a duration such as 500ms, 10s, 5m, 1h or 5d, got '10 parsecs'"),
        ("[retry]\njitter = 1.5\n", "mtalab.toml:2: retry.jitter: expected at most 1, got 1.5"),
        ("validity = inf\n", "mtalab.toml:1: validity: expected a finite number, got inf"),
        ("[affinity.a]\nip = [{ address = 'nope' }]\n", "mtalab.toml:2: affinity.a.ip[0].address: expected an IP address such as 127.0.1.1, got 'nope'"),
        ("[affinity.a]\nip = [{ address = '127.0.1.1', weight = -1 }]\n", "mtalab.toml:2: affinity.a.ip[0].weight: expected at least 0, got -1"),
        ("[affinity.a]\nip = [{ address = '127.0.1.1', weight = inf }]\n", "mtalab.toml:2: affinity.a.ip[0].weight: expected a finite number, got inf"),
        ("[affinity.a]\nip = [{ address = '127.0.1.1', include = ['a.test, b.test'] }]\n", "mtalab.toml:2: affinity.a.ip[0].include[0]: expected one domain mask such as yahoo.* or *.example.com, got 'a.test, b.test'"),
        ("[affinity.a]\nip = [{ address = '127.0.1.1', exclude = ['ü_x.test'] }]\n", "mtalab.toml:2: affinity.a.ip[0].exclude[0]: 'ü_x' is not a domain name: the part after the @-sign contains invalid characters: '_', got 'ü_x.test'"),
        ("[affinity.a]\nip = [{ address = '127.0.1.1', helo = \"x\\r\\nRSET\" }]\n", "mtalab.toml:2: affinity.a.ip[0].helo: expected a text that matches ^[!-~]*$, got 'x\\r\\nRSET'"),
        ("[[mx_rule]]\nmask = 'anna@a.test'\n", "mtalab.toml:2: mx_rule[0].mask: expected one domain mask such as yahoo.* or *.example.com, got 'anna@a.test'"),
        ("[[mx_rule]]\nmask = '*'\ntls = 'on'\n", "mtalab.toml:3: mx_rule[0].tls: expected 'off', 'opportunistic', 'encrypted' or 'required', got 'on'"),
        ("[[mx_rule]]\nmask = '*'\nshared = 'perhaps'\n", "mtalab.toml:3: mx_rule[0].shared: expected true or false, got 'perhaps'"),
        (f"{ROUTE}host = 'localhost:25'\n", "mtalab.toml:3: route.a.host: expected an IP address such as 127.0.1.1, got 'localhost:25'"),
        (f"{ROUTE}host = '127.0.0.1'\n", "mtalab.toml:3: route.a.host: expected address:port such as 127.0.0.1:2601, got '127.0.0.1'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_what_was_expected(text, expected):
    assert mistake(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"\n{ROUTE}", "mtalab.toml:2: route.a: expected a host or a sink that the mail goes to"),
        (f"{ROUTE}host = '127.0.0.1:25'\nsink = 'x'\n", "mtalab.toml:1: route.a: expected one of host, sink and hosts, got several"),
        (f"{ROUTE}hosts = [{{ preference = 5 }}]\n", "mtalab.toml:3: route.a.hosts[0]: expected either a host or a sink"),
        (f"{ROUTE}sink = 'x'\nauth = {{ user = 'joe' }}\n", "mtalab.toml:4: route.a.auth: expected either a password_file or a password_env"),
        ("\n[route.'a.test']\ndomains = ['a.test']\nsink = 'x'\n", "mtalab.toml:2: route: expected names of letters, digits, - and _, got a.test"),
        (
            "[affinity.a]\nip = [\n  { address = '::1' },\n  { address = '0:0::1' },\n]\n",
            "mtalab.toml:2: affinity.a.ip: expected each address once, but ::1 is repeated",
        ),
        (
            "\n[[mx_rule]]\nmask = '*'\nmessages_per_hour = 10\nburst = 11\n",
            "mtalab.toml:2: mx_rule[0]: expected a burst of at most messages_per_hour = 10, got 11",
        ),
    ],
)  # fmt: skip
def test_values_that_contradict_each_other_are_told_with_their_table(text, expected):
    assert mistake(text) == expected


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file():
    text = "[retry]\njitter = 2\n\n[scheduler]\nlease = 0\n\n[lab]\nnam = 'x'\n"
    with pytest.raises(BadConfiguration) as caught:
        read(text, "mtalab.toml", Configuration)
    assert str(caught.value) == (
        "mtalab.toml:2: retry.jitter: expected at most 1, got 2\n"
        "mtalab.toml:5: scheduler.lease: expected more than 0, got 0\n"
        "mtalab.toml:8: lab.nam: unknown key; did you mean 'name'?\n"
        "  docs/configuration.md describes each key."
    )
    assert isinstance(caught.value, UserError)


def test_a_burst_may_stand_in_another_rule_than_its_limit():
    found = read("[[mx_rule]]\nmask = '*'\nburst = 3\n", "f", Configuration)
    assert found.mx_rule[0].burst == 3


def test_an_override_wins_over_the_file():
    found = read("[lab]\nname = 'a'\n", "f", Configuration, {"lab.name": "b"})
    assert found.lab.name == "b"


def test_an_override_reaches_into_tables_and_lists_of_the_file():
    text = f"{MTA}[mta.Big-One]\naffinities = ['promo']\n[[mx_rule]]\nmask = '*'\n"
    overrides = {"mta.big_one.workers": "3", "mx_rule.0.max_connections": "7"}
    found = read(text, "f", Configuration, overrides)
    assert found.mta["Big-One"].workers == 3
    assert found.mta["promo1"].workers == 1
    assert found.mx_rule[0].max_connections == 7


def test_an_override_may_hold_a_list_or_a_number_or_an_address():
    environ = {
        "MTALAB_LAB__ALLOW_NETWORKS": '["10.0.0.0/8"]',
        "MTALAB_RETRY__JITTER": "0.5",
        "MTALAB_ROUTE__A__HOST": "[::1]:2525",
        "MTALAB_VALIDITY": "2d",
        "MTALAB_CONFIG": "elsewhere.toml",
        "HOME": "/root",
    }
    found = read(ROUTE, "f", Configuration, from_environment(environ))
    assert found.lab.allow_networks == ("10.0.0.0/8",)
    assert found.retry.jitter == 0.5
    assert found.route["a"].host == "[::1]:2525"
    assert found.validity == 2 * 86400


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"lab.name": "NO"}, "MTALAB_LAB__NAME: lab.name: expected a text that matches ^[a-z0-9][a-z0-9-]*$, got 'NO'"),
        ({"lab.nam": "x"}, "MTALAB_LAB__NAM: lab.nam: unknown key; did you mean 'name'?"),
        ({"mta.promo1.workers": "none"}, "MTALAB_MTA__PROMO1__WORKERS: mta.promo1.workers: expected a whole number, got 'none'"),
        ({"mta.new.workers": "2"}, "MTALAB_MTA__NEW__WORKERS: mta.new.affinities: is required: Affinities that it serves."),
        ({"mx_rule.5.burst": "2"}, "MTALAB_MX_RULE__5__BURST: mx_rule.5.burst: there is no such place in mtalab.toml"),
        ({"validity.x": "2"}, "MTALAB_VALIDITY__X: validity.x: there is no such place in mtalab.toml"),
        ({"lab.allow_networks": "[10"}, "MTALAB_LAB__ALLOW_NETWORKS: lab.allow_networks: expected a list in square brackets, got '[10'"),
    ],
)  # fmt: skip
def test_a_wrong_override_is_named_instead_of_the_file(overrides, expected):
    text = f"validity = '1d'\n{MTA}[[mx_rule]]\nmask = '*'\n"
    assert mistake(text, overrides) == expected


def test_a_flag_is_named_as_the_caller_says():
    found = mistakes("", {"lab.name": "NO"}, named=lambda key: f"--set {key}")
    assert found == [
        "--set lab.name: lab.name: expected a text that matches ^[a-z0-9][a-z0-9-]*$, got 'NO'",
    ]


def test_mistakes_of_the_file_come_before_those_of_overrides():
    found = mistakes("[retry]\n\njitter = 2\n", {"lab.name": "NO", "retry.x": "1"})
    assert [each.partition(" ")[0] for each in found] == [
        "mtalab.toml:3:",
        "MTALAB_LAB__NAME:",
        "MTALAB_RETRY__X:",
    ]


def test_variables_are_read_whatever_their_case():
    environ = {"mtalab_lab__Store": "x", "MTALAB_Config": "y", "XMTALAB_LAB__NAME": "z"}
    assert from_environment(environ) == {"lab.store": "x"}
    assert variable("lab.store") == "MTALAB_LAB__STORE"
