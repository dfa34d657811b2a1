"""Classification does not get worse on replies that others labelled (tests/data/NOTICE.md)."""

from mail.reason import Reason
from mta.classify import Classifier
from tests.measure.classification import LABELS, labelled, main, measure

RIGHT_MIN = {False: 0.94, True: 0.83}  # by whether it is the half that was held out
SURE = (Reason.USER_UNKNOWN, Reason.MAILBOX_FULL, Reason.AUTH_FAILED, Reason.TLS_FAILED)


def test_no_fewer_replies_are_classified_rightly_than_when_it_was_measured_last():
    texts = labelled()
    assert len(texts) == 238
    assert {each.label for each in texts} <= LABELS.keys()
    for is_held_out, least in RIGHT_MIN.items():
        found = measure([each for each in texts if each.is_held_out is is_held_out])
        assert found.share_right >= least
        assert found.wrongly_hard == 0, "an address would be quarantined that is not to blame"


def test_what_quarantines_is_nearly_always_right():
    found = measure(labelled())
    for reason in SURE:
        assert found.scores[reason].precision >= 0.95, reason.label


def test_the_floor_can_be_missed():
    blind = Classifier(
        "rule = []\nbroken = []\n"
        '[unknown]\nfailure = "undefined"\nreason = "not_defined"\n'
        '[nonsense]\nfailure = "undefined"\nreason = "not_defined"\n'
    )
    assert measure(labelled(), blind).share_right == 0


def test_the_command_prints_both_halves_and_a_table(capsys):
    main(["--errors"])
    said = capsys.readouterr().out
    assert "held out: " in said
    assert "| user_unknown |" in said
