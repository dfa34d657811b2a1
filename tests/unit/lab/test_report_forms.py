"""How reports are shown: cells, pictures' geometry, pages, CSV, and mail with figures over it."""

import csv
import io
import re
from html.parser import HTMLParser

import pytest

from affinity.configuration import Configuration
from lab.reports.drawing import BOTTOM, TOP, drawing, nice
from lab.reports.hot_mail import html_of, with_shares
from lab.reports.page import page
from lab.reports.picture import NothingToDraw, write_picture
from lab.reports.shown import Shown, cell
from lab.reports.values import as_csv, as_json
from monitor.reports.catalogue import REPORTS
from monitor.reports.request import Request
from monitor.reports.sheet import Chart, Column, Report, sheet

HOSTILE = "<script>alert(1)</script>"
ROWS = [(0, 4, 1, "a"), (300, 0, None, HOSTILE), (600, 2, 2, "=cmd()")]
COLUMNS = (Column("at", "from", "time"), Column("sent", "sent"), Column("failed", "failed"),
           Column("label", "label", "text"))  # fmt: skip
STACKED = Chart("stacked", "Over time", "at", ("sent", "failed"))
LINES = Chart("lines", "Lines", "at", ("sent",))
BARS = Chart("bars", "By label", "label", ("sent", "failed"))


def shown(*sheets, notes=()):
    request = Request(1e9, Configuration())
    return Shown(REPORTS["throughput"], Report(sheets, notes), request, "/lab", "mtalab report x")


SHEET = sheet("steps", "Steps", COLUMNS, ROWS, STACKED, LINES, BARS)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "share", ""),
        (2 / 3, "share", "66.67 %"),
        (0, "messages", "0"),
        (1234567, "messages", "1,234,567"),
        (12.5, "", "12.5"),
        (3.0, "", "3"),
        (1_500_000, "bit/s", "1.5 Mbit/s"),
        (999, "bytes", "999 B"),
        (5400, "s", "1.5 h"),
        (1.0, "s", "1 s"),
        (True, "", "yes"),
        (False, "", ""),
    ],
)
def test_cells_are_read_by_their_unit(value, unit, text):
    assert cell(value, unit) == text


@pytest.mark.parametrize("highest", [0, 0.001, 1, 3, 17, 99, 100, 101, 123_456_789])
def test_an_axis_ends_just_above_the_highest(highest):
    ticks = nice(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest
    assert 2 <= len(ticks) <= 6
    if highest:
        assert ticks[-2] < highest


def test_stacked_pieces_stand_on_each_other_within_the_picture():
    found = drawing(SHEET, STACKED)
    first = [each for each in found.boxes if each.x == found.boxes[0].x]
    assert [each.series for each in first] == [0, 1]
    assert first[0].y == pytest.approx(first[1].y + first[1].height)
    assert all(each.y >= TOP and each.y + each.height <= BOTTOM + 0.2 for each in found.boxes)
    assert first[0].height == pytest.approx(4 * first[1].height, rel=0.01)


def test_bars_are_as_long_as_what_they_say():
    found = drawing(SHEET, BARS)
    of_sent = [each.width for each in found.boxes if each.series == 0]
    assert of_sent[0] == 2 * of_sent[2]
    assert of_sent[1] == 0


def test_a_page_needs_nothing_and_runs_nothing():
    text = page(shown(SHEET, notes=[HOSTILE]), mail=HOSTILE)
    assert "<script" not in text
    assert re.findall(r"(?:src|href)=\"(?!#)[^\"]", text) == []
    assert 'sandbox=""' in text
    assert "default-src 'none'" in text
    assert text.count('<svg viewBox="0 0 760') == 3
    tags = _Tags(text)
    assert tags.open == []


class _Tags(HTMLParser):
    """Tags that are not closed."""

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, _attrs):
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, _attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_csv_is_read_back_and_no_formula_stays_one():
    rows = list(csv.DictReader(io.StringIO(as_csv(SHEET))))
    assert [each["sent"] for each in rows] == ["4", "0", "2"]
    assert rows[1]["failed"] == ""
    assert rows[1]["label"] == HOSTILE
    assert rows[2]["label"] == "'=cmd()"


def test_json_has_rows_by_name_and_explains_if_asked():
    found = as_json(shown(SHEET), explain=False)
    assert found["sheets"][0]["rows"][0] == {"at": 0, "sent": 4, "failed": 1, "label": "a"}
    assert "explain" not in found
    assert as_json(shown(SHEET), explain=True)["explain"]


def test_a_picture_is_a_png(tmp_path):
    file = tmp_path / "a.png"
    write_picture(shown(SHEET), file)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_nothing_is_refused(tmp_path):
    with pytest.raises(NothingToDraw):
        write_picture(shown(sheet("steps", "Steps", COLUMNS, [], STACKED)), tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


MAIL = b"""MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=x

--x
Content-Type: text/plain

Hello {{ name }}
--x
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<p>Gr\xc3\xbc\xc3\x9fe {{ name }}</p>
<a class="b"
   href="https://a.test/?x=1&amp;y=2">Shop</a> <A HREF='https://a.test/sale'>Sale</A>
<a href="https://a.test/none">No</a>
--x--
"""


def test_figures_are_laid_over_the_links_of_a_mail():
    content = html_of(MAIL)
    shares = {"https://a.test/?x=1&y=2": 0.75, "https://a.test/sale": 0.25}
    found = with_shares(content, shares)
    assert re.search(r'y=2"><span [^>]*>75\.0 %</span>Shop</a>', found)
    assert re.search(r"sale'><span [^>]*>25\.0 %</span>Sale</A>", found)
    assert '<a href="https://a.test/none">No</a>' in found
    assert found.startswith('<meta http-equiv="Content-Security-Policy"')
    assert re.sub(r"<span [^>]*>[^<]*</span>|<meta [^>]*>", "", found) == content


@pytest.mark.parametrize(
    "source",
    [b"Subject: x\r\n\r\ntext", b"", b"Content-Type: text/html; charset=none-such\n\nx\xff"],
)
def test_a_mail_without_html_that_can_be_read_has_none(source):
    assert html_of(source) is None
