"""Exports an executed notebook as a self-contained HTML file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.model.visible import visible
from kuryr_runbook.recording.pages.frame import Around, navigation, part, phase_places, policy

TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{{ resources.policy }}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_css -%}
{{ super() }}
{{ resources.include_css("static/theme-dark.css")
   | replace('<style type="text/css">', resources.dark) | replace('</style>', '}</style>') }}
<style>{{ resources.style }}</style>
{%- endblock -%}
{%- block body_header -%}
<body class="jp-Notebook" data-jp-theme-light="true">
{{ resources.navigation }}
<main>
{%- endblock body_header -%}
"""
"""JupyterLab's look without its scripts, which would be loaded from the internet, in both of its
themes: the reader's preference chooses."""
DARK = "<style>@media screen and (prefers-color-scheme: dark) {"
# Notebooks' outputs and the exporter style their elements themselves.
POLICY = policy("'unsafe-inline'")


def export_html(notebook: Path, around: Around) -> Path:
    """Write the notebook's HTML beside it, and return its path. Raises RecordError."""
    title = notebook.stem
    shared = {
        "policy": POLICY,
        "dark": DARK,
        "style": f"{part('frame.css')}{part('phase.css')}",
        "navigation": visible(navigation(phase_places(title, around))),
    }
    body, _ = _exporter().from_filename(str(notebook), resources=shared)
    target = notebook.with_suffix(".html")
    write_file(target, body, failure=RecordError)
    return target


@cache
def _exporter() -> Any:
    """nbconvert's exporter, cached because compiling its templates takes as long as a page."""
    from nbconvert import HTMLExporter

    return HTMLExporter(template_name="lab", raw_template=TEMPLATE)  # type: ignore[no-untyped-call]
