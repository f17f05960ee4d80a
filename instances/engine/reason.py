"""Why something could not be done. The engine knows no languages; those who show a reason may say it in theirs."""


class Reason(Exception):
    """A sentence for people: its text in English, and apart the figures that it has placeholders for."""

    def __init__(self, text: str, **figures: object) -> None:
        super().__init__(text % figures if figures else text)
        self.text, self.figures = text, figures
