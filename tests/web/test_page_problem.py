"""What a browser shows where something is refused; programs get the problem itself."""

import pytest

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/deliveries/99", 404, "delivery 99"),
        ("/deliveries/0", 422, "path"),
        ("/messages/999999", 404, "message 999999"),
        ("/weather", 404, "Not Found"),
        ("/inbox/nothing", 404, "nothing"),
        ("/?cursor=0", 422, "cursor"),
    ],
)
def test_a_browser_gets_a_page_with_words_and_a_way_back(served, path, status, words):
    answer = served.client.get(path, headers=BROWSER)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert words in answer.text
    assert '<a class="button" href="/">' in answer.text
    assert served.client.get(path).headers["content-type"] == "application/problem+json"


def test_the_api_answers_programs_whatever_they_accept(served):
    answer = served.client.get("/api/v1/deliveries/99", headers=BROWSER)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_part_of_a_page_gets_the_problem(served):
    answer = served.client.get("/deliveries/99", headers=BROWSER | {"HX-Request": "true"})
    assert answer.headers["content-type"] == "application/problem+json"
