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


@given(
    st.lists(st.sampled_from([b"NOOP", b"", b"x" * 5000, b"MAIL FROM:<>"]), max_size=6),
    st.lists(st.integers(0, 12_000), max_size=6),
)
def test_lines_come_out_whole_and_in_order_however_they_are_split(lines, cuts):
    wire = b"".join(line + b"\r\n" for line in lines)
    ends = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]

    async def main():
        reader = MessageReader(1_000_000, asyncio.get_running_loop())
        found = []
        for a, b in pairwise(ends):
            if a < b:
                reader.feed_data(wire[a:b])
            while (line := reader.line_at_hand()) is not None:
                found.append(line)
            while len(found) < wire[:b].count(b"\n"):  # one too long to be at hand
                found.append(await reader.readuntil())
        assert reader.line_at_hand() is None
        return found

    assert asyncio.run(main()) == [line + b"\r\n" for line in lines]


def test_after_an_error_no_line_is_at_hand():
    async def main():
        reader = MessageReader(1000, asyncio.get_running_loop())
        reader.feed_data(b"NOOP\r\n")
        assert reader.line_at_hand() == b"NOOP\r\n"
        reader.feed_data(b"NOOP\r\n")
        reader.set_exception(ConnectionResetError())
        assert reader.line_at_hand() is None

    asyncio.run(main())
