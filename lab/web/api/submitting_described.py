"""How OpenAPI tells of a submission, whose body comes in three kinds."""

from typing import Any, Final

from lab.web.submission import InForm, Submission, TermsAsked

_FILE: Final = {"type": "string", "format": "binary"}


def _schema(model: type[TermsAsked]) -> dict[str, Any]:
    """One schema without references to others."""
    found = model.model_json_schema(by_alias=True)
    defined = found.pop("$defs", {})
    return {key: _resolved(value, defined) for key, value in found.items()}


def _resolved(here: Any, defined: dict[str, Any]) -> Any:
    if isinstance(here, dict):
        if "$ref" in here:
            return _resolved(defined[here["$ref"].rpartition("/")[2]], defined)
        return {key: _resolved(value, defined) for key, value in here.items()}
    return [_resolved(each, defined) for each in here] if isinstance(here, list) else here


def _form() -> dict[str, Any]:
    found = _schema(InForm)
    found["properties"]["message"] = {**_FILE, "description": "A source, .eml."}
    found["properties"]["recipients"] = {
        **_FILE,
        "description": "CSV with a header, or JSON lines; pasted: addresses, one a line.",
    }
    found["required"] = [*found["required"], "recipients"]
    return found


def _parameters() -> list[dict[str, Any]]:
    """The terms in the query, beside a message as the body."""
    found = _schema(TermsAsked)
    told = [
        {
            "name": "to",
            "in": "query",
            "description": "With message/rfc822: a recipient; once for each.",
            "schema": {"type": "array", "items": {"type": "string"}},
        }
    ]
    for name, schema in found["properties"].items():
        words = f"With message/rfc822. {schema.get('description', '')}".strip()
        told.append({"name": name, "in": "query", "description": words, "schema": schema})
    return told


REQUEST: Final[dict[str, Any]] = {
    "parameters": _parameters(),
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _schema(Submission)},
            "multipart/form-data": {"schema": _form()},
            "message/rfc822": {"schema": {"type": "string"}},
        },
    },
}
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    201: {
        "description": "The delivery, as `mtalab submit --json` has it.",
        "headers": {
            "Location": {"schema": {"type": "string"}, "description": "The delivery."},
            "Idempotent-Replayed": {
                "schema": {"type": "string"},
                "description": "`true`: this was done before, with the same key.",
            },
        },
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["delivery", "held", "messages", "warnings", "findings"],
                    "properties": {
                        "delivery": {"type": "integer"},
                        "held": {"type": "boolean"},
                        "messages": {"type": "integer"},
                        "waves": {"type": "array", "items": {"type": "object"}},
                        "duplicates": {"type": "integer"},
                        "quarantined": {"type": "integer"},
                        "denylisted": {"type": "integer"},
                        "rejected": {"type": "integer"},
                        "rejects_file": {"type": "null"},
                        "rejects": {"type": "array", "items": {"type": "object"}},
                        "urls": {"type": "array", "items": {"type": "object"}},
                        "warnings": {"type": "array", "items": {"type": "string"}},
                        "findings": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}
