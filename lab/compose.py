"""A worker put together from a loaded configuration."""

import functools
from collections.abc import Callable
from pathlib import Path

from affinity.lane import Limits, limits_of_group
from affinity.route import Routes
from lab.configuration import Loaded
from lab.destinations import destinations, signing_keys
from lab.machine import Machine
from mta.classify import Classifier
from mta.measures import Measures
from mta.settings import MtaSettings
from mta.signature import Signer
from mta.worker import World
from store.engine import Store
from tracking.rewriting import links_of_delivery
from world.log import SILENT, Log


def mta_settings(loaded: Loaded, instance: str, machine: Machine) -> MtaSettings:
    """The configuration as a worker of this instance sees it.

    Raises:
        UnusableFile: a password or the authorities of a route cannot be read.
    """
    configuration = loaded.configuration
    mta = configuration.mta[instance]
    routes = Routes(configuration.route)

    @functools.cache
    def limits_for(mx_group: str) -> Limits:
        return limits_of_group(configuration, routes, mx_group)

    return MtaSettings(
        instance=instance,
        affinities={
            name: configuration.affinity[name]
            for name in mta.affinities
            if name in configuration.affinity
        },
        limits_for=limits_for,
        destination_for=destinations(loaded).get,
        signer=Signer(signing_keys(loaded)),
        network=machine.network(loaded),
        retry=configuration.retry,
        pace=configuration.scheduler,
        heartbeat_s=mta.heartbeat,
        connections=mta.connections,
        domain=configuration.lab.domain,
        addresses=configuration.addresses,
        classifier=classifier_of(loaded),
    )


def classifier_of(loaded: Loaded) -> Classifier:
    """What judges answers and bounces in this lab.

    Raises:
        BadRules: its own rules are not valid.
    """
    return Classifier.with_own(loaded.own_rules, loaded.own_rules_path.name)


def worker_world(
    loaded: Loaded,
    instance: str,
    store: Store,
    machine: Machine,
    log: Callable[[int], Log] = lambda _: SILENT,
    measures: Measures | None = None,
) -> World:
    """The world for a worker process of this instance."""
    chance = machine.chance()
    stem = loaded.directory / "journal" / f"{instance}-{chance.token(8)}"
    return World(
        store=store,
        clock=machine.clock,
        chance=chance,
        journal=machine.journal(stem),
        process=machine.this_process,
        log=log,
        measures=measures or Measures(),
        traces=traces_of(loaded),
        tracking_of=links_of_delivery,
    )


def traces_of(loaded: Loaded) -> Path:
    """The folder where what was said on connections is kept."""
    return loaded.directory / "traces"
