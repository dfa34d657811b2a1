"""``mtalab bounces judge`` and ``rules check``: which rule decides, and whether a file is one."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import print_json
from lab.submit.errors import UnreadableInput
from mail.errors import Where
from mail.outcome import Broken, Rejected, Stage
from mail.reply import Reply

if TYPE_CHECKING:
    from mta.classify import Classifier

_CODE: Final = re.compile(r"([245]\d\d)(?:[ -](.*))?", re.DOTALL)


def register(bounces: typer.Typer) -> None:
    @bounces.command()
    def judge(
        text: Annotated[str, typer.Argument(help="A reply such as '550 5.1.1 …', or an error.")],
        stage: Annotated[Stage, typer.Option(help="What it answered.")] = Stage.RCPT,
        attempt: Annotated[int, typer.Option(min=1, help="Which attempt it ended.")] = 1,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Say what a reply means here, which rule decides, and what that rule asks for."""
        from lab.compose import classifier_of

        classifier = classifier_of(loaded_from(config))
        told = _judged(classifier, text, stage, attempt)
        if json:
            print_json(told)
        else:
            _print(told)

    _register_rules(bounces)


def _judged(classifier: "Classifier", text: str, stage: Stage, attempt: int) -> dict[str, Any]:
    """The verdict about a text, in the shape of ``docs/json.md``."""
    found = _CODE.fullmatch(text.strip())
    answer: Rejected | Broken = Broken(text, stage)
    if found is not None:
        answer = Rejected(Reply(int(found[1]), (found[2] or "").strip()), stage)
    verdict = classifier.classify(answer, attempt)
    rule = classifier.rule_named(verdict.rule)
    asks = {} if rule is None else rule.model_dump(mode="json", exclude_defaults=True)
    return {
        "event": verdict.event,
        "failure": verdict.failure,
        "reason": None if verdict.reason is None else verdict.reason.label,
        "waits_for": verdict.cause,
        "rule": verdict.rule,
        "asks": {key: asks[key] for key in _ASKED if asks.get(key)},
    }


def _print(told: dict[str, Any]) -> None:
    waits = f" (waits for {told['waits_for']})" if told["waits_for"] else ""
    print(f"{told['event']}: {told['failure']}, {told['reason']}{waits}")
    print(f"rule {told['rule']}")
    for key, value in told["asks"].items():
        print(f"  {key:13} {value if isinstance(value, str | int) else ', '.join(value)}")


def _register_rules(bounces: typer.Typer) -> None:
    rules = typer.Typer(no_args_is_help=True, help="Files of bounce rules.")
    bounces.add_typer(rules, name="rules")

    @rules.command()
    def check(
        file: Annotated[Path, typer.Argument(help="A lab's own rules.")],
        json: JsonOption = False,
    ) -> None:
        """Check a file of a lab's own bounce rules."""
        from affinity.read_toml import read
        from mta.classify import Classifier, OwnRules

        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableInput(
                f"cannot be read: {error}",
                where=Where(str(file)),
                remedy="Give the path of a UTF-8 text file.",
            ) from error
        Classifier.with_own(text, file.name)
        own = read(text, file.name, OwnRules)
        if json:
            print_json({"file": str(file), "rules": len(own.rule), "broken": len(own.broken)})
        else:
            print(f"{file} is valid: {len(own.rule)} rules, {len(own.broken)} of broken attempts")


_ASKED: Final = ("code", "enhanced", "stage", "text", "attempts_max")
