"""Texts with Jinja2 expressions: compiled once, filled in within bounds.

A source is run as code of a stranger: in Jinja2's sandbox, without access to files, without dice
(the same message must come out at each attempt), and with a limit on what it may write.
"""

import difflib
import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from mta.errors import PersonalizationError
from mta.render.source import Place

OUTPUT_MAX: Final = 10 * 1024 * 1024  # characters of one text; receivers take 10-50 MB at most
_POWER_MAX: Final = 1000
_FIELD_MAX: Final = 10_000  # characters of a field that is filled in without Jinja2
_GROWN_MAX: Final = 5 * _FIELD_MAX  # of one that is escaped for HTML

# All that an expression can raise. A list and not Exception: our own bugs must not pass for a
# recipient's bad field.
_RUNTIME_ERRORS: Final = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,  # with RecursionError
    TypeError,
    ValueError,  # with UnicodeError
)
_UNDEFINED_NAME: Final = re.compile(r"'(\w+)' is undefined")
_TOKEN_BREAKERS: Final = re.compile(r"[\s<>,\"]")


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, bounded: products and powers may not grow beyond what a mail can hold."""

    # Also keeps the compiler from working such constants out itself.
    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            if abs(right) > _POWER_MAX or abs(left) > OUTPUT_MAX:
                raise OverflowError("the power is too large")
        else:
            for text, times in ((left, right), (right, left)):
                is_repeated = isinstance(text, str | list | tuple) and isinstance(times, int)
                if is_repeated and len(text) * times > OUTPUT_MAX:
                    raise OverflowError("the product is too large")
        return super().call_binop(context, operator, left, right)


def _environment(
    *, autoescape: bool = False, finalize: Callable[[Any], Any] | None = None
) -> _Environment:
    made = _Environment(
        autoescape=autoescape,
        undefined=StrictUndefined,
        finalize=finalize,
        keep_trailing_newline=True,
    )
    del made.globals["lipsum"], made.filters["random"]
    return made


def _one_token(value: Any) -> str:
    """What may stand within ``<https://…>``: no field may end the link and begin another."""
    text = str(value)
    if _TOKEN_BREAKERS.search(text):
        raise ValueError(f"{text!r} cannot stand in a link as it is; add | urlencode")
    return text


PLAIN: Final = _environment()
HTML: Final = _environment(autoescape=True)
TOKEN: Final = _environment(finalize=_one_token)
# What expressions may call beside the fields: range, dict, cycler, joiner, namespace.
GLOBALS: Final[Mapping[str, Any]] = PLAIN.globals


@dataclass(frozen=True, slots=True)
class Field:
    """A personal field that a text asks for."""

    name: str
    line: int  # of the file, where it first stands
    is_optional: bool  # the text tests whether it is there, or has a default for it


@dataclass(frozen=True, slots=True)
class Expression:
    """One compiled text."""

    what: str  # "Subject", "text/html part"
    fields: tuple[Field, ...]
    _new_context: Callable[..., Context]
    _run: Callable[[Context], Iterator[str]]
    _plain: "_Plain | None"

    @property
    def plain(self) -> tuple[tuple[str, ...], tuple[tuple[int, str], ...]] | None:
        """If its expressions are names of fields alone: texts, places of fields and their names."""
        return None if self._plain is None else (self._plain.texts, self._plain.names)

    @property
    def links(self) -> tuple[tuple[int, str], ...]:
        """Which of the texts of ``plain`` is a link's place, and its name."""
        return () if self._plain is None else self._plain.links

    def fill(self, values: Mapping[str, Any]) -> str:
        """The text for one recipient; raises what ``pieces`` does."""
        return "".join(self.pieces(values))

    def pieces(self, values: Mapping[str, Any]) -> list[str]:
        """The text in pieces, of which those that stand in the source are always the same objects.

        Args:
            values: the fields and GLOBALS.

        Raises:
            PersonalizationError: a field is missing, the sandbox forbids what is asked, the
                output is too large, or the expression fails for these values.
        """
        quick = None if self._plain is None else self._plain.pieces(values)
        if quick is not None:
            return quick
        pieces: list[str] = []
        room = OUTPUT_MAX
        try:
            for piece in self._run(self._new_context(values, shared=True)):
                room -= len(piece)
                if room < 0:
                    raise OverflowError(f"more than {OUTPUT_MAX} characters come out")
                pieces.append(piece)
        except _RUNTIME_ERRORS as error:
            raise self._failed(error) from error
        return pieces

    def _failed(self, error: Exception) -> PersonalizationError:
        field = None
        if isinstance(error, UndefinedError):
            found = _UNDEFINED_NAME.search(str(error))
            field = found[1] if found else None
        return PersonalizationError(str(error) or type(error).__name__, part=self.what, field=field)


@dataclass(frozen=True, slots=True)
class _Plain:
    """A text whose expressions are names of fields and nothing else: most of all texts.

    A Jinja2 context costs more than all else in a message; what it would make of a field is known.
    """

    texts: tuple[str, ...]
    names: tuple[tuple[int, str], ...]  # which of the texts is a field's place, and its name
    shown: Callable[[str], str] | None
    links: tuple[tuple[int, str], ...]  # the same of links, whose values are ours

    def pieces(self, values: Mapping[str, Any]) -> list[str] | None:
        """What Jinja2 would make; None where it has to say what is wrong."""
        pieces = list(self.texts)
        for place, name in self.names:
            value = values.get(name)
            if type(value) is not str or len(value) > _FIELD_MAX:
                return None
            try:
                pieces[place] = value if self.shown is None else self.shown(value)
            except ValueError:
                return None
        for place, name in self.links:
            pieces[place] = values[name]
        return pieces


def _plain(tree: nodes.Template, environment: _Environment, links: Container[str]) -> _Plain | None:
    texts: list[str] = []
    names: list[tuple[int, str]] = []
    ours: list[tuple[int, str]] = []
    for statement in tree.body:
        if not isinstance(statement, nodes.Output):
            return None
        for node in statement.nodes:
            if isinstance(node, nodes.TemplateData):
                texts.append(node.data)
            elif isinstance(node, nodes.Name) and node.name != "self":  # which Jinja2 takes
                (ours if node.name in links else names).append((len(texts), node.name))
                texts.append("")
            else:
                return None
    if sum(map(len, texts)) + len(names) * _GROWN_MAX > OUTPUT_MAX:
        return None  # it may become too large: Jinja2's pieces are counted
    shown = _escaped if environment is HTML else _one_token if environment is TOKEN else None
    return _Plain(tuple(texts), tuple(names), shown, tuple(ours))


def _escaped(text: str) -> str:
    return str(escape(text))


def is_expression(text: str) -> bool:
    """Whether a text needs to be compiled at all."""
    return "{{" in text or "{%" in text or "{#" in text


def compile_text(
    text: str, environment: _Environment, place: Place, links: Container[str] = ()
) -> Expression:
    """Compile one text; ``links`` are names whose values are ours. Raises BadTemplate."""
    try:
        tree = environment.parse(text)
        if next(meta.find_referenced_templates(tree), "") != "":
            raise place.wrong(
                "other templates cannot be included, imported or extended",
                remedy="Write the whole message in one file.",
            )
        _refuse_unknown_names(tree, environment, place)
        fields = tuple(each for each in _fields(tree, place) if each.name not in links)
        code = environment.compile(tree)
    except TemplateSyntaxError as error:
        raise place.wrong(
            error.message or "the expression cannot be read",
            line=error.lineno,
            remedy="Expressions are Jinja2: {{ first_name }}, {% if city %}…{% endif %}.",
        ) from error
    except (RecursionError, SyntaxError, MemoryError) as error:  # Python's own limits of nesting
        raise place.wrong("the expressions are nested too deeply") from error
    template = environment.template_class.from_code(environment, code, {})
    return Expression(
        place.what,
        fields,
        template.new_context,
        template.root_render_func,
        _plain(tree, environment, links),
    )


def _refuse_unknown_names(tree: nodes.Template, environment: _Environment, place: Place) -> None:
    """Jinja2 itself finds them within {% if %} only when a message comes that way."""
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        is_filter = isinstance(node, nodes.Filter)
        known = environment.filters if is_filter else environment.tests
        if node.name not in known:
            near = difflib.get_close_matches(node.name, known, n=1)
            raise place.wrong(
                f"there is no {'filter' if is_filter else 'test'} named {node.name!r}",
                line=node.lineno,
                remedy=f"Did you mean {near[0]}?" if near else "See Jinja2's list of them.",
            )


def _fields(tree: nodes.Template, place: Place) -> tuple[Field, ...]:
    lines: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load":
            lines[name.name] = min(name.lineno, lines.get(name.name, name.lineno))
    optional = {
        each.node.name
        for each in tree.find_all((nodes.Test, nodes.Filter))
        if isinstance(each.node, nodes.Name)
        and each.name in {"defined", "undefined", "default", "d"}
    }
    asked = meta.find_undeclared_variables(tree)
    return tuple(
        Field(name, place.line_of(lines.get(name, 1)), name in optional) for name in sorted(asked)
    )
