"""The rate limiter holds in every window, whoever owns the lane."""

from hypothesis import given
from hypothesis import strategies as st

from affinity.gcra import Gcra

NOW = 1_800_000_000.0
limits = st.integers(1, 100_000)


@st.composite
def limiters(draw):
    per_hour = draw(limits)
    burst = draw(st.none() | st.integers(1, min(per_hour, 500)))
    return per_hour, Gcra.per_hour(per_hour, burst)


@given(limiters(), st.lists(st.floats(0, 900), min_size=1, max_size=40), st.data())
def test_no_hour_holds_more_than_the_limit(limiter, pauses, data):
    """As fast as allowed, with pauses; at most the limit in [t, t + 1 h) from any message."""
    per_hour, gcra = limiter
    tat, now, sent = None, NOW, []
    for pause in pauses:
        now += pause
        for _ in range(data.draw(st.integers(1, 60))):
            now = max(now, gcra.earliest(tat))
            tat = gcra.spend(tat, now)
            sent.append(now)
    for first, start in enumerate(sent):
        inside = sum(start <= each < start + 3600 for each in sent[first:])
        assert inside <= per_hour


@given(st.integers(1, 400), st.data())
def test_the_limit_can_be_used_up(per_hour, data):
    """A lane that sends as fast as it may is within one part in a thousand of its limit."""
    burst = data.draw(st.integers(1, per_hour))
    gcra = Gcra.per_hour(per_hour, burst)
    tat, now, count = None, NOW, 0
    while True:
        now = max(now, gcra.earliest(tat))
        if now >= NOW + 3600 * 1.001:
            break
        tat = gcra.spend(tat, now)
        count += 1
    assert count >= per_hour


@given(limiters(), st.floats(0, 60), st.integers(0, 300))
def test_room_is_what_can_be_sent_until_the_horizon(limiter, horizon_s, used):
    _, gcra = limiter
    tat = gcra.after(None, NOW, used)
    room = gcra.room(tat, NOW, horizon_s)
    now, count = NOW, 0
    while count <= room and (at := max(now, gcra.earliest(tat))) <= NOW + horizon_s:
        tat, now, count = gcra.spend(tat, at), at, count + 1
    assert abs(count - room) <= 1  # the last one may fall on the horizon itself, to a rounding


@given(limiters(), st.floats(0, 30), st.integers(1, 400))
def test_a_new_owner_after_a_crash_never_exceeds_the_limit(limiter, lease_s, sent_before):
    """Whatever the lost owner sent within its lease, the worst case is at least its state."""
    _, gcra = limiter
    tat, now = None, NOW
    for _ in range(sent_before):
        at = max(now, gcra.earliest(tat))
        if at > NOW + lease_s:
            break
        tat, now = gcra.spend(tat, at), at
    worst = gcra.worst_case(NOW + lease_s)
    assert tat is None or worst >= tat
