from django.utils.functional import Promise


class Refused(Exception):
    """A user's action that the rules do not allow now.

    The message is a sentence for that user. `field` names the form field that caused it; None means the
    form as a whole. Pages show it in the dialog, an API answers with it; nothing has been changed.
    """

    def __init__(self, message: str | Promise, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
