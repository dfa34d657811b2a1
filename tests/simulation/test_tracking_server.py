"""The tracking server in a simulated lab: who follows links, what is written, what is counted."""

import pytest
import tomli_w

from lab.simulation.simulation import simulated
from lab.simulation.storms.acts import Operators
from lab.simulation.storms.storm import Mail
from mail.address_status import AddressStatus
from mail.tracked import PIXEL, Kind
from store import address_search, audit, tracking_log, tracking_search
from store.tracking_search import Filter, indicators
from tests.fakes.tracked import OPT_OUT, OTHER, PERSONAL, ask, link, token, track
from tests.simulation.test_same_run import STEADY

LAB = {**STEADY.lab, "tracking": {"listen": "127.0.0.1:8026"}}


def entries(sim, **wanted):
    return sim.store.read_now(tracking_search.entries, Filter(**wanted), 1000)


def statuses(sim):
    found = sim.store.read_now(address_search.counts)
    return {status: count for status, count in found.items() if count}


@pytest.fixture
def lab(tmp_path):
    """Runs a coroutine function of a lab in which delivery 1 of four messages was sent."""

    def run(main, *, seed=1, tracking=None, **tracked):
        given = {**LAB, "tracking": {**LAB["tracking"], **(tracking or {})}}
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        with simulated(tomli_w.dumps(given), seed=seed, folder=folder) as sim:

            async def experiment():
                sim.start()
                await sim.until(2)
                Operators(sim, given).submit(Mail(2.0, {"two.test": 4}, part_size=8))
                track(sim.store, 1, **tracked)
                await sim.until(60)
                return await main(sim)

            found = sim.run(experiment())
            assert sim.machines.crashes == []
            return found

    return run


def test_a_click_leads_on_and_is_counted(lab):
    async def main(sim):
        first = await ask(link(2))
        assert (first.status, first.location) == (302, "https://shop.example/")
        again = await ask(link(PERSONAL, values=("x y", "é&c")), cookie=first.cookies)
        assert again.location == "https://shop.example/x%20y?b=%C3%A9&c"
        assert again.person == first.person
        pixel = await ask(link(PIXEL))
        assert (pixel.status, pixel.header("content-type")) == (200, "image/gif")
        await sim.until(80)
        found = entries(sim)
        assert [(each.kind, each.url, each.machine) for each in found] == [
            (Kind.CLICK, 2, None),
            (Kind.CLICK, PERSONAL, None),
            (Kind.OPEN, PIXEL, None),
        ]
        assert {each.person for each in found} == {first.person, ""}
        counted = sim.store.read_now(indicators, 1, humans_only=True)
        assert (counted.opened, counted.clicked, counted.persons) == (1, 1, 1)
        assert (counted.clicks, counted.opens) == (2, 1)

    lab(main, tracking={"scanner_within": "0s"})


def test_two_runs_of_a_seed_make_the_same_log(lab):
    async def main(sim):
        for url in (2, PIXEL, OPT_OUT, 2):
            await ask(link(url, 2))
        await sim.until(80)
        return [(each.event, each.at, each.person, each.machine) for each in entries(sim)]

    first = lab(main)
    assert len(first) == 4
    assert lab(main) == first
    assert lab(main, seed=2) != first


def test_opens_of_a_message_within_a_minute_count_once(lab):
    async def main(sim):
        for at in (61, 90, 130, 150, 200):
            await sim.until(at)
            await ask(link(PIXEL))
        await ask(link(PIXEL, 2))
        await sim.until(230)
        assert [each.message_id for each in entries(sim)] == [1, 1, 1, 2]
        counted = sim.store.read_now(indicators, 1, humans_only=False)
        assert (counted.opens, counted.opened) == (4, 2)

    lab(main)


def test_a_scanner_is_known_by_all_that_it_did(lab):
    async def main(sim):
        for url in (PIXEL, 2, OTHER):
            await ask(link(url), agent="Gateway")
        await ask(link(OPT_OUT), agent="Gateway")
        await sim.until(62)
        await ask(link(2))
        await ask(link(2, 2), method="HEAD")
        await ask(link(2, 3), agent="curl/8.1")
        await sim.until(80)
        found = [(each.message_id, each.kind, each.machine) for each in entries(sim)]
        assert found == [
            (1, Kind.OPEN, "scanner"),
            (1, Kind.CLICK, "scanner"),
            (1, Kind.CLICK, "scanner"),
            (1, Kind.CLICK, "scanner"),  # what it followed was the way to unsubscribe
            (1, Kind.CLICK, None),
            (2, Kind.CLICK, "head"),
            (3, Kind.CLICK, "agent"),
        ]
        humans = sim.store.read_now(indicators, 1, humans_only=True)
        everything = sim.store.read_now(indicators, 1, humans_only=False)
        assert (humans.clicks, humans.clicked, humans.opened) == (1, 1, 1)
        assert (everything.clicks, everything.clicked, everything.opt_outs) == (6, 3, 0)
        assert statuses(sim) == {}

    lab(main)


def test_who_unsubscribes_is_denylisted(lab):
    async def main(sim):
        page = await ask(link(2, 1, door="u"))
        assert (page.status, page.header("set-cookie")) == (200, None)
        assert b"<button" in page.body
        form = {"method": "POST", "content_type": "application/x-www-form-urlencoded"}
        refused = await ask(link(2, 1, door="u"), body=b"List-Unsubscribe=No", **form)
        assert refused.status == 400
        done = await ask(link(2, 2, door="u"), body=b"List-Unsubscribe=One-Click", **form)
        assert done.status == 200
        pressed = await ask(link(2, 3, door="u"), body=b"unsubscribe=yes", agent="curl/8", **form)
        assert pressed.status == 200
        followed = await ask(link(OPT_OUT, 4))
        assert followed.location == "https://shop.example/bye"
        await sim.until(80)
        assert [(each.message_id, each.kind, each.machine) for each in entries(sim)] == [
            (2, Kind.OPT_OUT, None),
            (3, Kind.OPT_OUT, None),
            (4, Kind.OPT_OUT, None),
        ]
        assert statuses(sim) == {AddressStatus.DENYLISTED: 3}
        assert sim.store.read_now(indicators, 1, humans_only=True).opt_outs == 3

    lab(main)


def test_what_is_no_link_of_ours_leads_nowhere(lab):
    async def main(sim):
        good = token(2)
        cases = {
            "/r/": 404,
            "/r/" + good[:-1]: 404,
            "/r/" + good[:-1] + ("A" if good[-1] != "A" else "B"): 404,
            "/r/" + good + "?1=more": 404,
            "/r/" + token(99): 404,
            "/r/" + token(2, delivery_id=77): 404,
            link(PERSONAL, values=("only one",)): 404,
            "/m/" + good: 404,
            "/w/" + good: 400,
            "/w/?page=x": 404,
            "/elsewhere": 404,
            "/": 404,
        }
        for path, status in cases.items():
            answer = await ask(path)
            assert (path, answer.status, answer.location) == (path, status, None)
            assert "x-content-type-options" in dict(answer.headers)
        assert (await ask("/r/" + good, method="POST")).status == 405
        assert (await ask("/m/" + good, method="DELETE")).status == 405
        assert (await ask("/r/" + good, host="evil.example")).status == 421
        await sim.until(80)
        assert entries(sim) == []
        (log,) = (sim.loaded.directory / "tracking").glob("*.jsonl")
        assert log.read_text().count('"refused"') == len(cases) + 3

    lab(main)


def test_a_link_of_a_deleted_delivery_leads_nowhere_soon(lab):
    from store import tables

    async def main(sim):
        assert (await ask(link(2))).status == 302
        gone = tables.tracked_delivery.delete()
        sim.store.write_now(lambda tx: tx.connection.execute(gone))
        await sim.until(100)
        await ask(link(2))  # by what is known; it is read anew meanwhile
        await sim.until(101)
        assert (await ask(link(2))).status == 404

    lab(main)


def test_expired_links_lead_where_they_should(lab):
    async def plain(sim):
        answer = await ask(link(2))
        assert (answer.status, answer.location) == (410, None)

    async def elsewhere(sim):
        answer = await ask(link(2))
        assert (answer.status, answer.location) == (302, "https://shop.example/late")

    lab(plain, valid_until=1.0)
    lab(elsewhere, valid_until=1.0, expired_url="https://shop.example/late")
    lab(plain, valid_until=1.0, expired_url="javascript:alert(1)")


def test_pages_that_a_reader_visits_are_known_by_the_cookie(lab):
    async def main(sim):
        click = await ask(link(2))
        await ask("/w/?page=basket", cookie=click.cookies)
        await ask("/w/?page=paid&amount=12.50&articles=3", cookie=click.cookies)
        await ask(f"/w/{token(2, 2)}?page=start")
        assert (await ask("/w/?page=x&amount=nan", cookie=click.cookies)).status == 400
        await sim.until(80)
        found = [(each.message_id, each.kind, each.page, each.amount) for each in entries(sim)]
        assert found == [
            (1, Kind.CLICK, None, None),
            (1, Kind.PAGE, "basket", None),
            (1, Kind.TRANSACTION, "paid", 12.5),
            (2, Kind.PAGE, "start", None),
        ]
        counted = sim.store.read_now(indicators, 1, humans_only=True)
        assert (counted.amount, counted.articles, counted.transactions) == (12.5, 3, 1)

    lab(main)


def test_links_work_while_the_store_is_away_also_after_a_restart(lab):
    async def main(sim):
        assert (await ask(link(2))).status == 302
        (server,) = sim.machines.living("tracking")
        server.is_cut_off = True
        assert (await ask(link(2, 2))).location == "https://shop.example/"
        assert (await ask(link(2, delivery_id=2))).status == 503
        sim.machines.on_spawn.append(lambda process: setattr(process, "is_cut_off", True))
        sim.machines.kill(server)
        await sim.until(70)
        (again,) = sim.machines.living("tracking")
        assert (await ask(link(2, 3))).location == "https://shop.example/"
        await sim.until(100)
        assert entries(sim) == []
        again.is_cut_off = False
        await sim.until(120)
        assert [each.message_id for each in entries(sim)] == [1, 2, 3]
        pointer = sim.store.read_now(tracking_log.read_to, "of the dead")
        assert pointer == 0
        assert len(list((sim.loaded.directory / "tracking").glob("*.jsonl"))) == 1

    lab(main, tracking={"keep_logs": "0s"})


def test_files_of_the_log_are_kept_for_a_while(lab):
    async def main(sim):
        await ask(link(2))
        await sim.until(80)
        (server,) = sim.machines.living("tracking")
        sim.machines.kill(server)
        await sim.until(90)
        folder = sim.loaded.directory / "tracking"
        assert len(list(folder.glob("*.jsonl"))) == 2
        await sim.until(3 * 3600)
        await ask(link(2))
        await sim.until(3 * 3600 + 20)
        assert len(list(folder.glob("*.jsonl"))) == 1
        assert len(entries(sim)) == 2

    lab(main, tracking={"keep_logs": "2h"})


def test_a_lab_without_keys_has_no_links(lab):
    from store import tables

    async def main(sim):
        sim.store.write_now(lambda tx: tx.connection.execute(tables.signing_key.delete()))
        assert (await ask(link(2))).status == 404

    lab(main)


def test_a_full_disk_loses_events_and_says_so(lab):
    async def main(sim):
        await ask(link(2))
        sim.machines.disks.are_receipts_full = True
        for message in (1, 2, 3):
            assert (await ask(link(2, message))).status == 302
        alive = await ask("/r/test", accept="application/json")
        assert b'"lost":3' in alive.body
        sim.machines.disks.are_receipts_full = False
        assert (await ask(link(2, 4))).status == 302
        assert b'lost="0"' in (await ask("/r/test")).body
        await sim.until(80)
        assert [each.message_id for each in entries(sim)] == [1, 4]
        said = [each.text for each in sim.store.read_now(audit.entries)]
        assert any(each.startswith("3 tracking events are lost") for each in said)

    lab(main)


def test_damaged_lines_do_not_stop_the_rest(lab):
    async def main(sim):
        await ask(link(2))
        (log,) = (sim.loaded.directory / "tracking").glob("*.jsonl")
        with log.open("ab") as file:
            file.write(b'{"at": 1, "kind"\n\xff\xfe\n[]\n')
        await ask(link(2, 2))
        await sim.until(80)
        assert [each.message_id for each in entries(sim)] == [1, 2]
        aside = log.with_suffix(".damaged")
        assert aside.read_bytes() == b'{"at": 1, "kind"\n\xff\xfe\n[]\n'
        said = [each.text for each in sim.store.read_now(audit.entries)]
        assert any(each.startswith("3 damaged lines") for each in said)

    lab(main)


def test_clicks_by_a_wrong_clock_are_put_to_a_time_that_can_be(lab):
    async def main(sim):
        (server,) = sim.machines.living("tracking")
        for skew in (-sim.now(), 2e9):
            server.skew_s = skew
            await ask(link(2))
        server.skew_s = 0.0
        await sim.until(80)
        early, late = entries(sim)
        assert sim.epoch <= early.at < sim.epoch + 3
        assert sim.epoch + 60 < late.at <= sim.epoch + 80
        assert (early.machine, late.machine) == (None, None)
        said = [each.text for each in sim.store.read_now(audit.entries)]
        assert any("a clock was wrong" in each for each in said)

    lab(main)
