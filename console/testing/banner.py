"""What every page is given."""

from django.http import HttpRequest
from django.utils.translation import gettext as _

from console.testing import hook_state as hooks


def test_hooks(request: HttpRequest) -> dict[str, str]:
    """What the page says of the test hooks; nothing where there are none."""
    if not hooks.active():
        return {}
    on = _("Test hooks are on: whoever tests may slow down and break what this console does.")
    return {"test_hooks": " ".join([on, *hooks.describe(hooks.state())])}
