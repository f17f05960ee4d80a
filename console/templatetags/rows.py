"""A list's rows, each rendered once for everybody who sees it alike.

Rendering is most of what a list costs, and most of its rows are what they were a second ago.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from django import template
from django.core.cache import caches
from django.db.models import Model
from django.template import loader
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from console import roles

register = template.Library()


@register.simple_tag(takes_context=True)
def row(context: dict[str, Any], template_name: str, **inputs: object) -> SafeString:
    """The template, given `inputs` and the user, whose roles it may ask for, and nothing else of the page.

    So its markup cannot depend on anything but its key: the inputs with what was fetched along with them, the
    roles, the language and the time zone.
    """
    user = context["user"]
    seen_as = (roles.roles_of(user), get_language(), timezone.get_current_timezone_name())
    facts = [(name, list(_facts(value, set()))) for name, value in sorted(inputs.items())]
    key = hashlib.sha256(repr((template_name, seen_as, facts)).encode()).hexdigest()
    rendered: str | None = caches["rows"].get(key)
    if rendered is None:
        rendered = str(loader.render_to_string(template_name, {**inputs, "user": user}))
        caches["rows"].set(key, rendered)
    return mark_safe(rendered)  # noqa: S308  # it is a template's own output


def _facts(value: object, met: set[int]) -> Iterator[object]:
    """What a row can show of a value: of a model instance its columns, and those of the ones fetched with it."""
    if not isinstance(value, Model):
        yield value
    elif id(value) not in met:
        met.add(id(value))
        yield [(name, column) for name, column in value.__dict__.items() if name != "_state"]
        for name, related in value._state.fields_cache.items():
            yield name
            yield from _facts(related, met)
