"""The console's own modules in the head of a page."""

from functools import cache

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
@cache
def modules() -> SafeString:
    """Load the modules. All are named at once, so that the browser does not find them one import after another."""
    names = sorted(path.name for path in (settings.BASE_DIR / "static" / "js").glob("*.js"))
    preloads = format_html_join(
        "", '<link rel="modulepreload" href="{}">\n', ((static(f"js/{name}"),) for name in names)
    )
    return format_html('{}<script type="module" src="{}"></script>\n', preloads, static("js/console.js"))
