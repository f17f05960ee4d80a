"""Tags for the head of a page that load the console's own stylesheets and modules."""

from functools import cache

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

# In the order of the cascade: later components win over earlier ones. A page loads the components that it alone uses.
_COMPONENTS = "frame button form floating list cell narrow columns panel search help"
STYLESHEETS = ("tokens", "base", *(f"components/{name}" for name in _COMPONENTS.split()))


@register.simple_tag
@cache
def stylesheets() -> SafeString:
    """Link the stylesheets of every page, one link each, because the browser would load imports one after another."""
    return format_html_join("", "{}", ((stylesheet(name),) for name in STYLESHEETS))


@register.simple_tag
def stylesheet(name: str) -> SafeString:
    return format_html('<link rel="stylesheet" href="{}">\n', static(f"css/{name}.css"))


@register.simple_tag
@cache
def modules() -> SafeString:
    """Load the modules, with a preload link for each, so that the browser need not discover them import by import."""
    names = sorted(path.name for path in (settings.BASE_DIR / "static" / "js").glob("*.js"))
    preloads = format_html_join(
        "", '<link rel="modulepreload" href="{}">\n', ((static(f"js/{name}"),) for name in names)
    )
    return format_html('{}<script type="module" src="{}"></script>\n', preloads, static("js/console.js"))
