from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "console"

    def ready(self) -> None:
        from django.contrib.auth import signals
        from django.db.models.signals import post_migrate

        from console.accounts import roles, sessions
        from console.audit import audited as audit

        post_migrate.connect(roles.make_groups, sender=self)
        signals.user_logged_in.connect(audit.signed_in)
        signals.user_logged_in.connect(sessions.forget_expired)
        signals.user_logged_out.connect(audit.signed_out)
