"""Message-IDs and return paths lead back to their message."""

from hypothesis import given
from hypothesis import strategies as st

from mail.message_id import (
    MessageMark,
    message_id_header,
    parse_message_id_header,
    parse_return_path,
    return_path,
)

numbers = st.integers(0, 10**18 - 1)
domains = st.from_regex(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", fullmatch=True)


@given(numbers, numbers, domains)
def test_both_marks_lead_back_to_their_message(delivery_id, message_id, domain):
    mark = MessageMark(delivery_id, message_id, domain)
    assert parse_message_id_header(message_id_header(delivery_id, message_id, domain)) == mark
    path = return_path(domain, delivery_id, message_id)
    assert parse_return_path(path) == mark
    assert parse_return_path(f"<{path.replace('bounce', 'BOUNCE')}>") == mark


@given(st.text())
def test_what_is_not_ours_leads_nowhere(text):
    assert parse_message_id_header(text) is None
    assert parse_return_path(text) is None
