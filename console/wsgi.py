"""The WSGI application that the web server loads in each of its workers."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
application = get_wsgi_application()

# What is loaded by now stays. Pages make many objects that are gone with their answer: looking among all others for
# lost ones every few requests costs a tenth of the time.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 50, 100)
