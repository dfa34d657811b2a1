"""warmup through its own entry point; and confirm and waves from Python."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from affinity.warmup import begin_of, day_of
from mail.errors import UserError
from mtalab import BadSubmission, Lab


def test_todays_quotas_are_shown(lab):
    began = datetime.now(UTC).date() - timedelta(days=1)
    file = Path("mtalab.toml")
    file.write_text(
        f'{file.read_text()}\n[[warmup]]\nip = "127.0.1.1"\nmx = "gmail.test"\n'
        f"plan = [50, 100]\nbegins = {began}\n"
    )
    assert lab("config", "check").code == 0
    [found] = lab("warmup", "--json").json
    ends = found.pop("day_ends_at")
    assert ends == begin_of(day_of(ends))
    assert found == {
        "source_ip": "127.0.1.1",
        "mx_group": "gmail",
        "affinity": None,
        "quota": 100,
        "spent": 0,
        "tomorrow": None,
    }
    out = lab("warmup").out
    assert "no limit" in out
    assert "today ends 20" in out


def test_quotas_of_affinities_are_shown_with_them(lab):
    file = Path("mtalab.toml")
    place = "[[affinity.promo.ip]]"
    file.write_text(
        file.read_text().replace(place, f"[affinity.promo]\nmessages_per_day = 70\n\n{place}", 1)
    )
    [found] = lab("warmup", "--json").json
    assert (found["affinity"], found["source_ip"], found["quota"]) == ("promo", None, 70)


def test_without_a_plan_there_is_nothing_to_show(lab):
    assert lab("warmup", "--json").json == []


def test_a_delivery_is_held_and_confirmed_from_python(lab):
    assert lab("deliveries").code == 0
    with Lab.open(".") as opened:
        done = opened.submit(
            message="From: a@b.test\n\nHi\n",
            recipients=[f"u{n}@gmail.test" for n in range(10)],
            affinity="promo",
            waves="40%:1h",
            hold=True,
        )
        assert opened.delivery(done).status == "ready"
        assert [each["messages"] for each in lab("wave", "list", 1, "--json").json] == [4, 4, 2]
        assert opened.confirm(done).status == "start_pending"
        with pytest.raises(UserError, match="cannot be confirmed"):
            opened.confirm(done)
        with pytest.raises(BadSubmission, match="makes no waves"):
            opened.submit(
                message="From: a@b.test\n\nHi\n",
                recipients=["a@b.test"],
                affinity="promo",
                waves="soon",
            )
