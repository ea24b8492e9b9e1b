"""This module serves the Attributes page and the review of Entra's schema file."""

from collections.abc import Callable, Mapping, Sequence

from flask import abort, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.administration import strict_attributes
from app.administration.errors import Refused
from app.observation.attributes import coverage
from app.observation.attributes.coverage import Coverage, MappedRow
from app.observation.attributes.mapping_hints import Hint, hints
from app.observation.attributes.mapping_review import UnreadableSchemaError, review
from app.scim.resource_types import ResourceType
from app.web.console.shared.filter_form import choice
from app.web.console.shared.list_paging import Column, export, export_format
from app.web.security import browser_session

VIEWS: Mapping[str, tuple[str, Callable[[MappedRow], bool]]] = {
    "all": ("All", lambda row: True),
    "warnings": ("With warnings", lambda row: any(hint.is_warning for hint in hints(row))),
    "never": ("Never sent", lambda row: not row.value_arrivals),
    "strict": ("Required here", lambda row: row.strict is not None),
}
"""The values of `?show=`: the title of each view, and which rows it contains."""


def demand(row: MappedRow) -> str:
    """Return the requirement level in the form that exports use."""
    return "required" if row.is_required else "strict" if row.strict else "expected"


REQUIREMENTS = {"required": "Required by SCIM", "strict": "Required here", "expected": "Recommended"}
"""The label of each requirement level."""


COLUMNS: Sequence[Column[MappedRow]] = (
    Column("resourceType", "Resource type", lambda row: row.resource_type),
    Column("attribute", "Attribute", lambda row: row.path),
    Column("type", "Type", lambda row: row.mapped.type),
    Column("demand", "Requirement", demand),
    Column("requests", "Requests", lambda row: row.count),
    Column("firstSeen", "First seen", lambda row: row.first or None),
    Column("lastSeen", "Last seen", lambda row: row.last or None),
    Column("shape", "Value type", lambda row: row.shape or None),
    Column("filled", "With a value", lambda row: row.filled),
    Column("total", "Of", lambda row: row.total),
    Column("filledPercent", "Coverage %", lambda row: row.percent),
    Column("remarks", "Notes", lambda row: " ".join(f"{one.text} {one.remedy}".strip() for one in hints(row))),
)


def attributes() -> Response | str:
    """Show the table of attributes, or return it as a file."""
    shown = choice("show", VIEWS)
    whole = _coverage()
    rows = {name: [row for row in of_type if VIEWS[shown][1](row)] for name, of_type in whole.rows.items()}
    if export_format():
        return export("attributes", COLUMNS, (row for of_type in rows.values() for row in of_type))
    return _page(whole, rows=rows, shown=shown)


def confirm_strict() -> str:
    """Ask for confirmation before an attribute becomes strict, and name the consequence."""
    row = _coverage().row(request.args.get("type", ""), request.args.get("attribute", ""))
    if row is None or not row.may_be_strict or row.strict:
        abort(404)
    return render_template("confirm_strict.html", row=row)


def set_strict() -> Response:
    """Make an attribute strict, or expected again."""
    form = request.form
    try:
        strict_attributes.set_strict(
            form.get("type", ""), form.get("attribute", ""), form.get("strict") == "yes", browser_session.actor()
        )
    except Refused as refused:
        return make_response(_page(_coverage(), refused=refused), 400)
    return redirect(url_for("console.attributes"), 303)


def review_schema() -> Response | str:
    """Show the review of a schema file, which is read in memory and not stored."""
    file = request.files.get("schema")
    content = file.read() if file else b""
    if not file or not file.filename:
        return make_response(_page(_coverage(), unreadable="No file was chosen."), 400)
    try:
        result = review(content, _resource_types())
    except UnreadableSchemaError as unreadable:
        return make_response(_page(_coverage(), unreadable=str(unreadable)), 400)
    return render_template("schema_review.html", review=result)


def _page(
    whole: Coverage,
    rows: Mapping[str, Sequence[MappedRow]] | None = None,
    shown: str = "all",
    refused: Refused | None = None,
    unreadable: str = "",
) -> str:
    notes: dict[str, dict[str, Sequence[Hint]]] = {
        name: {row.path: hints(row) for row in of_type} for name, of_type in whole.rows.items()
    }
    return render_template(
        "attributes.html",
        rows=whole.rows if rows is None else rows,
        hints=notes,
        warnings=sum(hint.is_warning for of_type in notes.values() for of_row in of_type.values() for hint in of_row),
        has_arrivals=any(row.arrivals or row.filled for of_type in whole.rows.values() for row in of_type),
        unknown=whole.unknown,
        unindexed=whole.unindexed,
        views={name: title for name, (title, _) in VIEWS.items()},
        shown=shown,
        demand=lambda row: REQUIREMENTS[demand(row)],
        refused=refused,
        unreadable=unreadable,
    )


def _coverage() -> Coverage:
    return coverage.read(_resource_types())


def _resource_types() -> Sequence[ResourceType]:
    types: Sequence[ResourceType] = current_app.config["RECNICE_RESOURCE_TYPES"]
    return types
