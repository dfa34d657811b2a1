"""What is done to mails of the inbox: tags, marks, deletion; several processes agree about it."""

from lab.inbox.mailbox import Inbox
from tests.web.test_inbox_api_search import MAILS


def test_tags_are_set_renamed_and_taken_off(inbox):
    first, second = inbox.deliver(MAILS["red"]), inbox.deliver(MAILS["green"])
    assert inbox.ask("/tags") == ["Hats"]
    inbox.ask("/tags", "PUT", json={"IDs": [first, second], "Tags": ["b c", "A", "a"]})
    assert inbox.ask("/tags") == ["a", "b c"]
    inbox.ask("/tags/b%20c", "PUT", json={"Name": "new"})
    assert inbox.ask("/info")["Tags"] == {"a": 2, "new": 2}
    inbox.ask("/tags/new", "DELETE")
    assert inbox.ask("/message/latest")["Tags"] == ["a"]
    inbox.ask("/tags", "PUT", json={"IDs": [second], "Tags": []})
    assert inbox.ask("/search", params={"query": "tag:a"})["messages_count"] == 1
    answer = inbox.client.put("/api/v1/tags", json={"IDs": [first], "Tags": ["<b>"]})
    assert answer.status_code == 400


def test_a_search_deletes_and_marks(inbox):
    for mail in MAILS.values():
        inbox.deliver(mail)
    inbox.ask("/messages", "PUT", json={"Search": "from:ann", "Read": True})
    assert inbox.ask("/messages")["unread"] == 1
    inbox.ask("/search", "DELETE", params={"query": "from:ann"})
    assert inbox.ask("/messages")["total"] == 1


def test_another_process_sees_the_same(inbox):
    first, second, third = [inbox.deliver(mail) for mail in MAILS.values()]
    other = Inbox(inbox.lab.loaded.directory)
    other.set_read([first], is_read=True)
    other.set_tags([second], ["seen"])
    other.delete([third])
    found = inbox.ask("/messages")
    assert [(each["ID"], each["Read"], each["Tags"]) for each in found["messages"]] == [
        (second, False, ["seen"]),
        (first, True, []),
    ]
    inbox.ask("/messages", "DELETE", json={"IDs": [first]})
    assert other.ids() == [second]
