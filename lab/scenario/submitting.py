"""A delivery of a scenario on its way into the queue, as ``mtalab submit`` takes it there."""

import itertools
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from lab.scenario.read import Case
from lab.scenario.schema import Delivery
from lab.scenario.surroundings import ScenarioLab
from lab.scenario.when import seconds_after
from lab.submit.submission import Order, Submitted, submit

_LINE: Final = "This line is here to make the message as long as it is wanted to be.\n"


def submitted(
    case: Case, delivery: Delivery, name: str, lab: ScenarioLab, *, message: Path | None = None
) -> Submitted:
    """Submit it; ``message`` is a file with its source in place of what it says itself.

    Raises: what `mtalab submit` refuses.
    """
    with tempfile.TemporaryDirectory(prefix="mtalab-") as put_by:
        folder = Path(put_by)
        if message is None:
            message = folder / "message"
            text = _message(delivery, lab.loaded.configuration.lab.domain)
            message.write_text(text, encoding="utf-8")
        now = lab.clock.now()
        order = Order(
            message=message,
            recipients=_recipients(case, delivery, folder),
            affinity=delivery.affinity,
            label=name,
            contact_at=_contact_at(delivery, lab.beginning, now),
            validity_s=_validity(delivery, lab),
            priority=delivery.priority,
            waves=delivery.waves,
            hold=delivery.hold,
        )
        found = submit(lab.store, lab.loaded, lab.clock, order, lambda *_: None, lab.chance)
    lab.wrote()
    return found


def _contact_at(delivery: Delivery, beginning: float, now: float) -> float:
    if delivery.contact is None:
        return now
    return beginning + seconds_after(beginning, delivery.contact)


def _validity(delivery: Delivery, lab: ScenarioLab) -> float:
    given = delivery.validity
    return lab.loaded.configuration.validity if given is None else given


def _message(delivery: Delivery, domain: str) -> str:
    if delivery.message is not None:
        return delivery.message
    text = f"From: Scenario <scenario@{domain}>\nSubject: To {{{{ address }}}}\n\nHello.\n"
    return text + _LINE * ((delivery.size or 0) // len(_LINE))


def _recipients(case: Case, delivery: Delivery, folder: Path) -> Path:
    if delivery.recipients is not None:
        return case.folder / delivery.recipients
    file = folder / "recipients.csv"
    with file.open("w") as rows:
        rows.write("address\n")
        rows.writelines(
            f"user{number}@{domain}\n"
            for number, domain in enumerate(in_turn(delivery.domains, delivery.messages), 1)
        )
    return file


def in_turn(shares: Mapping[str, int], count: int) -> Iterator[str]:
    """So many domains by their shares, in turn: whatever is cut from it has about the shares."""
    round_ = [name for name, share in shares.items() for _ in range(share)]
    yield from itertools.islice(itertools.cycle(round_), count)
