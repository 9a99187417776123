"""Exports an executed notebook as a self-contained HTML file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.errors import RecordError

TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_css -%}
{{ super() }}
<style>div.highlight pre { white-space: pre-wrap; overflow-wrap: anywhere; }</style>
{%- endblock -%}
"""
"""JupyterLab's look without its scripts, which would be loaded from the internet. Long lines of
code, such as a run's parameters, are wrapped."""


def export_html(notebook: Path) -> Path:
    """Write the notebook's HTML beside it, and return its path. Raises RecordError."""
    body, _ = _exporter().from_filename(str(notebook))
    target = notebook.with_suffix(".html")
    write_file(target, body, failure=RecordError)
    return target


@cache
def _exporter() -> Any:
    """nbconvert's exporter, cached because compiling its templates takes as long as a page."""
    from nbconvert import HTMLExporter

    return HTMLExporter(template_name="lab", raw_template=TEMPLATE)  # type: ignore[no-untyped-call]
