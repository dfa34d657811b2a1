"""Every way to write a key in TOML has its line."""

from affinity.toml_lines import lines_of

TEXT = '''\
# a comment
validity = "20s"
lab.name = "x"
lab . "do\\u006dain" = 'y'

[mta.promo1]
affinities = ["promo",
  # not an element
  "news"]

[affinity.promo]
ip = [
    { address = "127.0.1.1",
      public.id = 3 },
    { address = "127.0.1.2" },
]

[[mx_rule]]
mask = "m"
[[mx_rule]]
mask = """
n"""
[mx_rule.deep]
u = 1
[[mx_rule.deep.er]]
v = 1
[["a.b".'c d']]
'''


def test_each_key_has_its_line():
    assert lines_of(TEXT) == {
        ("validity",): 2,
        ("lab",): 3,
        ("lab", "name"): 3,
        ("lab", "domain"): 4,
        ("mta",): 6,
        ("mta", "promo1"): 6,
        ("mta", "promo1", "affinities"): 7,
        ("mta", "promo1", "affinities", 0): 7,
        ("mta", "promo1", "affinities", 1): 9,
        ("affinity",): 11,
        ("affinity", "promo"): 11,
        ("affinity", "promo", "ip"): 12,
        ("affinity", "promo", "ip", 0): 13,
        ("affinity", "promo", "ip", 0, "address"): 13,
        ("affinity", "promo", "ip", 0, "public"): 14,
        ("affinity", "promo", "ip", 0, "public", "id"): 14,
        ("affinity", "promo", "ip", 1): 15,
        ("affinity", "promo", "ip", 1, "address"): 15,
        ("mx_rule",): 18,
        ("mx_rule", 0): 18,
        ("mx_rule", 0, "mask"): 19,
        ("mx_rule", 1): 20,
        ("mx_rule", 1, "mask"): 21,
        ("mx_rule", 1, "deep"): 23,
        ("mx_rule", 1, "deep", "u"): 24,
        ("mx_rule", 1, "deep", "er"): 25,
        ("mx_rule", 1, "deep", "er", 0): 25,
        ("mx_rule", 1, "deep", "er", 0, "v"): 26,
        ("a.b",): 27,
        ("a.b", "c d"): 27,
        ("a.b", "c d", 0): 27,
    }


def test_line_ends_of_windows_count_once():
    assert lines_of("a = 1\r\n\r\nb = 2\r\n") == {("a",): 1, ("b",): 3}


def test_an_empty_text_has_no_lines():
    assert lines_of("") == {}
