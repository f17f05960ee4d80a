"""For whoever tests against the console: a real one on a free port, and an object for each page and dialog.

Nothing here needs Django's settings or its ORM: tests see what users see. pytest finds the fixtures by itself, once the
package is installed; see README's "For QA".
"""
