"""Reports: a view rendered into one self-contained file. The same assessment gives the same bytes; data is never a template."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from scanner.assessment import Assessment
from scanner.i18n import _
from scanner.inert import inert
from scanner.report_view import View


def as_json(assessment: Assessment) -> bytes:
    """The assessment's own bytes."""
    return assessment.written()


def as_html(view: View, language: str) -> bytes:
    """The report as one HTML file without script, that loads nothing and opens from a USB stick."""
    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("report_templates", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_shown,
    )
    style = files("report_templates").joinpath("style.css").read_text("utf-8")
    page = environment.get_template("report.html.j2").render(
        view=view,
        lang=language,
        style=Markup(style),  # noqa: S704 - our own file, and the policy names its digest
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        share=lambda part: f"{part * 100 / view.counted:.1f}" if view.counted else "0",
        _=_,
    )
    return page.encode()


def _shown(value: object) -> object:
    """Whatever stands in the template between braces, before it is escaped: no field can be forgotten."""
    return inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value
