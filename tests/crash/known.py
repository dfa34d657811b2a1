"""What a lab knows of its messages at an instant."""

from pathlib import Path

from mail.states import MessageEvent, MessageStatus
from mta import journal
from store import log
from tests.fakes.running_lab import RunningLab


def known_sent(lab: RunningLab) -> set[int]:
    """The messages whose acceptance was heard and written down, in a journal or in the store.

    Journals first: what leaves one of them meanwhile has come into the store.
    """
    stems = {each.with_suffix("") for each in (lab.loaded.directory / "journal").glob("*")}
    return {number for stem in stems for number in _accepted(stem)} | sent_ids(lab)


def _accepted(stem: Path) -> set[int]:
    try:
        outcomes, _ = journal.read(stem)
    except FileNotFoundError:  # replayed and removed between two looks
        return set()
    return {each.message_id for each in outcomes if each.verdict.event is MessageEvent.ACCEPTED}


def sent_ids(lab: RunningLab) -> set[int]:
    """The messages that the store has as sent."""
    found = lab.store.read_now(log.messages, log.Filter(status=MessageStatus.SENT), limit=100_000)
    return {each.id for each in found}
