"""The console's settings with Django's admin added, for `admin` alone."""

from tests.settings import *  # noqa: F403

INSTALLED_APPS += ["django.contrib.admin"]  # noqa: F405
ROOT_URLCONF = "tests.bench.admin_urls"
