"""What is encoded once and put together equals what is encoded whole, byte for byte."""

from hypothesis import given
from hypothesis import strategies as st

from mta.render import mime
from mta.render.expression import PLAIN, compile_text
from mta.render.mime import PartSlot, quoted_printable
from mta.render.source import Place

LINES = st.text(st.sampled_from("a .=é\t\r\nF"), max_size=300)
LONG = st.tuples(LINES, st.text("bc =.é\t", max_size=120), LINES).map(
    lambda made: made[0] + "\n" + made[1] * 3 + "\n" + made[2]
)


def slot_of(texts):
    source = "{{ v }}".join(text.replace("{", "") for text in texts)
    return PartSlot(
        compile_text(source, PLAIN, Place("mail.eml", "text/plain part", lambda line: line))
    )


@given(
    texts=st.lists(LONG | LINES, min_size=1, max_size=4), values=st.lists(LONG | LINES, max_size=3)
)
def test_it_is_as_if_the_whole_text_were_encoded_for_each_message(texts, values):
    slot = slot_of(texts)
    for value in [*values, "x", *values]:
        whole = slot.text.fill({"v": value})
        assert slot.fill({"v": value}) == quoted_printable(whole.encode())


def test_values_of_fields_do_not_stay_for_ever():
    slot = slot_of(["a", "b"])
    for number in range(mime._KNOWN_MAX * 3):
        slot.fill({"v": f"{number}\n" + "x" * 300 + "\n"})
    assert len(slot._known) <= mime._KNOWN_MAX
