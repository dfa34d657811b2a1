"""What operators do in a storm: with deliveries, lanes, instances, sinks and the configuration."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import tomli_w

from affinity.errors import BadConfiguration
from affinity.lane import lane_of, limits_of_group
from affinity.plan import plan_of
from affinity.route import Routes
from lab.simulation.simulation import Simulation
from lab.simulation.storms.storm import Event, Mail
from mail.states import DeliveryEvent, MessageStatus
from sinks.errors import NoSuchSink
from store import deliveries, halts, lanes, operator, parts
from store.errors import CannotNow
from store.log_filter import Filter

_WHO: Final = "an operator"
_SOURCE: Final = b"From: sender@mtalab.test\r\nTo: {{ address }}\r\nSubject: Hi\r\n\r\nHello.\r\n"
_RETRY_MAX: Final = 1000
_RETRIED_FOR_S: Final = 5.0

Undo = Callable[[], None]


def _nothing() -> None:
    """It is over already."""


class Operators:
    """Do what a storm says; each act gives back how to undo it."""

    def __init__(self, sim: Simulation, lab: Mapping[str, Any]) -> None:
        self._sim = sim
        self._lab: dict[str, Any] = copy.deepcopy(dict(lab))
        self._deliveries: list[int] = []  # in the order of their submission
        self._names = 0
        self._do: dict[str, Callable[[Mapping[str, Any]], Undo]] = {
            "pause": self._pause,
            "cancel": self._cancel,
            "retry": self._retry,
            "suspend": self._suspend,
            "stop": self._stop,
            "become": self._become,
            "edit": self._edit,
        }

    def knows(self, do: str) -> bool:
        return do in self._do

    def act(self, event: Event) -> Undo:
        """Do it, if it can be done now."""
        return self._do[event.do](event.fields)

    def submit(self, mail: Mail) -> int:
        """Submit a delivery as ``lab.submit`` does, without files; returns its number."""
        store, now = self._sim.store, self._sim.now()
        plan = plan_of(self._sim.machines.loaded.configuration)
        contact_at = now + mail.contact_in_s
        new = deliveries.NewDelivery(
            label=f"mail {len(self._deliveries)}",
            affinity=mail.affinity,
            priority=mail.priority,
            part_size=mail.part_size,
            submitted_at=now,
            contact_at=contact_at,
            expires_at=contact_at + mail.validity_s,
            source_file="mail.eml",
            source=_SOURCE,
        )
        number = store.write_now(deliveries.create, new)
        made: list[parts.NewPart] = []
        for domain, count in mail.to.items():
            names = range(self._names, self._names + count)
            self._names += count
            messages = [parts.NewMessage(f"u{each}@{domain}", domain, "{}") for each in names]
            group, source_ips = plan(mail.affinity, domain)
            for start in range(0, count, mail.part_size):
                some = messages[start : start + mail.part_size]
                made.append(parts.NewPart(group, source_ips, some))
        store.write_now(parts.add, number, made, now)
        store.write_now(deliveries.confirm, number, now)
        self._sim.wrote(deliveries.confirm)
        self._deliveries.append(number)
        return number

    # --- deliveries ------------------------------------------------------------------------------

    def _steer(self, number: int | None, event: DeliveryEvent) -> bool:
        if number is None:
            return False
        try:
            self._sim.store.write_now(operator.steer, number, event, self._sim.now())
        except CannotNow:
            return False
        self._sim.wrote(operator.steer)
        return True

    def _delivery(self, fields: Mapping[str, Any]) -> int | None:
        place: int = fields["mail"]
        return self._deliveries[place] if place < len(self._deliveries) else None

    def _pause(self, fields: Mapping[str, Any]) -> Undo:
        number = self._delivery(fields)
        if not self._steer(number, DeliveryEvent.PAUSED):
            return _nothing

        def resume() -> None:
            self._steer(number, DeliveryEvent.RESUMED)

        return resume

    def _cancel(self, fields: Mapping[str, Any]) -> Undo:
        self._steer(self._delivery(fields), DeliveryEvent.CANCELLED)
        return _nothing

    def _retry(self, fields: Mapping[str, Any]) -> Undo:
        number = self._delivery(fields)
        if number is not None:
            wanted = Filter(delivery_id=number, status=MessageStatus.FAILED)
            now = self._sim.now()
            self._sim.store.write_now(operator.retry, wanted, 0, _RETRY_MAX, now, _RETRIED_FOR_S)
            self._sim.wrote(operator.retry)
        return _nothing

    # --- lanes, instances, sinks -----------------------------------------------------------------

    def _suspend(self, fields: Mapping[str, Any]) -> Undo:
        sim, configuration = self._sim, self._sim.machines.loaded.configuration
        limits = limits_of_group(configuration, Routes(configuration.route), fields["group"])
        key = str(lane_of(fields["ip"], fields["group"], limits))
        sim.store.write_now(lanes.suspend, [key], math.inf, "", _WHO, sim.now())
        sim.wrote(lanes.suspend)

        def resume() -> None:
            sim.store.write_now(lanes.resume, [key], _WHO, sim.now())
            sim.wrote(lanes.resume)

        return resume

    def _stop(self, fields: Mapping[str, Any]) -> Undo:
        sim, name = self._sim, fields["mta"]
        sim.store.write_now(halts.halt, name, _WHO, sim.now())
        sim.wrote(halts.halt)

        def start() -> None:
            sim.store.write_now(halts.lift, name, _WHO, sim.now())
            sim.wrote(halts.lift)

        return start

    def _become(self, fields: Mapping[str, Any]) -> Undo:
        self._names += 1
        name = f"q{self._names}"
        for handle in list(self._sim.machines.doors.values()):
            request = {"do": "set", "sink": fields["sink"], "personality": name}
            try:
                handle({**request, "personalities": {name: fields["personality"]}})
            except NoSuchSink:
                continue  # it is only just starting
        return _nothing

    # --- the configuration -----------------------------------------------------------------------

    def _edit(self, fields: Mapping[str, Any]) -> Undo:
        before = self._lab
        if not self._put(edited(before, fields)):
            return _nothing

        def put_back() -> None:
            self._put(before)

        return put_back

    def _put(self, lab: dict[str, Any]) -> bool:
        try:
            self._sim.edit(tomli_w.dumps(lab))
        except BadConfiguration:
            return False  # it is complained about, and nothing changes
        self._lab = lab
        return True


def edited(lab: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with one change."""
    found: dict[str, Any] = copy.deepcopy(dict(lab))
    match change:
        case {"remove_affinity": name}:
            for mta in found["mta"].values():
                mta["affinities"] = [each for each in mta["affinities"] if each != name]
        case {"workers": workers, "mta": name}:
            found["mta"][name]["workers"] = workers
        case {"limit": key, "value": value}:
            found["mx_rule"].append({"mask": "mx.one.test", key: value})
        case {"affinity": name}:
            affinity = found["affinity"][name]
            affinity["ip"] = _with(affinity["ip"], change)
        case _:
            raise AssertionError(change)
    return found


def _with(ips: Sequence[dict[str, Any]], change: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The source IPs of an affinity with one change."""
    match change:
        case {"remove_ip": address}:
            return [each for each in ips if each["address"] != address]
        case {"add_ip": address}:
            is_new = all(each["address"] != address for each in ips)
            return [*ips, {"address": address}] if is_new else [*ips]
        case {"weigh": address, "weight": weight}:
            return [
                each | ({"weight": weight} if each["address"] == address else {}) for each in ips
            ]
        case {"exclude": domain, "ip": address}:
            more = {"exclude": [domain]}
            return [each | (more if each["address"] == address else {}) for each in ips]
        case _:
            raise AssertionError(change)
