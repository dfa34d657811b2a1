"""The picture of the pipeline: what stands is in it with its cause, and leads there."""

import re

import pytest

from lab.web.flow_drawing import WIDTH, drawing_of
from monitor.flow.graph import COLUMNS, Edge, Flow, Node, State


def nodes_of(flow, column):
    return {each["label"]: each for each in flow["nodes"] if each["column"] == column}


@pytest.fixture(scope="module")
def flow(served):
    answer = served.client.get("/api/v1/flow")
    assert answer.status_code == 200
    return answer.json()


def test_a_delivery_that_reaches_no_lane_ends_in_a_stop_with_its_cause(served, flow):
    stop = nodes_of(flow, "lane")["affinity not configured"]
    assert (stop["state"], stop["messages"]) == ("blocked", 30)
    assert "'nobody'" in stop["detail"]
    assert nodes_of(flow, "delivery")["stuck"]["state"] == "blocked"
    (edge,) = [each for each in flow["edges"] if each["target"] == stop["key"]]
    assert (edge["source"], edge["messages"]) == ("delivery:2", 30)
    text = served.client.get("/flow").text
    assert 'href="/deliveries/2/pending#affinity_not_configured"' in text
    assert '<span class="status failed">30 need a change</span>' in text


def test_what_is_put_off_waits(flow):
    waiting = [each for each in flow["nodes"] if each["state"] == "waiting" and each["cause"]]
    assert sum(each["messages"] for each in waiting) == 20


def test_the_ways_that_there_are_are_drawn_at_rest_too(flow):
    assert {"mta@m1"} == set(nodes_of(flow, "instance"))
    assert {"127.0.1.1", "127.0.1.2", "127.0.1.3"} <= set(nodes_of(flow, "source_ip"))
    assert {"full", "rest"} == set(nodes_of(flow, "destination"))
    assert nodes_of(flow, "destination")["rest"]["detail"].startswith("sink inbox")


def test_the_part_that_is_live_comes_alone_with_the_same_ids(served):
    whole = served.client.get("/flow").text
    part = served.client.get("/flow", headers={"HX-Request": "true"}).text
    ids = re.findall(r'id="(flow-[^"]+)"', part)
    assert ids
    assert set(ids) == set(re.findall(r'id="(flow-[^"]+)"', whole))
    assert len(ids) == len(set(ids))


def test_a_stop_is_reached_by_keyboard(served, tab):
    tab.goto(served.address + "/flow")
    tab.locator("a.box.blocked", has_text="affinity not configured").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/deliveries/2/pending#affinity_not_configured")


def test_boxes_of_a_column_do_not_touch_and_ribbons_fit_their_boxes():
    nodes = [
        Node(f"{column}:{number}", column, f"{column} {number}" * 9, "words " * 30,
             State.FLOWING, number, number * 10.0, (str(number),))
        for column in COLUMNS for number in range(8)
    ]  # fmt: skip
    edges = [
        Edge(f"{COLUMNS[at]}:{one}", f"{COLUMNS[at + 1]}:{other}", State.FLOWING, one, one * 3.0, 0)
        for at in range(4) for one in range(8) for other in range(8)
    ]  # fmt: skip
    drawing = drawing_of(Flow(0.0, 60.0, tuple(nodes), tuple(edges)))
    for one, other in zip(drawing.boxes, drawing.boxes[1:], strict=False):
        if one.node.column == other.node.column:
            assert one.y + one.height < other.y
    assert all(box.x + box.width <= WIDTH for box in drawing.boxes)
    assert all(box.y + box.height <= drawing.height for box in drawing.boxes)
    for box in drawing.boxes:
        mine = sum(each.width for each in drawing.ribbons if each.edge.source == box.node.key)
        assert mine <= box.height
