#!/usr/bin/env python3
"""The console's command line: `manage.py up` runs everything, `manage.py help` lists the rest."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("The console is not installed here. Run: python3 -m venv .venv && .venv/bin/pip install -e .")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"The configuration is not usable: {error}")


if __name__ == "__main__":
    main()
