"""The picture of this lab's pipeline."""

from lab.host_facts import host_facts
from lab.instance_lines import lines
from lab.web.lab_here import LabHere
from monitor.flow.facts import InstanceFact
from monitor.flow.gather import flow
from monitor.flow.graph import Flow


def flow_here(lab: LabHere) -> Flow:
    now = lab.now()
    instances = [
        InstanceFact(each.name, each.state, each.workers, tuple(each.affinities))
        for each in lines(lab.store, lab.loaded, now)
    ]
    seen = host_facts(lab.store, now)
    return flow(lab.store, lab.loaded.configuration, now, instances, seen)
