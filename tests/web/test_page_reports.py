"""Reports on their pages: each of the catalogue, what it takes, how it is had elsewhere."""

import pytest

from monitor.reports.catalogue import ENTRIES


def asked(entry):
    return {} if entry.of == "lab" else {"delivery": 1}


def test_the_catalogue_leads_to_each(served):
    text = served.client.get("/reports").text
    for each in ENTRIES:
        assert f'href="/reports/{each.name}' in text


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_each_report_shows_its_sheets_and_how_they_are_made(served, entry):
    answer = served.client.get(f"/reports/{entry.name}", params=asked(entry))
    assert answer.status_code == 200
    found = served.client.get(f"/api/v1/reports/{entry.name}", params=asked(entry)).json()
    for sheet in found["sheets"]:
        assert f'<h2 id="{sheet["name"]}">' in answer.text
    assert entry.figures[0].name in answer.text
    assert 'role="alert"' not in answer.text
    for name in ("scale", "domain", "reason", "ip", "humans"):
        assert (f'name="{name}"' in answer.text) == (name in entry.takes)


def test_plots_are_drawn(served):
    text = served.client.get("/reports/throughput?delivery=1").text
    assert 'role="img" aria-label=' in text
    assert "<rect" in text


def test_one_of_a_delivery_asks_for_it(served):
    answer = served.client.get("/reports/hot-clicks")
    assert answer.status_code == 200
    assert "Choose a delivery" in answer.text
    text = served.client.get("/reports/hot-clicks?delivery=1").text
    assert 'href="/deliveries/1/tracking?show=hot"' in text


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("delivery=99", 404, "delivery 99"),
        ("since=soon", 422, "&#39;soon&#39; is no time"),
        ("since=10m&until=20m", 422, "has no length"),
    ],
)
def test_a_bad_question_is_told_in_the_page_that_keeps_it(served, query, status, words):
    answer = served.client.get(f"/reports/urls?{query}")
    assert answer.status_code == status
    assert words in answer.text
    key, _, value = query.partition("&")[0].partition("=")
    assert f'value="{value}"' in answer.text, key
    assert served.client.get("/reports/weather").status_code == 404


def test_it_is_had_as_a_page_of_its_own_and_as_a_picture(served):
    kept = served.client.get("/reports/bounces/page?delivery=1")
    assert kept.headers["content-disposition"] == 'attachment; filename="bounces.html"'
    assert "Non-deliverables" in kept.text
    drawn = served.client.get("/reports/bounces/picture?delivery=1")
    assert drawn.content.startswith(b"\x89PNG")
