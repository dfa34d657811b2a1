import asyncio
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from sinks.reader import MessageReader

lines = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"a", b"\r", b"abc."]), max_size=8)


def stuffed(content):
    body = b"".join(
        (b"." if line.startswith(b".") else b"") + line
        for line in content.splitlines(keepends=True)
    )
    return body + b".\r\n"


def read(pieces, limit):
    async def main():
        reader = MessageReader(limit, asyncio.get_running_loop())

        async def feed():
            for piece in pieces:
                reader.feed_data(piece)
                await asyncio.sleep(0)
            reader.feed_eof()

        async with asyncio.TaskGroup() as group:
            group.create_task(feed())
            content = await reader.read_message()
            rest = await reader.read()
        return content, rest

    return asyncio.run(main())


@given(lines, st.lists(st.integers(0, 60), max_size=5))
@example([], [])
@example([b""], [1])
@example([b"."], [2])
@example([b"", b"."], [])
def test_a_message_is_read_exactly_however_it_is_split(lines, cuts):
    # A bare CR is no line end in SMTP, so lines are built and stuffed here, not split.
    content = b"".join(line + b"\r\n" for line in lines)
    wire = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    wire += b".\r\nNOOP\r\n"
    ends = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    pieces = [wire[a:b] for a, b in pairwise(ends) if a < b]
    assert read(pieces, 10_000) == (content, b"NOOP\r\n")


def test_a_message_of_the_largest_size_is_read():
    content = b"x" * 98 + b"\r\n"
    assert read([stuffed(content)], 100) == (content, b"")


def test_a_larger_message_is_skipped_to_its_end():
    for size in (99, 200, 5000):
        wire = stuffed(b"x" * size + b"\r\n" + b".y\r\n" * 300)
        assert read([wire + b"NOOP\r\n"], 100) == (None, b"NOOP\r\n")
        assert read([bytes([each]) for each in wire] + [b"NOOP\r\n"], 100) == (None, b"NOOP\r\n")


def test_stuffed_dots_do_not_count_as_size():
    content = b".\r\n" * 33
    assert read([stuffed(content)], 99)[0] == content
