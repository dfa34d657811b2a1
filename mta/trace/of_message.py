"""The dialogues of one message, looked up without reading all that is recorded.

Lines are searched as bytes first: a folder of traces holds up to 128 MB, and a page that shows one
message wants a few lines of it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from mta.trace import files
from mta.trace.dialogues import Dialogue, dialogues
from mta.trace.line import Direction, Line, Recorded, Subject

SHOWN: Final = 10


def dialogues_of(folder: Path, message_id: int, limit: int = SHOWN) -> list[Dialogue]:
    """The last connections on which a message went, each with its own lines and the message's."""
    ends = {each.ends for each in files.having(folder, (f'"message":{message_id},'.encode(),))}
    if not ends:
        return []
    words = tuple(b'"began":' + orjson.dumps(each.began) + b"," for each in ends)

    def read() -> Iterator[Recorded]:
        return files.having(folder, words)

    def is_message(subject: Subject) -> bool:
        return subject.message_id == message_id

    return dialogues(read, lambda _: True, is_message, limit)


def setup_of(dialogue: Dialogue) -> float | None:
    """Seconds from the first packet to the last word before the first MAIL.

    None: the message did not wait for it, as others went on the connection before it, or recording
    began on an open connection.
    """
    own: list[Line] = []
    for line, left_out in zip(dialogue.lines, dialogue.left_out, strict=True):
        if left_out:
            return None
        if line.subject is not None:
            break
        own.append(line)
    is_whole = any(each.direction is Direction.EVENT and each.text == "connected" for each in own)
    return own[-1].at if is_whole else None
