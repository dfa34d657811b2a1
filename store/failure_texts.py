"""Texts of failures: counted as they come, and what somebody made of them.

A text is ``keep`` if a rule knew what it means, else ``to_qualify`` until somebody says so;
``ignore`` is what never counts against an address.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Float, Row, bindparam, case, select

from mail.failure_text import failure_text
from mail.reason import FailureType, Reason
from store import tables
from store.engine import Tx
from store.errors import UnknownFailureText

COUNTED_MAX: Final = 100_000  # as the modelled system: who came so often is known well enough


class TextStatus(StrEnum):
    """What was decided about a text."""

    TO_QUALIFY = "to_qualify"
    KEEP = "keep"
    IGNORE = "ignore"


class Seen(NamedTuple):
    """A failure as it was judged; ``code`` None: it was no reply."""

    code: int | None
    text: str
    failure: FailureType
    reason: Reason
    rule: str


@dataclass(frozen=True, slots=True)
class KnownText:
    """A masked text and how it was judged last; times in epoch seconds."""

    key: str
    code: int | None
    text: str
    first_text: str
    first_at: float
    last_at: float
    occurrences: int
    status: TextStatus
    failure: FailureType
    reason: Reason
    rule: str


def count(tx: Tx, seen: Iterable[Seen], at: float) -> None:
    """Count failures by their texts; a new text is kept as it came."""
    numbers: Counter[str] = Counter()
    first: dict[str, Seen] = {}
    last: dict[str, Seen] = {}
    for each, number in Counter(seen).items():
        key = failure_text(each.code, each.text).key
        first.setdefault(key, each)
        last[key] = each
        numbers[key] += number
    if not numbers:
        return
    tx.dialect.put_missing(
        tx.connection,
        tables.failure_text,
        [_new(key, each, at) for key, each in sorted(first.items())],
    )
    tx.connection.execute(
        _COUNT,
        [
            {
                "_key": key,
                "_more": numbers[key],
                "_at": at,
                "_failure": str(each.failure),
                "_reason": int(each.reason),
                "_rule": each.rule,
            }
            for key, each in sorted(last.items())
        ],
    )


def _new(key: str, seen: Seen, at: float) -> dict[str, Any]:
    is_known = seen.reason is not Reason.NOT_DEFINED
    return {
        "key": key,
        "code": seen.code,
        "text": failure_text(seen.code, seen.text).text,
        "first_text": seen.text,
        "first_at": at,
        "last_at": at,
        "occurrences": 0,
        "status": str(TextStatus.KEEP if is_known else TextStatus.TO_QUALIFY),
        "failure": str(seen.failure),
        "reason": int(seen.reason),
        "rule": seen.rule,
    }


_TABLE: Final = tables.failure_text
_SUM: Final = _TABLE.c.occurrences + bindparam("_more", type_=BigInteger)
_COUNT: Final = (
    _TABLE.update()
    .where(_TABLE.c.key == bindparam("_key"))
    .values(
        occurrences=case((_SUM > COUNTED_MAX, COUNTED_MAX), else_=_SUM),
        last_at=bindparam("_at", type_=Float),
        failure=bindparam("_failure"),
        reason=bindparam("_reason"),
        rule=bindparam("_rule"),
    )
)


def find(tx: Tx, status: TextStatus | None = None, limit: int = 200) -> list[KnownText]:
    """The most frequent first."""
    query = select(_TABLE).order_by(_TABLE.c.occurrences.desc(), _TABLE.c.key).limit(limit)
    if status is not None:
        query = query.where(_TABLE.c.status == str(status))
    return [_known(row) for row in tx.connection.execute(query)]


def get(tx: Tx, key: str) -> KnownText:
    """The one text whose key begins so.

    Raises:
        UnknownFailureText: none does, or several.
    """
    query = select(_TABLE).where(_TABLE.c.key.startswith(key, autoescape=True)).limit(2)
    rows = tx.connection.execute(query).all()
    if len(rows) != 1 or not key:
        raise UnknownFailureText(key, is_ambiguous=len(rows) > 1)
    return _known(rows[0])


def qualify(tx: Tx, key: str, status: TextStatus) -> None:
    """Say what was decided about a text."""
    tx.connection.execute(_TABLE.update().where(_TABLE.c.key == key).values(status=str(status)))


def _known(row: Row[Any]) -> KnownText:
    return KnownText(
        row.key,
        row.code,
        row.text,
        row.first_text,
        row.first_at,
        row.last_at,
        row.occurrences,
        TextStatus(row.status),
        FailureType(row.failure),
        Reason(row.reason),
        row.rule,
    )
