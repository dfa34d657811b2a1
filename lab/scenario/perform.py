"""An event of the timeline carried out: by the operator's own operations, or upon the machine."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from affinity.expected import nearest
from lab.editing.values import edited
from lab.replanning import replan_now
from lab.scenario import acts
from lab.scenario.errors import NothingOfTheName
from lab.scenario.surroundings import ScenarioLab
from mail.states import DeliveryEvent
from monitor.lanes import configured_lanes
from monitor.outlook import Circumstances, Outlook
from store import halts, lanes, log, operator, waves

WHO: Final = "the scenario"
REPLANNED_WITHIN_S: Final = 5.0
_CHUNK: Final = 2000
_STEERING: Final[Mapping[type, DeliveryEvent]] = {
    acts.Pause: DeliveryEvent.PAUSED,
    acts.Resume: DeliveryEvent.RESUMED,
    acts.Cancel: DeliveryEvent.CANCELLED,
    acts.Confirm: DeliveryEvent.CONFIRMED,
}


@dataclass
class Stage:
    """The lab, its configuration as it stands by now, and its deliveries by name."""

    lab: ScenarioLab
    topology: Mapping[str, Any]
    deliveries: dict[str, int]


async def perform(act: acts.Act, stage: Stage) -> None:
    """Do it."""
    lab = stage.lab
    match act:
        case acts.Up():
            await lab.up()
        case acts.Down():
            await lab.down()
        case acts.Configure():
            stage.topology = edited(stage.topology, act.set, act.remove)
            await lab.configure(stage.topology)
        case acts.Kill() | acts.Stall() | acts.Continue() | acts.CutOff() | acts.Rejoin():
            _to_a_process(act, lab)
        case acts.Become():
            lab.become(act.sink, act.personality)
        case acts.Replan():
            outlook = Outlook(lab.loaded.configuration, Circumstances())
            await replan_now(lab.loaded, lab.store, outlook, lab.clock, REPLANNED_WITHIN_S)
            lab.wrote()
        case acts.FillDisk() | acts.FreeDisk():
            lab.fill_disk(act.of, is_full=isinstance(act, acts.FillDisk))
        case _ if acts.needs_simulation(act):
            _to_the_machine(act, lab)
        case _:
            _by_the_operator(act, stage)
            lab.wrote()


def _to_a_process(act: acts.Act, lab: ScenarioLab) -> None:
    match act:
        case acts.Kill():
            lab.kill(act.what, act.point)
        case acts.Stall():
            lab.stall(act.what)
        case acts.Continue():
            lab.go_on(act.what)
        case acts.CutOff() | acts.Rejoin():
            lab.cut_off(act.what, is_cut=isinstance(act, acts.CutOff))
        case _:
            raise AssertionError(act)


def _to_the_machine(act: acts.Act, lab: ScenarioLab) -> None:
    match act:
        case acts.Skew():
            lab.skew(act.what, act.by)
        case acts.RemoveIp() | acts.AddIp():
            lab.lose_ip(act.address, is_lost=isinstance(act, acts.RemoveIp))
        case acts.Network():
            lab.network(act)
        case acts.LendNothing() | acts.LendAgain():
            lab.lend_nothing(is_so=isinstance(act, acts.LendNothing))
        case _:
            raise AssertionError(act)


def _by_the_operator(act: acts.Act, stage: Stage) -> None:
    store, now = stage.lab.store, stage.lab.clock.now()
    match act:
        case acts.StopInstance():
            store.write_now(halts.halt, _instance(act.instance, stage), WHO, now)
        case acts.StartInstance():
            store.write_now(halts.lift, _instance(act.instance, stage), WHO, now)
        case acts.Pause() | acts.Resume() | acts.Cancel() | acts.Confirm():
            number = stage.deliveries[act.delivery]
            store.write_now(operator.steer, number, _STEERING[type(act)], now)
        case acts.Retry():
            _retry(act, stage, now)
        case acts.StartWave():
            store.write_now(waves.begin, stage.deliveries[act.delivery], act.wave, WHO, now)
        case acts.SuspendLane():
            _see_to_lane(act.lane, stage)
            until = math.inf if act.lasts is None else now + act.lasts
            store.write_now(lanes.suspend, [act.lane], until, act.because, WHO, now)
        case acts.ResumeLane():
            store.write_now(lanes.resume, [act.lane], WHO, now)
        case _:
            raise AssertionError(act)


def _instance(name: str, stage: Stage) -> str:
    """The name of an instance that is configured, said with or without mta@."""
    plain = name.removeprefix("mta@")
    known = stage.lab.loaded.configuration.mta
    if plain not in known:
        raise NothingOfTheName(
            f"no instance {name!r} is configured{nearest(plain, known)}",
            remedy=f"These are: {', '.join(known) or 'none'}.",
        )
    return plain


def _see_to_lane(name: str, stage: Stage) -> None:
    known = [each.lane for each in configured_lanes(stage.lab.loaded.configuration)]
    if name not in known:
        raise NothingOfTheName(
            f"there is no lane {name!r}{nearest(name, known)}",
            remedy=f"These are configured: {', '.join(known[:10])}.",
        )


def _retry(act: acts.Retry, stage: Stage, now: float) -> None:
    wanted = log.Filter(delivery_id=stage.deliveries[act.delivery])
    validity_s = stage.lab.loaded.configuration.validity
    after = 0
    while True:
        step = stage.lab.store.write_now(operator.retry, wanted, after, _CHUNK, now, validity_s)
        after = step.last_id
        if after == 0:
            return
