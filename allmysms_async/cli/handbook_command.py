"""The command ``allmysms handbook``, and its options."""

from __future__ import annotations

import click

from allmysms_async.cli.option_group import as_json_option

__all__ = ["handbook"]


@click.command()
@click.argument("page", required=False)
@click.option("--path", "only_path", is_flag=True, help="Print where the pages are, or where PAGE is.")
@as_json_option
def handbook(page: str | None, only_path: bool, as_json: bool) -> int:
    """Read the handbook: PAGE, or the list of all pages. It is installed with the package and needs no network."""
    from allmysms_async.cli import handbook as book

    if only_path:
        click.echo(str(book.page_named(page).path if page else book.FOLDER))
        return 0
    return book.show_page(page, machine=as_json) if page else book.list_pages(machine=as_json)
