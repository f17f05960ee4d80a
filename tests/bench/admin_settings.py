"""The console's settings plus Django's admin, only for `admin`."""

from tests.settings import *  # noqa: F403

INSTALLED_APPS += ["django.contrib.admin"]  # noqa: F405
ROOT_URLCONF = "tests.bench.admin_urls"
