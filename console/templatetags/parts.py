"""Parts of a page, such as a list's rows, each rendered once for everybody who sees it alike.

Rendering is most of what a list costs, and most of its rows are what they were a second ago.
"""

import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

from django import template
from django.core.cache import caches
from django.db.models import Model
from django.template import loader
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from console.accounts import roles

register = template.Library()

# Stands for the progress while the part around it is rendered; unguessable, so no user's text is mistaken for it.
_PROGRESS = mark_safe(f"progress-{secrets.token_hex(16)}")  # noqa: S308  # it is made here


@register.simple_tag(takes_context=True)
def part(context: Any, template_name: str, *, job: Any = None, plain: bool = False, **inputs: object) -> SafeString:
    """The template, given `inputs` and the user, whose roles it may ask for, and nothing else of the page.

    So its markup cannot depend on anything but its key: the inputs with what was fetched along with them, the
    roles, the language and the time zone. With a `job` the template gets how far that is as `progress`, which moves
    every second, and is therefore rendered apart (`plain` as components/_progress.html has it).
    """
    if job is None:
        return mark_safe(_render(context, template_name, inputs))  # noqa: S308  # it is a template's own output
    shown = {"job": job, "reading": job.reading, "key": job.pk, "plain": plain}
    progress = loader.render_to_string("components/_progress.html", shown)
    around = _render(context, template_name, {**inputs, "progress": _PROGRESS})
    return mark_safe(around.replace(_PROGRESS, progress))  # noqa: S308  # as above


def _render(context: Any, template_name: str, inputs: dict[str, object]) -> str:
    user = context.get("user")
    # The same for all rows of a list, and not for nothing.
    seen_as = context.render_context.get(_seen_as)
    if seen_as is None:
        seen_as = context.render_context[_seen_as] = _seen_as(user)
    facts = [(name, list(_facts(value, set()))) for name, value in sorted(inputs.items())]
    key = hashlib.sha256(repr((template_name, seen_as, facts)).encode()).hexdigest()
    rendered: str | None = caches["parts"].get(key)
    if rendered is None:
        rendered = str(loader.render_to_string(template_name, {**inputs, "user": user}))
        caches["parts"].set(key, rendered)
    return rendered


def _seen_as(user: Any) -> str:
    return repr((roles.roles_of(user), get_language(), timezone.get_current_timezone_name()))


def _facts(value: object, met: set[int]) -> Iterator[object]:
    """What a part can show of a value. Of a model's instance: its columns, and those of the ones fetched with it.

    Not the columns that the model calls `volatile`: those change by themselves, and of them a part shows only what is
    given to it beside. Anything else that is more than its repr() says it in `facts`.
    """
    if isinstance(value, Model):
        if id(value) in met:
            return
        met.add(id(value))
        volatile = getattr(value, "volatile", ())
        yield [(name, column) for name, column in value.__dict__.items() if name != "_state" and name not in volatile]
        for name, related in value._state.fields_cache.items():
            yield name
            yield from _facts(related, met)
    else:
        yield getattr(value, "facts", value)
