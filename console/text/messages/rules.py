"""Messages about rules that user input breaks."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

TEXTS = {
    "rule.required": _("Fill in this field."),
    "rule.too_short": ngettext_lazy(
        "Use at least %(limit_value)d character (it has %(show_value)d).",
        "Use at least %(limit_value)d characters (it has %(show_value)d).",
        "limit_value",
    ),
    "rule.too_long": ngettext_lazy(
        "Use at most %(limit_value)d character (it has %(show_value)d).",
        "Use at most %(limit_value)d characters (it has %(show_value)d).",
        "limit_value",
    ),
    "rule.name_start": _("Start the name with a letter (A-Z or a-z)."),
    "rule.name_characters": _("Use only letters (A-Z, a-z), digits, hyphens (-) and underscores (_)."),
    "rule.user_name_start": _("Start the name with a letter or a digit."),
    "rule.user_name_characters": _("Use only letters (A-Z, a-z), digits and . _ - @ +"),
    "rule.forbidden_characters": _("Remove %(characters)s: it may not contain any of > ! < \" & ' ="),
    "rule.one_line": _("Write it on one line, without line breaks."),
    "rule.invisible": _("Remove %(characters)s: it may not contain tabs or other invisible characters."),
    "rule.password_uppercase": _("Add an uppercase letter (A-Z)."),
    "rule.password_lowercase": _("Add a lowercase letter (a-z)."),
    "rule.password_digit": _("Add a digit (0-9)."),
    "rule.password_special": _("Add one of %(special)s"),
    "rule.password_characters": _("Use only letters (A-Z, a-z), digits and %(special)s"),
    "rule.keep_days": _("Enter a whole number from 1 to 732."),
    "rule.weekdays": _("Choose at least one day of the week."),
    "rule.every_day": _("With a retention of 1 to 6 days, a backup is made every day."),
}
