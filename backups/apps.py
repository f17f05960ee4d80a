from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"

    def ready(self) -> None:
        from backups import deleted_with_instance
        from backups.services.delete import mark_automated_for_removal
        from instances.signals import deletion_explained, instance_deleting

        instance_deleting.connect(mark_automated_for_removal)
        deletion_explained.connect(deleted_with_instance.explain)
