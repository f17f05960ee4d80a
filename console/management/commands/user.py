import secrets
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.text import slugify

from console.accounts import services as account
from console.accounts.roles import Role

ROLES = {slugify(role.value): role for role in Role}


class Command(BaseCommand):
    help = "Create a user with a role, or give another role to one that exists."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", choices=ROLES, required=True)

    def handle(self, *args: Any, name: str, role: str, **options: Any) -> None:
        chosen = ROLES[role]
        user = User.objects.filter(username=name).first()
        if user:
            account.set_role(user=user, role=chosen, requested_by=None)
            self.stdout.write(f"{name} now has the role {chosen.value}.")
            if user.is_superuser:
                self.stderr.write(f"{name} is a superuser and keeps full access.")
            return
        password = secrets.token_urlsafe(12)
        try:
            account.create_user(name=name, password=password, role=chosen, requested_by=None)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"User:     {name} ({chosen.value})")
        self.stdout.write(f"Password: {password}   (shown only this once)")
