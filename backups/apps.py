from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"

    def ready(self) -> None:
        from backups import services
        from instances.signals import instance_deleting

        instance_deleting.connect(services.mark_automated_for_removal)
