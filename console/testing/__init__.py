"""Tools for QA: the pytest plugin, page objects, test hooks, seed and reset.

The modules that tests import (plugin, pages, dialogs, hooks, server) need neither Django settings nor the ORM:
tests see what users see. The other modules are part of the console and may import any app.
"""
