from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.text import slugify

from console.accounts import passwords
from console.accounts import services as account
from console.accounts.roles import Role
from console.text.refused import Refused

ROLES = {slugify(role.value): role for role in Role}


class Command(BaseCommand):
    help = "Create a user with a role, or give another role to one that exists."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", choices=ROLES, required=True)

    def handle(self, *args: Any, name: str, role: str, **options: Any) -> None:
        try:
            self.set_or_create(name, ROLES[role])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        except Refused as refusal:
            raise CommandError(str(refusal.message)) from None

    def set_or_create(self, name: str, role: Role) -> None:
        user = User.objects.filter(username=name).first()
        if user:
            account.set_role(account=user, role=role, requested_by=None)
            self.stdout.write(f"{name} now has the role {role.value}.")
            return
        password = passwords.generate()
        account.create_user(name=name, password=password, role=role, requested_by=None)
        self.stdout.write(f"User:     {name} ({role.value})")
        self.stdout.write(f"Password: {password}   (shown only this once)")
