"""Texts that are filled in without Jinja2 come out as Jinja2 makes them, faults and all."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mta.errors import PersonalizationError
from mta.render import expression
from mta.render.expression import GLOBALS, HTML, PLAIN, TOKEN, compile_text
from mta.render.source import Place

NAMES = ("name", "town", "range", "self", "absent")
TEXTS = st.lists(
    st.sampled_from(
        [*(f"{{{{ {name} }}}}" for name in NAMES), "a ", "<b>\n", "é&", "\r\n", "{# c #}"]
    )
    | st.sampled_from(["{{ 1 }}", "{{ name|upper }}", "{% if name %}x{% endif %}", "{{ name }}\n"]),
    min_size=1,
    max_size=6,
).map("".join)
VALUES = st.text(st.sampled_from("ab<>&'\" ,é\r\n\ud800\t"), max_size=6)
FIELDS = st.dictionaries(st.sampled_from(["name", "town", "range", "self"]), VALUES)


def outcome(made, values):
    try:
        return "".join(made.pieces(values))
    except PersonalizationError as error:
        return str(error), error.field


def without_quick_way(made):
    slow = [getattr(made, name) for name in ("what", "fields", "_new_context", "_run")]
    return expression.Expression(*slow, None)


@given(text=TEXTS, fields=FIELDS, environment=st.sampled_from([PLAIN, HTML, TOKEN]))
@example(text="{{ self }}", fields={"self": "x"}, environment=PLAIN)
@example(text="{{ range }}", fields={}, environment=PLAIN)
@example(text="{{ absent }}", fields={"name": "x"}, environment=PLAIN)
@example(text="{{ name }}", fields={"name": "<a href='x'>"}, environment=HTML)
@example(text="{{ name }}", fields={"name": "a b"}, environment=TOKEN)
def test_the_quick_way_and_jinja_agree(text, fields, environment):
    made = compile_text(text, environment, Place("mail.eml", "Subject", lambda line: line))
    values = {**GLOBALS, **fields}
    assert outcome(made, values) == outcome(without_quick_way(made), values)


@pytest.mark.parametrize("environment", [PLAIN, HTML, TOKEN])
def test_names_alone_need_no_jinja(environment):
    made = compile_text("a{{ name }}b", environment, Place("m", "Subject", lambda line: line))
    assert made._plain is not None
    assert made._plain.pieces({"name": "x"}) == ["a", "x", "b"]


def test_a_field_too_large_for_the_quick_way_is_jinjas_to_count():
    made = compile_text("{{ name }}", PLAIN, Place("m", "Subject", lambda line: line))
    large = "x" * (expression._FIELD_MAX + 1)
    assert made._plain.pieces({"name": large}) is None
    assert made.fill({"name": large}) == large
