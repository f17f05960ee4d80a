"""The context processor of the banner that shows that test hooks are on."""

from django.http import HttpRequest
from django.utils.translation import gettext as _

from console.testing import hook_state as hooks


def test_hooks(request: HttpRequest) -> dict[str, str]:
    """Return the banner's text, or an empty dict if the hooks are off."""
    if not hooks.active():
        return {}
    on = _("Test hooks are on: tests can slow down and break what this console does.")
    return {"test_hooks": " ".join([on, *hooks.describe(hooks.state())])}
