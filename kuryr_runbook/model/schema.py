"""The JSON schema of a site file, for editors: `python -m kuryr_runbook.model.schema`."""

from __future__ import annotations

import json
import sys

from kuryr_runbook.model.site import Site


def render_schema() -> str:
    """The text of parameters/schema.json."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A site of kuryr-runbook",
        **{key: value for key, value in Site.model_json_schema().items() if key != "title"},
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render_schema())
