from django.utils.functional import Promise


class Refused(Exception):
    """The rules do not allow a user's action now; nothing has been changed.

    The message is a sentence for that user. `field` is the form field that caused the refusal; None is the whole form.
    """

    def __init__(self, message: str | Promise, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
