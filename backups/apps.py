from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"

    def ready(self) -> None:
        from backups import deleted_with_instance
        from backups.planned import next_backups
        from backups.services import deleting_instance
        from instances.signals import backups_planned, deletion_explained, instance_deleting

        instance_deleting.connect(deleting_instance.prepare)
        deletion_explained.connect(deleted_with_instance.explain)
        backups_planned.connect(next_backups)
