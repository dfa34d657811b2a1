"""``affinity_not_configured`` and ``affinity_on_stopped_mta``: nobody who runs may send it."""

import difflib

from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.group import Group


def configured(group: Group, facts: Facts) -> Stop | None:
    """No instance has the affinity, or one that runs goes by a configuration without it."""
    name = group.delivery.affinity
    owners = _owners(name, facts)
    is_defined = facts.affinity(name) is not None
    if _is_served(group, facts) or (is_defined and owners and not _that_run(name, facts)):
        return None
    served = sorted(facts.served)
    evidence = {
        "affinity": name,
        "instances": {f"mta@{each.name}": list(each.affinities) for each in facts.instances},
        "nearest": next(iter(difflib.get_close_matches(name, served, n=1)), None),
    }
    if not is_defined:
        known = difflib.get_close_matches(name, [*facts.configuration.affinity], n=1)
        hint = f"; did you mean {known[0]!r}?" if known else ""
        has = ", ".join(served) or "none"
        return Stop(
            f"no running MTA instance has affinity {name!r} (they have: {has}){hint}",
            f"Define [affinity.{name}] and name it under an [mta.NAME]; or cancel the delivery and "
            "submit it with another affinity.",
            evidence,
        )
    behind = _that_run(name, facts)
    if behind:
        which = ", ".join(f"mta@{each}" for each in behind)
        return Stop(
            f"{which} should serve affinity {name!r}, and goes by a configuration without it",
            "Have it follow the file.",
            evidence,
            command="mtalab config apply",
        )
    has = ", ".join(served) or "none"
    return Stop(
        f"no MTA instance is configured with affinity {name!r} (they have: {has})",
        f"Add {name!r} to the affinities of an [mta.NAME].",
        evidence,
    )


def started(group: Group, facts: Facts) -> Stop | None:
    """Only instances that do not run have the affinity."""
    name = group.delivery.affinity
    if _is_served(group, facts) or not (facts.workers or facts.instances):
        return None
    owners = _owners(name, facts)
    if not owners or facts.affinity(name) is None or _that_run(name, facts):
        return None
    which = ", ".join(f"mta@{each}" for each in owners)
    halted = [each for each in owners if each in facts.view.halts]
    if halted:
        by = facts.view.halts[halted[0]].by
        stopped = ", ".join(f"mta@{each}" for each in halted)
        words = f"only {which} has affinity {name!r}, and {stopped} was stopped by hand ({by})"
        command = f"mtalab mta start {halted[0]}"
    else:
        words = f"only {which} has affinity {name!r}, and does not run"
        command = f"mtalab mta run {owners[0]}"
    evidence = {
        "affinity": name,
        "instances": [
            {
                "name": f"mta@{each}",
                "stopped_by": facts.view.halts[each].by if each in halted else None,
            }
            for each in owners
        ],
    }
    return Stop(words, "Start it.", evidence, command=command)


def _is_served(group: Group, facts: Facts) -> bool:
    name = group.delivery.affinity
    if group.hand is not None:
        return True
    return name in facts.served and (facts.affinity(name) is not None or bool(facts.serving(name)))


def _owners(name: str, facts: Facts) -> list[str]:
    """Instances that have the affinity by the file; those not in it, by what they said last."""
    by_file = {each for each, mta in facts.configuration.mta.items() if name in mta.affinities}
    told = {each.name for each in facts.view.instances if name in each.affinities}
    return sorted(by_file | (told - facts.configuration.mta.keys()))


def _that_run(name: str, facts: Facts) -> list[str]:
    running = {each.name for each in facts.instances} | {each.instance for each in facts.workers}
    return [each for each in _owners(name, facts) if each in running]
