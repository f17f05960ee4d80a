"""The composition root: settings, URLs and commands. It may import every app; no app imports it."""
