"""Turns a template and its values into HTML.

Everything is escaped unless it is `Markup`, and a name that isn't there is an error. The filters are
those of `words.py`; what needs the present gets it once for a page, as `now`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from webhost_sync import __version__
from webhost_sync.dashboard import words
from webhost_sync.dashboard.assets import asset_url, assets_by_url
from webhost_sync.dashboard.compiled import Compiled
from webhost_sync.dashboard.sparkline import bar, sparkline

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=Compiled(TEMPLATES.parent),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "asset": asset_url,
        "sparkline": sparkline,
        "bar": bar,
        "version": __version__,
        "query": lambda **values: urlencode({k: v for k, v in values.items() if v not in (None, "")}),
    }
    made.filters |= {
        "number": words.number,
        "counted": words.counted,
        "byte_size": words.byte_size,
        "milliseconds": words.milliseconds,
        "seconds": words.seconds,
        "duration": words.duration,
        "distance": words.distance,
        "area": words.area,
        "speed": words.speed,
        "browser": words.browser,
        "moment": words.moment,
        "writer": words.writer,
        "ago": _ago,
        "stamp": lambda moment: int(moment.timestamp()) if moment else "",
        "segment": lambda text: quote(str(text), safe=""),
    }
    return made


def make_ready(made: Environment) -> None:
    """Read every file, and every template or what it was compiled to: whoever looked first would wait for
    that, and every room with them."""
    assets_by_url()
    for name in made.list_templates():
        made.get_template(name)


def render(template: str, **values: object) -> str:
    """The page. Raises: jinja2.UndefinedError, jinja2.TemplateNotFound: bugs of ours."""
    return environment().get_template(template).render(now=datetime.now(UTC), **values)


@pass_context
def _ago(context: Context, moment: datetime | None, missing: str = "never") -> Markup:
    """A time as its distance from now, with the time itself for whoever points at it."""
    if moment is None:
        return escape(missing)
    return Markup('<time datetime="{iso}" title="{exact}">{text}</time>').format(
        iso=moment.isoformat(),
        exact=words.moment(moment),
        text=words.ago(moment, context["now"]),
    )
