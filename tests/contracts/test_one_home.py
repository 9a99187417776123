"""Reading what comes from outside, and showing it, have one home each: nothing reads beside it.

What a module is exempt from stands here with the reason, and an exemption that is not needed any
more fails.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import kuryr_runbook

PACKAGE = Path(kuryr_runbook.__file__).parent
MODULES = sorted(
    path.relative_to(PACKAGE)
    for path in PACKAGE.rglob("*.py")
    # The lab reads what it wrote itself; what is in share/ runs elsewhere, without us.
    if path.relative_to(PACKAGE).parts[0] not in ("lab", "share")
)
READING = {
    "open", "io.open", "os.open", "os.fdopen", "Path.open",
    "yaml.load", "yaml.safe_load", "yaml.load_all", "yaml.compose", "yaml.parse", "yaml.scan",
    "json.load", "json.loads", "nbformat.read", "configparser.read", "pickle.load",
    "base64.b64decode", "base64.b32decode", "base64.b16decode", "base64.decodebytes",
    "pickle.loads", "tomllib.load", "tomllib.loads", "csv.reader", "ast.literal_eval",
}  # fmt: skip
SHOWING = {
    "print", "click.echo", "click.secho", "click.style", "click.echo_via_pager", "rich.print",
    "sys.stdout.write", "sys.stderr.write", "sys.stdout.buffer.write", "sys.stderr.buffer.write",
    "Console", "traceback.print_exc", "traceback.print_exception", "pprint.pprint",
}  # fmt: skip
ALLOWED = {
    "model/documents.py": {"json.loads", "base64.b64decode"},  # the home of parsing
    "clients/files.py": {"os.open", "open"},  # the home of reading
    "clients/writing.py": {"os.open", "os.fdopen"},  # the home of writing
    "clients/answers.py": {"json.loads"},  # the home of what APIs answer
    "clients/kubernetes/errors.py": {"json.loads"},  # the body of a refusal, of 500 characters
    "clients/secrets.py": {"json.loads"},  # lines that this package wrote into memory
    "clients/images/kuryr.py": {"read_bytes"},  # what the package carries
    "clients/provenance.py": {"read_text"},  # the metadata of this package
    "specs/upgrade_check.py": {"read_text"},  # what the package carries
    "specs/workload.py": {"read_text"},  # what the package carries
    "applying/image.py": {"json.loads"},  # a bill that was made a moment before
    "recording/pages/frame.py": {"read_text"},  # what the package carries
    "recording/contents.py": {"open", "os.open"},  # the same for runs, and through no link at all
    "clients/lock_files.py": {"os.open"},  # a directory, to lock it
    "cli/lab.py": {"Path.open"},  # a log of the lab's, to follow it
    "running/kernels.py": {"open"},  # the null device
    "display/live.py": {"Console"},  # its status line; all else is made visible before
    "display/documentation.py": {"Console"},  # into memory
    "display/tables.py": {"Console"},  # into memory
    "display/terminal.py": {"sys.stdout.write"},  # the home of showing
    "model/schema.py": {"sys.stdout.write"},  # the schema, for whoever develops
}


def dotted(node: ast.expr) -> str:
    """The name that is called, with what it is an attribute of where that is a plain name."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            before = dotted(value)
            return f"{before}.{name}" if before else name
    return ""


def imported(tree: ast.AST) -> dict[str, str]:
    """What a module calls what it imports, and its real name: `from json import loads`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            place = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            names |= {it.asname or it.name: f"{place}{it.name}" for it in node.names}
    return names


def calls(tree: ast.AST) -> Iterator[str]:
    names = imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            first, dot, rest = name.partition(".")
            real = f"{names.get(first, first)}{dot}{rest}"
            if real in READING | SHOWING:
                name = real
            last = name.rpartition(".")[2]
            if isinstance(node.func, ast.Attribute) and last in ("read_text", "read_bytes"):
                yield last
            elif name in READING | SHOWING:
                yield name
            elif last == "open" and "." in name and name.partition(".")[0] not in ("tarfile", "os"):
                yield "Path.open"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_nothing_reads_or_prints_beside_the_one_home(module: Path) -> None:
    found = set(calls(ast.parse((PACKAGE / module).read_text())))
    allowed = ALLOWED.get(str(module), set())
    assert found <= allowed, "use clients/files.py, model/documents.py or display/terminal.py"
    assert allowed <= found, f"no longer needed: {allowed - found}"


def test_every_exemption_is_of_a_module_that_there_is() -> None:
    assert not ALLOWED.keys() - {str(module) for module in MODULES}


@pytest.mark.parametrize(
    "source",
    ["open('x')", "path.read_text()", "a.b.read_bytes()", "import yaml\nyaml.safe_load('')",
     "json.loads('')", "path.open()", "from json import loads\nloads('')",
     "import json as j\nj.loads('')", "from os import open as x\nx('')",
     "print(1)", "click.echo('x')", "sys.stdout.write('x')"],
)  # fmt: skip
def test_the_contract_sees_what_it_is_about(source: str) -> None:
    assert [*calls(ast.parse(source))]
