from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"

    def ready(self) -> None:
        from backups.services.delete import mark_automated_for_removal
        from instances.signals import instance_deleting

        instance_deleting.connect(mark_automated_for_removal)
