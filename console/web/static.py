"""The storage of static files. Their names contain a hash of the content, so browsers may cache them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also rewrites the imports in the console's own modules to these names.

    Django's support_js_module_import_aggregation does that for every file, and fails on an example in a comment of
    django-htmx.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", ((r'(?P<matched>(?P<before>\b(?:import|from) )"(?P<url>\./[^"]+)")', '%(before)s"%(url)s"'),)),
    )
