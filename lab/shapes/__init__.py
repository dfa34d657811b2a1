"""Values as ``docs/json.md`` has them: what commands print with ``--json`` and the API answers."""
