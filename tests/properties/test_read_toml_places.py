"""Every mistake has its place, whatever the names and however deep."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from affinity.errors import BadConfiguration
from affinity.read_toml import read
from affinity.toml_lines import lines_of

names = st.text(min_size=1, max_size=6) | st.sampled_from(["a", "b", "a.b", "'", '"', "\\"])
scalars = st.sampled_from(["1", "1.5e3", "'x'", '"""\nx"""', "true", "1979-05-27T07:32:00Z", "inf"])


class Loose(BaseModel):
    model_config = ConfigDict(extra="forbid")

    known: int = 0


def quoted(name):
    """A name as a basic string of TOML."""
    escaped = "".join(
        f"\\U{ord(each):08x}" if each in '"\\' or not each.isprintable() else each for each in name
    )
    return f'"{escaped}"'


def paths_of(value, path=()):
    """The path of everything in a value that TOML can write down."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from paths_of(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield (*path, index)
            yield from paths_of(inner, (*path, index))


@st.composite
def values(draw, depth=2):
    kind = draw(st.sampled_from(["scalar", "array", "table"] if depth else ["scalar"]))
    if kind == "array":
        inner = draw(st.lists(values(depth=depth - 1), max_size=3))
        return "[\n" + "".join(f"{each}, # x\n" for each in inner) + "]"
    if kind == "table":
        keys = draw(st.lists(names, max_size=3, unique=True))
        return "{" + ", ".join(f"{quoted(k)} = {draw(values(depth=depth - 1))}" for k in keys) + "}"
    return draw(scalars)


@st.composite
def texts(draw):
    """A TOML text of tables, arrays of tables, dotted keys and values."""
    lines = []
    for _ in range(draw(st.integers(0, 5))):
        path = ".".join(map(quoted, draw(st.lists(names, min_size=1, max_size=3))))
        lines.append(draw(st.sampled_from([f"[{path}]", f"[[{path}]]", "# nothing"])))
        keys = draw(st.lists(names, max_size=3, unique=True))
        lines.extend([f"{quoted(key)} = {draw(values())}" for key in keys])
    return "\n".join(lines)


@given(texts())
def test_everything_in_a_text_has_a_line(text):
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = lines_of(text)
    assert set(lines) == set(paths_of(value))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


def refused(text, overrides, **named):
    """The mistakes of a text; none if it was read."""
    try:
        read(text, "f", Loose, overrides, **named)
    except BadConfiguration as error:
        return error.mistakes
    return ()


@given(texts() | st.text(max_size=30))
def test_a_text_is_read_or_refused_with_every_place(text):
    for each in refused(text, {}):
        assert each.line is not None
        assert str(each).startswith(f"f:{each.line}: ")


@given(st.dictionaries(names, st.text(max_size=8), min_size=1, max_size=3))
def test_an_override_is_read_or_refused_under_its_name(overrides):
    found = refused("known = 1\n", overrides, named=lambda key: f"<{key}>")
    assert {each.file for each in found} <= {f"<{key}>" for key in overrides}
