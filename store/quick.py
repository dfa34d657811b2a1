"""Running statements on one connection in memory at a fraction of their usual cost.

An operation is handed what SQLAlchemy's connection can do as far as operations use it. Statements
are compiled by SQLAlchemy and run by the driver; what lies between (contexts, cursors, results,
events) is left out, and a list in an IN is put in by its length alone. For simulations, whose time
goes into statements of a few rows; ``tests/store/test_quick.py`` holds it against the usual way.
"""

import contextlib
import itertools
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine
from sqlalchemy.sql import Executable

_Given = Mapping[str, Any]
_PREFIX: Final = "__[POSTCOMPILE_"


class Result:
    """The rows of a statement, read at once."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows, self.rowcount = rows, rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> list[Any]:
        return self._rows

    def one(self) -> Any:
        (row,) = self._rows
        return row

    def one_or_none(self) -> Any:
        return self.one() if self._rows else None

    def first(self) -> Any:
        return self._rows[0] if self._rows else None

    def fetchone(self) -> Any:
        return self.first()

    def scalar(self) -> Any:
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalars(self) -> "Result":
        return Result([row[0] for row in self._rows], self.rowcount)


class _Parameter(NamedTuple):
    """One place of a compiled statement at which a value stands."""

    key: str  # as it is given
    own: int | None  # which of the statement's own values it is, unless given
    fixed: Any  # if it is neither
    is_list: bool
    bind: Callable[[Any], Any] | None  # how the driver wants it


@dataclass(slots=True)
class _Compiled:
    """A statement as SQLAlchemy compiled it."""

    sql: str
    parameters: Sequence[_Parameter]
    reads: Sequence[Callable[[Any], Any] | None]  # how each column is read; empty: all as they are
    row: Callable[[Any], Any] = tuple  # makes a row, once the names of its columns are known
    has_row: bool = False
    expanded: dict[tuple[tuple[int, int], ...], str] = field(default_factory=dict)

    def values(self, own: Sequence[Any], given: _Given) -> tuple[str, list[Any]]:
        """The statement's text and the values for it."""
        found: list[Any] = []
        lengths: list[tuple[int, int]] = []  # and how wide its tuples are; 0: no tuples
        for key, place, fixed, is_list, binding in self.parameters:
            bind = binding
            if key in given:
                value = given[key]
            else:
                value = fixed if place is None else own[place].effective_value
            if is_list:
                value = list(value)
                width = len(value[0]) if value and isinstance(value[0], tuple) else 0
                lengths.append((len(value), width))
                if width:  # of texts and whole numbers, which need no binding
                    value = list(itertools.chain.from_iterable(value))
                    bind = None
                found += value if bind is None else map(bind, value)
            else:
                found.append(value if bind is None else bind(value))
        return (self._expand(tuple(lengths)) if lengths else self.sql), found

    def _expand(self, lengths: tuple[tuple[int, int], ...]) -> str:
        found = self.expanded.get(lengths)
        if found is None:
            pieces, left = [], self.sql
            for length, width in lengths:
                before, _, behind = left.partition(_PREFIX)
                pieces += [before, _places(length, width)]
                left = behind.partition("]")[2]
            found = self.expanded[lengths] = "".join((*pieces, left))
        return found


def _places(length: int, width: int) -> str:
    """What stands in an IN."""
    if not length:
        return "SELECT 1 WHERE 1 != 1"
    if not width:
        return ", ".join("?" * length)
    row = f"({', '.join('?' * width)})"
    return f"VALUES {', '.join([row] * length)}"


class QuickConnection:
    """The connection of a store in memory, as operations see it."""

    def __init__(self, engine: Engine, driver: Any, compiled: dict[Any, _Compiled]) -> None:
        """``compiled`` keeps statements: the same ones as long as the engine is the same."""
        self.dialect, self._driver, self._compiled = engine.dialect, driver, compiled
        self._savepoints = 0

    def execute(
        self, statement: Executable, parameters: _Given | Sequence[_Given] | None = None
    ) -> Result:
        """Run a statement, once for each set of parameters."""
        if parameters is None or isinstance(parameters, Mapping):
            return self._run(statement, parameters or {})
        results = [self._run(statement, each) for each in parameters]
        rows = [row for result in results for row in result.all()]
        return Result(rows, sum(each.rowcount for each in results))

    def scalar(self, statement: Executable, parameters: _Given | None = None) -> Any:
        return self.execute(statement, parameters).scalar()

    def scalars(self, statement: Executable, parameters: _Given | None = None) -> Result:
        return self.execute(statement, parameters).scalars()

    def exec_driver_sql(self, sql: str, parameters: Sequence[Any] = ()) -> Result:
        cursor = self._driver.execute(sql, parameters)
        return Result(cursor.fetchall() if cursor.description else [], cursor.rowcount)

    def begin_nested(self) -> "Savepoint":
        self._savepoints += 1
        return Savepoint(self._driver, f"quick_{self._savepoints}")

    def _run(self, statement: Any, given: _Given) -> Result:
        key = statement._generate_cache_key()
        assert key is not None, f"{statement} cannot be kept"
        kept = (key.key, *given) if given else key.key
        compiled = self._compiled.get(kept)
        if compiled is None:
            compiled = self._compiled[kept] = self._compile(statement, key, given)
        sql, values = compiled.values(key.bindparams, given)
        cursor = self._driver.execute(sql, values)
        if cursor.description is None:
            return Result([], cursor.rowcount)
        if not compiled.has_row:
            names = [each[0] for each in cursor.description]
            compiled.row = _row_of(names)
            compiled.has_row = True
        rows = cursor.fetchall()
        if compiled.reads:
            rows = [list(map(_read, compiled.reads, row)) for row in rows]
        return Result(list(map(compiled.row, rows)), cursor.rowcount)

    def _compile(self, statement: Any, key: Any, given: _Given) -> _Compiled:
        made: Any = statement.compile(
            dialect=self.dialect, column_keys=list(given) or None, cache_key=key
        )
        # SQLAlchemy has no public word for the rest.
        matches, _ = made._cache_key_bind_match
        own = {
            bind: place for place, each in enumerate(made.cache_key[1]) for bind in matches[each]
        }
        of_name = {name: bind for bind, name in made.bind_names.items()}
        reads = [
            each.type.dialect_impl(self.dialect).result_processor(self.dialect, None)
            for each in made._result_columns
        ]
        return _Compiled(
            made.string,
            [
                _Parameter(
                    (bind := of_name[name]).key,
                    own.get(bind),
                    bind.value,
                    bind in made.post_compile_params,
                    made._bind_processors.get(name),
                )
                for name in made.positiontup
            ],
            reads if any(reads) else [],
        )


def _row_of(names: Sequence[str]) -> Callable[[Any], Any]:
    kind: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc] # noqa: PYI024
    make: Callable[[Any], Any] = kind._make
    return make


def _read(read: Callable[[Any], Any] | None, value: Any) -> Any:
    return value if read is None else read(value)


class Savepoint:
    """A transaction within one."""

    def __init__(self, driver: Any, name: str) -> None:
        self._driver, self._name = driver, name
        driver.execute(f"SAVEPOINT {name}")

    def commit(self) -> None:
        self._driver.execute(f"RELEASE {self._name}")

    def rollback(self) -> None:
        self._driver.execute(f"ROLLBACK TO {self._name}")
        self._driver.execute(f"RELEASE {self._name}")

    def __enter__(self) -> None:
        """It has begun."""

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.rollback()


@contextlib.contextmanager
def transaction(driver: Any) -> Iterator[None]:
    """All or nothing."""
    driver.execute("BEGIN")
    with contextlib.ExitStack() as unless_done:
        unless_done.callback(driver.execute, "ROLLBACK")
        yield
        unless_done.pop_all()
    driver.execute("COMMIT")
