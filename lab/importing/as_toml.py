"""An imported configuration as the text of a mtalab.toml that runs at once."""

import re
from collections.abc import Iterable
from typing import Any, Final

import tomli_w

from lab.importing.server_conf import ImportedIp, ServerConf

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_OTHERS: Final = "others"
FIRST_PORT: Final = 2601


def as_toml(conf: ServerConf, source: str) -> str:
    """The file's text. Each domain that a mask names has a route; all routes lead to a sink."""
    lines = [
        f"# Imported from {_text(source)} by `mtalab config import`. Public addresses became",
        "# loopback ones; public_address keeps them. docs/configuration.md describes every key.",
        "",
        '# The modelled system\'s numbers wherever this file has none; "mtalab" would be ours.',
        'preset = "campaign"',
        "",
        "[lab]",
        f"name = {_text(_slug(conf.instance))}",
    ]
    if conf.local_domain:
        lines.append(f"domain = {_text(conf.local_domain)}         # dnsConfig/localDomain")
    lines += [
        "",
        f"[mta.{_key(conf.instance)}]",
        f"affinities = [{', '.join(_text(name) for name in conf.affinities)}]",
        f"workers = {conf.workers}                       # master/maxSpareServers",
    ]
    for name, ips in conf.affinities.items():
        for ip in ips:
            lines += ["", f"[[affinity.{_key(name)}.ip]]", *_ip(ip)]
    tls = "opportunistic" if conf.tls else "off"
    lines += ["", "# Limits are not in serverConf.xml: add messages_per_hour and the like here."]
    lines += ["[[mx_rule]]", 'mask = "*"', f'tls = "{tls}"             # smtp/enableTLS']
    lines += ["", *_routes(conf), *_pace(conf)]
    return "\n".join(lines).rstrip() + "\n"


def _ip(ip: ImportedIp) -> Iterable[str]:
    yield f"address = {_text(ip.address)}"
    if ip.public != ip.address:
        yield f"public_address = {_text(ip.public)}"
    if ip.public_id is not None:
        yield f"public_id = {ip.public_id}"
    if ip.helo:
        yield f"helo = {_text(ip.helo)}"
    yield f"weight = {_number(ip.weight)}"
    if ip.include:
        yield f"include = [{', '.join(map(_text, ip.include))}]"
    if ip.exclude:
        yield f"exclude = [{', '.join(map(_text, ip.exclude))}]"


def _routes(conf: ServerConf) -> Iterable[str]:
    """A route for each mask, the narrow ones first, and one for all other domains."""
    yield '# Receivers: a sink of this lab; host = "address:port" in its place is another server.'
    masks = dict.fromkeys(
        mask
        for ips in conf.affinities.values()
        for ip in ips
        for mask in (*ip.include, *ip.exclude)
        if mask.strip("*")
    )
    names = {_OTHERS}
    for mask in sorted(masks, key=lambda each: (each.count("*") + each.count("?"), -len(each))):
        name = _slug(mask)
        while name in names:
            name += "-"
        names.add(name)
        yield f"[route.{name}]"
        yield f"domains = [{_text(mask)}]"
        yield 'sink = "receivers"'
        yield ""
    yield f"[route.{_OTHERS}]"
    yield 'domains = ["*"]'
    yield 'sink = "receivers"'
    yield ""
    yield "[sink.receivers]"
    yield f'listen = "127.0.0.1:{FIRST_PORT}"'


def _pace(conf: ServerConf) -> Iterable[str]:
    if conf.hold_s is None and conf.lane_window is None:
        return
    yield ""
    yield "[scheduler]"
    if conf.hold_s is not None:
        yield f"hold = {_number(conf.hold_s)}                     # child/maxAgeSec"
    if conf.lane_window is not None:
        yield f"lane_window = {conf.lane_window}                # child/maxWaitingMessages"


def _text(value: str) -> str:
    return _value(value)


def _number(value: float) -> str:
    return _value(int(value) if value == int(value) else value)


def _value(value: Any) -> str:
    return tomli_w.dumps({"k": value}).removeprefix("k = ").removesuffix("\n")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _slug(text: str) -> str:
    """A name of letters, digits and dashes."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return found or "lab"
