"""`mtalab trace export` of a kept lab, to a collector that checks what OTLP wants."""

import sys
from collections import Counter
from contextlib import closing

import orjson
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from affinity.errors import BadConfiguration
from lab.cli.main import run
from lab.configuration import configuration_from
from lab.spans import otlp
from lab.spans.export import Export
from store import log, queues
from store.schema import open_store
from tests.fakes.otlp_receiver import attributes, receiving


@pytest.fixture
def collector():
    with receiving() as found:
        yield found


@pytest.fixture
def export(seen, collector, monkeypatch, capsys):
    """``export("--message", 3)``: its exit code and what it says."""

    def call(*words, otlp=None):
        given = ["--otlp", otlp or collector.url, "--config", seen.path, *words]
        monkeypatch.setattr(sys, "argv", ["mtalab", "trace", "export", *map(str, given)])
        code = 0
        try:
            run()
        except SystemExit as end:
            code = end.code or 0
        return code, capsys.readouterr()

    return call


def test_all_that_the_log_says_comes_as_one_trace_for_each_message(seen, collector, export):
    code, said = export("--json")
    assert code == 0
    done = orjson.loads(said.out)
    with closing(open_store(seen.store_url)) as store:
        last = store.read_now(log.last_transition_id)
        by_status = store.read_now(queues.by_reason)
    assert done["last"] == last
    assert done["spans"] == len(collector.spans)
    over = sum(count for status, _, count in by_status if status != "pending")
    roots = [each for each in collector.spans if not each.parent_span_id]
    assert len(roots) == len({each.trace_id for each in roots}) == over
    assert len({each.span_id for each in collector.spans}) == len(collector.spans)
    assert all(each.start_time_unix_nano <= each.end_time_unix_nano for each in collector.spans)
    resource = attributes(collector.requests[0].resource_spans[0].resource)
    assert resource["service.name"] == "mtalab"
    deferrals = [event for each in collector.spans for event in each.events]
    assert {"deferred", "accepted"} <= {event.name for event in deferrals}


def test_a_page_at_a_time_tells_the_same(seen, collector, monkeypatch):
    with closing(open_store(seen.store_url)) as store:
        last = store.read_now(log.last_transition_id)
        whole = Export(store, "seen", {}, lambda body: bool(collector.take(*OTLP, body)) and 0)
        whole.log(0, last)
        before = Counter(each.span_id for each in collector.spans)
        collector.requests.clear()
        monkeypatch.setattr("lab.spans.export.PAGE", 7)
        paged = Export(store, "seen", {}, lambda body: bool(collector.take(*OTLP, body)) and 0)
        paged.log(0, last)
    assert Counter(each.span_id for each in collector.spans) == before


OTLP = ("/v1/traces", "application/x-protobuf")


def test_one_message_and_its_attempts(seen, collector, export):
    with closing(open_store(seen.store_url)) as store:
        [message] = store.read_now(log.messages, log.Filter(status="sent"), limit=1)
    code, _ = export("--message", message.id)
    assert code == 0
    [root] = [each for each in collector.spans if not each.parent_span_id]
    assert attributes(root)["mtalab.message"] == message.id
    assert message.address not in str(collector.requests)
    kinds = {each.name: each.kind for each in collector.spans}
    assert kinds["attempt 1"] == Span.SPAN_KIND_CLIENT
    assert kinds["message"] == Span.SPAN_KIND_INTERNAL


def test_a_delivery_that_never_went_has_nothing_to_tell(export, collector):
    code, said = export("--delivery", 2, "--json")
    assert (code, collector.requests) == (0, [])
    assert orjson.loads(said.out)["messages"] == 30


def test_a_failed_message_is_an_error(seen, collector, export):
    with closing(open_store(seen.store_url)) as store:
        found = store.read_now(log.messages, log.Filter(status="failed"), limit=1)
    export("--message", found[0].id)
    codes = {each.status.code for each in collector.spans}
    bounced = any(each.name.startswith("afterwards") for each in collector.spans)
    assert bounced or Status.STATUS_CODE_ERROR in codes


def test_who_goes_on_after_the_last_sends_nothing_again(collector, export):
    _, said = export("--json")
    collector.requests.clear()
    code, said = export("--after", orjson.loads(said.out)["last"], "--json")
    assert (code, collector.requests, orjson.loads(said.out)["spans"]) == (0, [], 0)


def test_a_collector_that_refuses_is_told_of(collector, export):
    collector.refuses = 2
    _, said = export("--message", 1)
    assert "2 spans were refused" in said.err
    collector.status = 503
    code, said = export("--message", 1)
    assert code == 1
    assert "answered 503" in said.err
    code, said = export("--message", 1, otlp="http://127.0.0.1:9")
    assert code == 1
    assert "did not take the spans" in said.err


@pytest.mark.parametrize(
    ("words", "otlp", "what"),
    [
        ((), "http://192.0.2.7:4318", "outside this machine"),
        ((), "http://collector.example:4318", "nothing is looked up"),
        ((), "http://127.0.0.1:4318/?a=b", "without ?"),
        (("--message", "1", "--follow"), None, "by itself"),
        (("--message", "99999"), None, "99999"),
    ],
)
def test_what_cannot_be_meant_is_refused(export, words, otlp, what):
    code, said = export(*words, otlp=otlp)
    assert code == 2
    assert what in said.err


def test_without_the_extra_it_says_how_to_install_it(export, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.common.trace_encoder", None)
    code, said = export()
    assert code == 2
    assert "pip install 'mtalab[traces]'" in said.err
    with pytest.raises(otlp.NoTraces):
        otlp.encoded([], "lab")


def test_the_configuration_names_the_collector_and_stays_on_this_machine():
    found = configuration_from('[traces]\notlp = "http://127.0.0.1:4318"\n', "mtalab.toml")
    assert found.traces.otlp == "http://127.0.0.1:4318"
    with pytest.raises(BadConfiguration, match=r"mtalab\.toml:2: traces\.otlp.*outside"):
        configuration_from('[traces]\notlp = "http://192.0.2.7:4318"\n', "mtalab.toml")
    allowed = '[lab]\nallow_networks = ["192.0.2.0/24"]\n[traces]\notlp = "http://192.0.2.7:4318"\n'
    assert configuration_from(allowed, "mtalab.toml").traces.otlp == "http://192.0.2.7:4318"
