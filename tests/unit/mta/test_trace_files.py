"""Files of traces: bounded one by one and together, followed through all that, removed."""

import os

from mta.trace import files
from mta.trace.files import Following, TraceFile
from mta.trace.line import Direction, Ends, Line, encode


def line(number, worker="m1-1"):
    ends = Ends(worker, "127.0.1.1>a", 1, "127.0.0.1:25", 1000.0)
    return encode(ends, Line(float(number), Direction.SAID, f"line {number}"))


SIZE = len(line(10))


def texts(recorded):
    return [each.line.text for each in recorded]


def test_a_full_file_becomes_the_older_one(tmp_path):
    file = TraceFile(tmp_path, "m1-1", most=3 * SIZE)
    for number in range(10, 18):
        file.write(line(number))
    file.close()
    assert texts(files.read(tmp_path)) == [f"line {number}" for number in range(13, 18)]
    assert files.size_of(tmp_path) == 5 * SIZE
    assert files.clear(tmp_path) == 5 * SIZE
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_files_make_room(tmp_path):
    for age, name in enumerate(("m1-3", "m1-2", "m1-1")):
        file = TraceFile(tmp_path, name)
        file.write(line(10, name))
        file.close()
        os.utime(tmp_path / f"{name}.jsonl", (100 - age, 100 - age))
    last = TraceFile(tmp_path, "m1-4", most=2 * SIZE, of_all=4 * SIZE)
    last.write(line(11))
    last.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "m1-2.jsonl",
        "m1-3.jsonl",
        "m1-4.jsonl",
    ]


def test_a_file_that_was_removed_is_made_anew_when_it_is_opened_again(tmp_path):
    file = TraceFile(tmp_path / "traces", "m1-1")
    file.write(line(10))
    files.clear(tmp_path / "traces")
    file.close()
    file.write(line(11))
    file.close()
    assert texts(files.read(tmp_path / "traces")) == ["line 11"]
    [path] = (tmp_path / "traces").iterdir()
    assert path.stat().st_mode & 0o077 == 0, "nobody else reads whom mail goes to"


def test_whoever_follows_misses_nothing_through_a_full_file(tmp_path):
    file = TraceFile(tmp_path, "m1-1", most=2 * SIZE)
    file.write(line(10))
    following = Following(tmp_path)
    assert following.new() == []
    found = []
    for number in range(11, 20):
        file.write(line(number))
        found += texts(following.new())
    file.close()
    assert found == [f"line {number}" for number in range(11, 20)]
    following.close()


def test_whoever_follows_finds_new_workers_and_waits_for_whole_lines(tmp_path):
    following = Following(tmp_path / "not" / "there")
    assert following.new() == []
    following.close()
    following = Following(tmp_path)
    whole = line(11, "m1-2")
    path = tmp_path / "m1-2.jsonl"
    path.write_bytes(whole[:30])
    assert following.new() == []
    path.write_bytes(whole + b"cut off\n" + line(12))
    assert texts(following.new()) == ["line 11", "line 12"]
    path.unlink()
    assert following.new() == []
    following.close()
