"""Checks files as people do in continuous integration: with check-jsonschema."""

from __future__ import annotations

from pathlib import Path

from check_jsonschema import main
from click.testing import CliRunner


def refusal(path: Path, *schema: str) -> str:
    """What is wrong with the file; empty if it fits the schema."""
    done = CliRunner().invoke(main, [*schema, str(path)], prog_name="check-jsonschema")
    assert done.exit_code in (0, 1), done.output
    return done.output if done.exit_code else ""
