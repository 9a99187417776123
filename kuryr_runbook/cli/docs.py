"""`kuryr-runbook docs`: the documentation that belongs to this version, in the terminal."""

from __future__ import annotations

import click

from kuryr_runbook.cli.conventions import Command
from kuryr_runbook.cli.options import Output, answer, output_options


@click.command(
    cls=Command,
    examples=[
        "kuryr-runbook docs",
        "kuryr-runbook docs real-cloud",
        "kuryr-runbook docs troubleshooting",
    ],
)
@click.argument("page", required=False, metavar="[PAGE]")
@output_options
def docs(*, page: str | None, output: Output) -> None:
    """Show a page of the documentation, or without PAGE the list of pages.

    A page's document has its `markdown`.
    """
    from kuryr_runbook.display import documentation
    from kuryr_runbook.display.tables import table
    from kuryr_runbook.model.errors import UsageError

    titles = documentation.pages()
    if page is None:
        answer(
            output,
            lambda: table("Documentation", ("page", "is about"), titles.items()),
            lambda: [{"page": name, "title": title} for name, title in titles.items()],
        )
        return
    if page not in titles:
        raise UsageError(
            f"there is no page {page!r} in the documentation", remedy=f"pages: {', '.join(titles)}"
        )
    answer(
        output,
        lambda: documentation.Page(documentation.page(page)),
        lambda: {"page": page, "title": titles[page], "markdown": documentation.page(page)},
    )
