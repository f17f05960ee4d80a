import copy
import pickle

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext_lazy, override

from backups.choices import BackupStatus
from console.audit.audited import record
from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from console.text.refused import Refused
from console.text.sentences import Sentence, Size, decode, encode, joined, kept, sentence
from instances.choices import InstanceType, Status
from instances.engines.base import EngineError
from instances.models import Host, Instance, Job
from instances.services import create_instance
from tests.factories import make_instance

MISSING = "The instance does not exist any more."


def in_chinese(text: str) -> str:
    """As somebody reads it who has the console in Chinese."""
    with override("zh-hans"):
        return str(decode(encode(text)))


def test_it_is_a_text_in_the_active_language() -> None:
    assert sentence(MISSING) == MISSING
    with override("zh-hans"):
        assert sentence(MISSING) == "实例已不存在。"


def test_what_was_kept_is_read_in_the_language_of_the_reader() -> None:
    assert in_chinese(sentence(MISSING)) == "实例已不存在。"
    with override("zh-hans"):
        written = encode(sentence("The archive %s is missing.") % "a.tar.zst")
    assert decode(written) == "The archive a.tar.zst is missing."


@pytest.mark.parametrize("figures", [{"name": "a", "why": "b"}, {"why": "100 %", "name": "%s"}])
def test_figures_stay_what_they_are(figures: dict[str, str]) -> None:
    said = sentence("The archive %(name)s is damaged: %(why)s.") % figures
    assert said == f"The archive {figures['name']} is damaged: {figures['why']}."
    assert in_chinese(said) == f"归档 {figures['name']} 已损坏：{figures['why']}。"


def test_an_exception_raised_with_one_says_it_as_one() -> None:
    inner = Refused(sentence(MISSING))
    assert isinstance(str(inner), Sentence)
    outer = sentence("The safety backup failed, so nothing was changed: %s") % inner
    assert outer == f"The safety backup failed, so nothing was changed: {MISSING}"
    assert in_chinese(outer) == "恢复前的备份失败，因此未做任何更改：实例已不存在。"


def test_a_label_in_it_is_translated_too_with_its_context() -> None:
    said = sentence("No backup can be made now. The instance is: %(status)s.") % {"status": Status.RESTARTING.label}
    assert said == "No backup can be made now. The instance is: Restarting."
    assert in_chinese(said) == "当前无法创建备份，实例状态为：重启中。"
    said = sentence("Only a finished backup can be locked. This one is: %(status)s.")
    said %= {"status": BackupStatus.FAILED.label}
    assert in_chinese(said) == "只有已完成的备份才能锁定，当前状态为：备份失败。"


def test_the_engine_s_reasons_are_translated_where_they_are_kept() -> None:
    error = EngineError(sentence("The collection %s is damaged.") % "shop.orders")
    assert str(error) == "The collection shop.orders is damaged."
    assert in_chinese(kept(error)) == "集合 shop.orders 已损坏。"


def test_a_size_is_written_by_the_reader_s_language() -> None:
    said = sentence("The databases need %(needed)s, but only %(free)s are free in %(path)s.")
    said %= {"needed": Size(5 * 1024**3), "free": Size(700), "path": "/var"}
    assert said == "The databases need 5.0\xa0GB, but only 700\xa0bytes are free in /var."
    assert in_chinese(said) == "数据库需要 5.0\xa0GB，但 /var 中仅剩 700\xa0字节 可用。"


@pytest.mark.parametrize(
    ("limit", "english"), [(1, "Use at least 1 character (it has 0)."), (4, "Use at least 4 characters (it has 0).")]
)
def test_a_plural_goes_by_its_figure_in_each_language(limit: int, english: str) -> None:
    one = "Use at least %(limit_value)d character (it has %(show_value)d)."
    many = "Use at least %(limit_value)d characters (it has %(show_value)d)."
    said = kept(ngettext_lazy(one, many, "limit_value")) % {"limit_value": limit, "show_value": 0}
    assert said == english
    assert in_chinese(said) == f"至少需要 {limit} 个字符（当前 0 个）。"
    with override("zh-hans"):
        written = encode(kept(ngettext_lazy(one, many, "limit_value")) % {"limit_value": limit, "show_value": 0})
    assert decode(written) == english
    assert in_chinese(copy.deepcopy(said)) == in_chinese(said)


def test_a_plural_may_know_its_number_from_the_beginning() -> None:
    backups = "%d backup is deleted.", "%d backups are deleted."
    assert kept(ngettext_lazy(*backups, 1)) % 1 == "1 backup is deleted."
    assert in_chinese(kept(ngettext_lazy(*backups, 2)) % 2) == "已删除 2 个备份。"


def test_several_are_joined() -> None:
    both = joined(" ", [sentence("The database server ended and is being started again."), "Port 1 is taken."])
    assert both == "The database server ended and is being started again. Port 1 is taken."
    assert in_chinese(both) == "数据库服务器已退出，正在重新启动。 Port 1 is taken."


@pytest.mark.parametrize("text", ["", "plain", '{"msgid": ', '{"msgid": 3}', '{"msgid": "%(a)s", "figures": []}'])
def test_a_text_that_is_no_sentence_is_read_as_it_is(text: str) -> None:
    assert decode(text) == text
    assert encode(text) == text


def test_copies_are_sentences() -> None:
    said = sentence("The archive %s is missing.") % gettext_lazy("Backup")
    for again in (copy.deepcopy(said), pickle.loads(pickle.dumps(said))):  # noqa: S301
        assert in_chinese(again) == in_chinese(said) == "归档 备份 不存在。"


@pytest.mark.django_db
def test_a_row_keeps_it_and_gives_it_in_the_reader_s_language() -> None:
    instance = make_instance()
    Instance.objects.filter(pk=instance.pk).update(failure=sentence("The instance has no port."))
    assert Instance.objects.get(pk=instance.pk).failure == "The instance has no port."
    with override("zh-hans"):
        read = Instance.objects.get(pk=instance.pk).failure
        assert read == "实例没有端口。"
        assert list(Instance.objects.values_list("failure", flat=True)) == [read]
    # What is read may be written on, into another row.
    Host.objects.filter(pk=instance.host_id).update(storage_failure=read)
    assert Host.objects.get(pk=instance.host_id).storage_failure == "The instance has no port."


@pytest.mark.django_db
def test_a_row_of_an_older_version_shows_as_it_is() -> None:
    instance = make_instance()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE instances_instance SET failure = %s", ["An old reason."])
    with override("zh-hans"):
        assert Instance.objects.get(pk=instance.pk).failure == "An old reason."
    assert not Instance.objects.filter(failure="").exists()


@pytest.mark.django_db
def test_the_reason_of_a_cancellation_fits_into_its_column() -> None:
    host = Host.objects.create(name="h", seen=timezone.now())
    reason = sentence("cancelled by %s") % ("ü" * 150)
    job = Job.objects.create(host=host, kind="backup", cancel_reason=reason)
    assert len(encode(reason)) <= (Job._meta.get_field("cancel_reason").max_length or 0)
    with override("zh-hans"):
        assert Job.objects.get(pk=job.pk).cancel_reason == f"已由 {'ü' * 150} 取消"


@pytest.mark.django_db
def test_the_audit_says_why_in_the_reader_s_language() -> None:
    with override("zh-hans"):
        record("dds", user=None, outcome=Outcome.REFUSED, reason=sentence(MISSING))
    assert AuditEvent.objects.get().reason == MISSING


@pytest.mark.django_db
def test_the_audit_says_each_broken_rule_of_a_form_in_the_reader_s_language(user: User) -> None:
    with override("zh-hans"), pytest.raises(ValidationError):
        create_instance(name="1\u00e9", type=InstanceType.SINGLE_NODE, requested_by=user)
    assert AuditEvent.objects.get().reason == (
        "Use at least 4 characters (it has 2). Start the name with a letter (A-Z or a-z). "
        "Use only letters (A-Z, a-z), digits, hyphens (-) and underscores (_)."
    )
    with override("zh-hans"):
        assert AuditEvent.objects.get().reason.startswith("至少需要 4 个字符（当前 2 个）。")
