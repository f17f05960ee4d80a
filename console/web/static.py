"""The storage of static files: each is served under a name with a hash of its content, and may be cached for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Rewrites the imports of the console's own modules to these names too.

    Django's support_js_module_import_aggregation does that for every file, and fails at an example in a comment of
    django-htmx.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", ((r'(?P<matched>(?P<before>\b(?:import|from) )"(?P<url>\./[^"]+)")', '%(before)s"%(url)s"'),)),
    )
