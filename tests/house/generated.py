"""Documents that are made from the code: state diagrams and the configuration reference.

``python -m tests.house.generated --write`` writes them; a house test fails when they are stale.
"""

import inspect
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from affinity.preset import PACING, PRESETS
from lab.checks.code import MEANINGS
from lab.configuration import LabConfiguration
from lab.scenario.acts import Act
from lab.scenario.schema import Delivery as ScenarioDelivery
from lab.scenario.schema import Scenario
from mail.cause import Cause
from mail.states import DELIVERY_NEXT, MESSAGE_NEXT, DeliveryStatus, MessageStatus

ROOT = Path(__file__).parents[2]


def state_machines() -> str:
    return "\n".join(
        [
            "# State machines",
            "",
            "Generated from `mail/states.py` by `make docs`. No status changes in any other way.",
            "",
            "## Message",
            "",
            *_diagram(MESSAGE_NEXT, MessageStatus.PENDING),
            "",
            "A message that is being transmitted is still pending: that it is in flight is a fact "
            "of its part's lease.",
            "",
            "## Delivery",
            "",
            *_diagram(DELIVERY_NEXT, DeliveryStatus.EDITING),
            "",
        ]
    )


def _diagram(table: Mapping[tuple[Any, Any], Any], first: str) -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {first}"
    for (before, event), after in table.items():
        yield f"    {before} --> {after}: {event}"
    yield "```"


def configuration() -> str:
    lines = [
        "# Configuration",
        "",
        "Generated from the code by `make docs`. The file is `mtalab.toml` in the working",
        "directory, or the one that `--config` or `MTALAB_CONFIG` names. Any key can be set from",
        "the environment: `MTALAB_LAB__STORE` is `store` under `[lab]` (two underscores between",
        "levels). A duration is `500ms`, `10s`, `5m`, `1h`, `5d` or a number of seconds.",
        "",
    ]
    for path, model in _tables(LabConfiguration, ""):
        lines += [f"## {path or 'Top level'}", "", inspect.cleandoc(model.__doc__ or ""), ""]
        lines += ["| key | default | meaning |", "|---|---|---|"]
        for name, field in model.model_fields.items():
            if _inner(field) is None:
                lines.append(f"| `{name}` | {_default(field)} | {_cell(field.description)} |")
        lines.append("")
    return "\n".join([*lines, *_presets()])


def _presets() -> Iterator[str]:
    """What a preset changes, beside what holds without it."""
    ours = LabConfiguration.model_validate({})
    other = LabConfiguration.model_validate({"preset": "campaign"})
    yield "## Presets"
    yield ""
    yield "What holds where the file has no such key; a key of the file always wins."
    yield ""
    yield "| key | `mtalab` | `campaign` |"
    yield "|---|---|---|"
    for key, value in PRESETS["campaign"].items():
        inner = value if isinstance(value, Mapping) else {None: value}
        for name in inner:
            pair = [getattr(each, key) for each in (ours, other)]
            shown = [_value(getattr(each, name) if name else each) for each in pair]
            yield f"| `{key}{'.' + name if name else ''}` | {shown[0]} | {shown[1]} |"
    shown = [f"`{PACING[each.preset]}`" for each in (ours, other)]
    yield f"| `mx_rule.pacing` | {shown[0]} | {shown[1]} |"
    yield ""


def _cell(text: str | None) -> str:
    return re.sub(r"\s+", " ", (text or "").replace("|", "\\|"))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "none" if value is None or value in ("", (), {}) else _value(value)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return (
            "`["
            + ", ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in value)
            + "]`"
        )
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    """The model that a field holds, once, by name or in a list."""
    found = [field.annotation]
    while found:
        each = found.pop()
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
        found.extend(get_args(each))
    return None


def _tables(model: type[BaseModel], path: str) -> Iterator[tuple[str, type[BaseModel]]]:
    yield path, model
    for name, field in model.model_fields.items():
        inner = _inner(field)
        if inner is None:
            continue
        annotation = str(field.annotation)
        head = path.strip("`[]")
        key = f"{head}.{name}" if head else name
        if "dict[" in annotation:
            yield from _tables(inner, f"`[{key}.NAME]`")
        elif "tuple[" in annotation:
            yield from _tables(inner, f"`[[{key}]]`")
        else:
            yield from _tables(inner, f"`[{key}]`")


def scenario_schema() -> str:
    schema = Scenario.model_json_schema(by_alias=True)
    schema["properties"]["topology"] = {
        "anyOf": [{"$ref": "#/$defs/LabConfiguration"}, {"type": "null"}],
        "default": None,
        "description": Scenario.model_fields["topology"].description,
    }
    lab = LabConfiguration.model_json_schema(by_alias=True)
    schema["$defs"] = {**schema["$defs"], **lab.pop("$defs"), "LabConfiguration": lab}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "mtalab scenario"}
    return json.dumps({**schema, **head}, indent=1, sort_keys=True) + "\n"


def events() -> str:
    """The table of events in docs/scenarios.md."""
    lines = ["| `do` | what happens | besides `at` |", "|---|---|---|"]
    for act in get_args(get_args(Act)[0]):
        (name,) = get_args(act.model_fields["do"].annotation)
        fields = [
            f"`{field.alias or key}`{'' if field.is_required() else ' (optional)'}"
            for key, field in act.model_fields.items()
            if key not in ("at", "do")
        ]
        words = _cell(inspect.cleandoc(act.__doc__ or ""))
        lines.append(f"| `{name}` | {words} | {', '.join(fields)} |")
    return "\n".join(lines)


def keys_of(model: type[BaseModel]) -> str:
    """The table of a model's keys."""
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        if name not in ("delivery", "event", "expect") or model is not Scenario:
            lines.append(f"| `{name}` | {_default(field)} | {_cell(field.description)} |")
    return "\n".join(lines)


def scenarios() -> str:
    """The page as it is, with its tables made anew."""
    text = (ROOT / "docs/scenarios.md").read_text(encoding="utf-8")
    made = {"events": events(), "top": keys_of(Scenario), "deliveries": keys_of(ScenarioDelivery)}
    for name, table in made.items():
        before, _, rest = text.partition(f"<!-- begin {name} -->")
        _, _, after = rest.partition(f"<!-- end {name} -->")
        text = f"{before}<!-- begin {name} -->\n{table}\n<!-- end {name} -->{after}"
    return text


def checks() -> str:
    """The page of the checks, with its table made anew."""
    lines = ["| code | severity | what is so |", "|---|---|---|"]
    lines += [
        f"| `{code}` | {code.severity} | {_cell(words)} |" for code, words in MEANINGS.items()
    ]
    text = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
    before, _, rest = text.partition("<!-- begin codes -->")
    _, _, after = rest.partition("<!-- end codes -->")
    table = "\n".join(lines)
    return f"{before}<!-- begin codes -->\n{table}\n<!-- end codes -->{after}"


GALLERY = ROOT / "examples" / "stuck-pending"


def gallery() -> str:
    """The page of the gallery, with its table made anew."""
    lines = ["| scenario | story | also for real |", "|---|---|---|"]
    files = {each.stem: each for each in GALLERY.glob("*.toml")}
    known = [str(each) for each in Cause if each in files]
    for name in (*known, *sorted(files.keys() - set(known))):
        given = tomllib.loads(files[name].read_text(encoding="utf-8"))
        is_real = "real" in given.get("modes", ())
        lines.append(f"| `{name}` | {_cell(given['story'].strip())} | {'yes' if is_real else ''} |")
    text = (GALLERY / "README.md").read_text(encoding="utf-8")
    before, _, rest = text.partition("<!-- begin gallery -->")
    _, _, after = rest.partition("<!-- end gallery -->")
    table = "\n".join(lines)
    return f"{before}<!-- begin gallery -->\n{table}\n<!-- end gallery -->{after}"


DOCUMENTS = {
    "examples/stuck-pending/README.md": gallery,
    "docs/scenario.schema.json": scenario_schema,
    "docs/scenarios.md": scenarios,
    "docs/state-machines.md": state_machines,
    "docs/checks.md": checks,
    "docs/configuration.md": configuration,
}


def stale() -> list[str]:
    """The documents that differ from what the code says now."""
    return [
        name
        for name, make in DOCUMENTS.items()
        if not (ROOT / name).exists() or (ROOT / name).read_text(encoding="utf-8") != make()
    ]


if __name__ == "__main__":
    if "--write" in sys.argv:
        for name, make in DOCUMENTS.items():
            (ROOT / name).write_text(make(), encoding="utf-8")
    print("\n".join(stale()) or "all documents are fresh")
    sys.exit(bool(stale()))
