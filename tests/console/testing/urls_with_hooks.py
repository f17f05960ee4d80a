"""The URLs of a console that was started with the test hooks."""

from django.urls import include, path

from console.urls import handler403
from console.urls import urlpatterns as others

__all__ = ["handler403", "urlpatterns"]

urlpatterns = [*others, path("test-hooks/", include("console.testing.hook_urls"))]
