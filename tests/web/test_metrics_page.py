"""What Prometheus scrapes: names and types as it wants them, numbers as the lab has them."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from lab.web.metrics.catalogue import METRICS

ROOT = Path(__file__).parents[2]
BASE_UNITS = ("_seconds", "_bytes", "_messages", "_connections", "_limit")


@pytest.fixture(scope="module")
def families(served):
    answer = served.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {each.name: each for each in read_text(answer.text)}


def values(family, *labels):
    """Sample values by some of their labels."""
    return {tuple(each.labels[name] for name in labels): each.value for each in family.samples}


def test_messages_and_causes_are_those_of_the_lab(families):
    now = values(families["mtalab_messages_current"], "status")
    assert now["pending",] == 50
    assert sum(now.values()) == 110
    pending = values(families["mtalab_pending_messages"], "cause", "blocked")
    assert pending["affinity_not_configured", "true"] == 30
    assert sum(pending.values()) == 50
    attempts = families["mtalab_messages"].samples
    sent = sum(each.value for each in attempts if each.labels["status"] == "sent")
    assert sent == 60, "what bounced later had been taken"


def test_ages_are_a_histogram_of_all_that_is_pending(families):
    buckets = {
        each.labels["le"]: each.value
        for each in families["mtalab_pending_age_seconds"].samples
        if each.name.endswith("_bucket")
    }
    assert buckets["+Inf"] == 50
    assert buckets["300"] == 0
    assert list(buckets.values()) == sorted(buckets.values())
    (oldest,) = families["mtalab_pending_oldest_seconds"].samples
    assert 7000 < oldest.value < 7300


def test_what_processes_counted_came_with_their_heartbeats(families):
    looks = {each.labels["look"] for each in families["mtalab_wakeups"].samples}
    assert looks == {"claim", "pull", "round"}
    in_vain = values(families["mtalab_wakeups_in_vain"], "module", "worker", "look")
    assert all(value <= values(families["mtalab_wakeups"], "module", "worker", "look")[key]
               for key, value in in_vain.items())  # fmt: skip
    steps = {each.labels["step"] for each in families["mtalab_connection_step_seconds"].samples}
    assert {"connect", "ehlo", "message"} <= steps
    operations = {each.labels["operation"] for each in families["mtalab_store_seconds"].samples}
    assert {"settle", "claim", "beat", "view", "lease"} <= operations


def test_what_sinks_took_is_told(families):
    taken = values(families["mtalab_sink_received_messages"], "sink")
    assert taken["inbox",] == 60
    assert values(families["mtalab_sink_refused"], "sink")["full",] >= 20


def test_every_metric_is_of_the_catalogue_with_its_type_and_labels(families):
    known = {each.name: each for each in METRICS}
    shown = {name.removesuffix("_info"): family for name, family in families.items()}
    assert shown.keys() <= known.keys()
    for name, family in shown.items():
        metric = known[name]
        assert family.type == ("gauge" if metric.kind == "info" else metric.kind)
        assert family.documentation == metric.what
        for sample in family.samples:
            if metric.kind != "info":
                assert sample.labels.keys() - {"le"} == set(metric.labels), name


@pytest.mark.parametrize("metric", METRICS, ids=lambda each: each.name)
def test_names_are_as_the_conventions_have_them(metric):
    assert re.fullmatch(r"mtalab(_[a-z]+)+", metric.name)
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket", "_info"))
    assert not re.search(r"_(ms|minutes|hours|kb|mb)$", metric.name)
    assert metric.what.endswith(".")
    assert all(re.fullmatch(r"[a-z_]+", each) for each in metric.labels)
    assert "domain" not in metric.labels
    assert "address" not in metric.labels


def test_openmetrics_where_it_is_asked_for(served):
    kind = "application/openmetrics-text; version=1.0.0"
    answer = served.client.get("/metrics", headers={"Accept": kind})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert {each.name for each in read_openmetrics(answer.text)} >= {"mtalab_messages"}


def test_the_documents_and_the_dashboard_name_what_is_there():
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    for each in METRICS:
        assert f"`{each.shown}`" in text
    dashboard = json.loads((ROOT / "examples/grafana/mtalab.json").read_text(encoding="utf-8"))
    assert dashboard["schemaVersion"] >= 36
    asked = re.findall(r"mtalab_\w+", json.dumps(dashboard["panels"]))
    ends = {each.shown for each in METRICS}
    ends |= {f"{each.name}_{end}" for each in METRICS if each.kind == "histogram"
             for end in ("bucket", "sum", "count")}  # fmt: skip
    assert asked
    assert set(asked) <= ends
