"""Plans of readers: of dice alone, in time, and as often as they say."""

from hypothesis import given
from hypothesis import strategies as st

from tracking.readers.assigning import Persona, persona_of, personas
from tracking.readers.plan import What, Who, chosen, plan
from tracking.readers.settings import Delay, Reader
from world.chance import SeededChance

SHARE = st.floats(0, 1)
DELAY = st.builds(Delay, median=st.floats(0, 1e6), sigma=st.floats(0, 5))
READER = st.builds(
    Reader,
    opens=SHARE,
    delay=DELAY,
    within=st.floats(1, 1e7),
    reopens=SHARE,
    reopen_delay=DELAY,
    clicks=SHARE,
    more_clicks=SHARE,
    click_delay=DELAY,
    mirror=SHARE,
    unsubscribes=SHARE,
    forwards=SHARE,
    proxy=st.sampled_from(["off", "unseen", "seen"]),
    scanner=st.booleans(),
)


@given(READER, st.integers())
def test_a_plan_is_made_of_its_seed_alone(reader, seed):
    assert plan(reader, SeededChance(seed)) == plan(reader, SeededChance(seed))


@given(READER, st.integers())
def test_acts_are_in_time_and_each_has_a_name_of_its_own(reader, seed):
    acts = plan(reader, SeededChance(seed))
    times = [each.after_s for each in acts]
    assert times == sorted(times)
    assert all(0 <= each <= reader.within for each in times)
    assert len({each.name for each in acts}) == len(acts)


@given(READER, st.integers())
def test_nobody_clicks_what_is_not_open(reader, seed):
    opened = set()
    for each in plan(reader, SeededChance(seed)):
        if each.what is What.OPEN:
            opened.add(each.who)
        elif not each.what.is_machine:
            assert each.who in opened


@given(READER, st.integers())
def test_only_machines_act_on_what_nobody_opens(reader, seed):
    acts = plan(reader.model_copy(update={"opens": 0.0}), SeededChance(seed))
    assert all(each.what.is_machine for each in acts)


@given(st.lists(st.floats(0, 1e6), max_size=8), st.floats(0, 1, exclude_max=True))
def test_what_has_no_weight_is_never_chosen(weights, draw):
    place = chosen(weights, draw)
    assert (place is None) == (sum(weights) == 0)
    assert place is None or weights[place] > 0


def shares_of(reader, count=4000):
    plans = [plan(reader, SeededChance(f"a/{number}")) for number in range(count)]

    def share(what, who=Who.RECIPIENT):
        return sum(any(a.what is what and a.who is who for a in each) for each in plans) / count

    return share


def test_shares_are_what_they_say():
    reader = Reader(opens=0.6, clicks=0.5, unsubscribes=0.1, forwards=0.2, within=1e9)
    share = shares_of(reader)
    assert abs(share(What.OPEN) - 0.6) < 0.03
    assert abs(share(What.CLICK) - 0.3) < 0.03
    assert abs(share(What.OPT_OUT) - 0.06) < 0.015
    assert abs(share(What.OPEN, Who.FRIEND) - 0.12) < 0.02


def test_half_of_all_are_sooner_than_the_median():
    reader = Reader(opens=1.0, delay=Delay(median=7200, sigma=1.2), within=1e9)
    times = [plan(reader, SeededChance(f"b/{number}"))[0].after_s for number in range(4000)]
    assert abs(sum(each < 7200 for each in times) / 4000 - 0.5) < 0.03
    assert abs(sum(each < 7200 * 3.32 for each in times) / 4000 - 0.841) < 0.03


ADDRESSES = [f"user{number}@a.test" for number in range(4000)]


def test_recipients_are_shared_out_in_the_order_of_the_file():
    these = personas({"a": Reader(share=0.3), "b": Reader(share=0.5)})
    found = [persona_of(these, 1, each) for each in ADDRESSES]
    names = [each and each.name for each in found]
    assert abs(names.count("a") / 4000 - 0.3) < 0.03
    assert abs(names.count("b") / 4000 - 0.5) < 0.03
    assert names.count(None) > 0


def test_a_mask_takes_all_that_it_names_and_no_other():
    these = personas({"a": Reader(recipients=("*@B.test", "vip?@*")), "b": Reader()})
    who = {each: persona_of(these, 1, each) for each in ("x@b.test", "vip1@c.test", "x@c.test")}
    assert [each.name for each in who.values()] == ["a", "a", "b"]


@given(st.emails(), st.integers())
def test_who_reads_is_of_seed_and_address_alone(address, seed):
    these = personas({"a": Reader(share=0.3), "b": Reader(share=0.3, recipients=("*a*",))})
    assert persona_of(these, seed, address) == persona_of(these, seed, address)


def test_what_is_given_wins_over_what_it_is_like():
    [persona] = personas({"a": Reader(like="guarded", opens=0.9)})
    assert isinstance(persona, Persona)
    assert (persona.reader.opens, persona.reader.scanner) == (0.9, True)
