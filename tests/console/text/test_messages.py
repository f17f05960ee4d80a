import copy
import pickle
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import override

from backups.choices import BackupStatus
from console.audit.audited import record
from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from console.text.messages import TEXTS, Count, Message, Size, decode, encode, joined, of_validation
from console.text.refused import Refused
from instances.choices import InstanceType, Status
from instances.engines.base import EngineError
from instances.models import Host, Instance, Job
from instances.services import create_instance
from tests.factories import make_instance, make_job


def in_chinese(text: str) -> str:
    """Store the text and return it as a viewer with the console in Chinese sees it."""
    with override("zh-hans"):
        return str(decode(encode(text)))


def test_a_message_has_its_text_in_the_active_language() -> None:
    assert Message("instance.gone") == "The instance no longer exists."
    with override("zh-hans"):
        assert Message("instance.gone") == "实例已不存在。"


def test_a_stored_message_is_shown_in_the_viewers_language() -> None:
    assert in_chinese(Message("instance.gone")) == "实例已不存在。"
    with override("zh-hans"):
        made = Message("archive.missing", name="a.tar.zst")
    assert str(made) == decode(encode(made)) == "The archive a.tar.zst is missing."


def test_a_message_is_stored_as_its_code_and_parameters() -> None:
    message = Message("archive.broken", name="a", why=Message("disk.full", why="ü"))
    assert encode(message) == (
        '{"code": "archive.broken", "params": {"name": "a", "why": {"code": "disk.full", "params": {"why": "ü"}}}}'
    )


@pytest.mark.parametrize("params", [{"name": "a", "why": "b"}, {"why": "100 %", "name": "%s"}])
def test_parameters_keep_their_values(params: dict[str, str]) -> None:
    message = Message("archive.broken", **params)
    assert message == f"The archive {params['name']} is damaged: {params['why']}."
    assert in_chinese(message) == f"备份文件 {params['name']} 已损坏：{params['why']}。"


def test_an_exception_as_a_parameter_is_its_message() -> None:
    outer = Message("restore.safety_backup_failed", why=Refused(Message("instance.gone")))
    assert outer == "The safety backup failed, so nothing was changed: The instance no longer exists."
    assert in_chinese(outer) == "恢复前的备份失败，因此未做任何更改：实例已不存在。"


def test_the_text_of_an_exception_is_its_message() -> None:
    error = EngineError(Message("server.collection_damaged", name="shop.orders"))
    assert str(error) == "The collection shop.orders is damaged."
    assert in_chinese(str(error)) == "集合 shop.orders 已损坏。"


def test_a_label_as_a_parameter_is_translated_with_its_context() -> None:
    message = Message("instance.not_available", status=Status.RESTARTING.label)
    assert message == "No backup can be made now. The instance is: Restarting."
    assert in_chinese(message) == "当前无法创建备份，实例状态为：重启中。"
    message = Message("backup.no_lock", status=BackupStatus.FAILED.label)
    assert message == "Only a finished backup can be locked. This one is: Failed."
    assert in_chinese(message) == "只有已完成的备份才能锁定，当前状态为：备份失败。"


def test_a_size_is_written_in_the_viewers_language() -> None:
    message = Message("archive.no_room", needed=Size(5 * 1024**3), free=Size(700), folder="/var")
    assert message == "The databases need 5.0\xa0GB, but only 700\xa0bytes are free in /var."
    assert in_chinese(message) == "数据库需要 5.0\xa0GB，但 /var 中仅剩 700\xa0字节 可用。"


def test_a_count_is_written_with_separators() -> None:
    message = Message("deployment.found_size", documents=Count(1234567), size=Size(5 * 1024**3))
    assert message == "The deployment has 1,234,567 documents and uses 5.0\xa0GB on disk."
    assert in_chinese(message) == "该部署有 1,234,567 个文档，占用磁盘 5.0\xa0GB。"


@pytest.mark.parametrize(
    ("limit", "english"), [(1, "Use at least 1 character (it has 0)."), (4, "Use at least 4 characters (it has 0).")]
)
def test_a_plural_follows_its_number_in_each_language(limit: int, english: str) -> None:
    with override("zh-hans"):
        message = Message("rule.too_short", limit_value=limit, show_value=0)
        assert message == f"至少需要 {limit} 个字符（当前 0 个）。"
    assert decode(encode(message)) == str(message) == english


def test_several_messages_can_be_joined() -> None:
    both = joined(" ", [Message("server.restarting"), "Port 1 is taken."])
    assert both == "The database server ended and is being started again. Port 1 is taken."
    assert in_chinese(both) == "数据库服务器已退出，正在重新启动。 Port 1 is taken."


@pytest.mark.parametrize("text", ["", "plain", '{"code": ', '{"code": "a"}', '{"code": "a", "params": 3}'])
def test_a_plain_text_is_read_unchanged(text: str) -> None:
    assert decode(text) == text
    assert encode(text) == text


@pytest.mark.parametrize("code", ["archive.forgotten", "archive.broken"])
def test_an_unknown_code_or_parameter_is_shown_as_it_is(code: str) -> None:
    assert decode(f'{{"code": "{code}", "params": {{"where": "here", "n": 3}}}}') == f"{code} where=here n=3"


def test_copies_of_a_message_are_messages() -> None:
    message = Message("archive.missing", name="a")
    for again in (copy.deepcopy(message), pickle.loads(pickle.dumps(message))):  # noqa: S301
        assert in_chinese(again) == in_chinese(message) == "备份文件 a 不存在。"


def test_a_message_stores_only_parameters_that_its_text_uses() -> None:
    message = of_validation(ValidationError(TEXTS["rule.too_short"], params={"value": "s3cret", "limit_value": 8}))
    assert "s3cret" not in encode(message)


def test_every_code_in_the_sources_is_in_the_table_and_every_text_is_used() -> None:
    sources = [
        path for app in ("console", "instances", "backups") for path in Path(settings.BASE_DIR, app).rglob("*.py")
    ]
    table = Path(settings.BASE_DIR, "console", "text", "messages")
    code = "".join(path.read_text() for path in sources if table not in path.parents)
    used = {each for each in re.findall(r'"(\w+\.\w+)"', code) if each in TEXTS}
    assert sorted(TEXTS.keys() - used) == []
    assert {each for each in re.findall(r'Message\(\s*"([^"]+)"', code) if each not in TEXTS} == set()


@pytest.mark.django_db
def test_a_row_stores_a_message_and_shows_it_in_the_viewers_language() -> None:
    instance = make_instance()
    Instance.objects.filter(pk=instance.pk).update(failure=Message("instance.no_port"))
    assert Instance.objects.get(pk=instance.pk).failure == "The instance has no port."
    with override("zh-hans"):
        read = Instance.objects.get(pk=instance.pk).failure
        assert read == "实例没有端口。"
        assert list(Instance.objects.values_list("failure", flat=True)) == [read]
    # A message that was read from one row can be written to another.
    Host.objects.filter(pk=instance.host_id).update(storage_failure=read)
    assert Host.objects.get(pk=instance.host_id).storage_failure == "The instance has no port."


@pytest.mark.django_db
def test_a_row_shows_a_plain_text_unchanged() -> None:
    instance = make_instance()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE instances_instance SET failure = %s", ["An old reason."])
    with override("zh-hans"):
        assert Instance.objects.get(pk=instance.pk).failure == "An old reason."
    assert not Instance.objects.filter(failure="").exists()


@pytest.mark.django_db
def test_the_reason_of_a_cancellation_fits_into_its_column() -> None:
    reason = Message("backup.cancelled_by", name="ü" * 150)
    job = make_job(cancel_reason=reason)
    assert len(encode(reason)) <= (Job._meta.get_field("cancel_reason").max_length or 0)
    with override("zh-hans"):
        assert Job.objects.get(pk=job.pk).cancel_reason == f"已由 {'ü' * 150} 取消"


@pytest.mark.django_db
def test_the_audit_shows_the_reason_in_the_viewers_language() -> None:
    with override("zh-hans"):
        record("dds", user=None, outcome=Outcome.REFUSED, reason=Message("instance.gone"))
    assert AuditEvent.objects.get().reason == "The instance no longer exists."


@pytest.mark.django_db
def test_the_audit_stores_only_the_message_of_a_broken_rule(user: User) -> None:
    with pytest.raises(ValidationError):
        create_instance(name="1\u00e9", type=InstanceType.SINGLE_NODE, requested_by=user)
    assert AuditEvent.objects.get().reason == (
        "Use at least 4 characters (it has 2). Start the name with a letter (A-Z or a-z). "
        "Use only letters (A-Z, a-z), digits, hyphens (-) and underscores (_)."
    )
    with override("zh-hans"):
        assert AuditEvent.objects.get().reason.startswith("至少需要 4 个字符（当前 2 个）。")
