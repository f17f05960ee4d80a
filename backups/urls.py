from django.urls import path

from backups.views.cancel import backup_cancel
from backups.views.choose import backup_choose
from backups.views.create import backup_create, backup_create_for_instance, instance_options
from backups.views.delete import backup_delete, backup_delete_selected
from backups.views.description import backup_edit_description
from backups.views.detail import backup_detail
from backups.views.download import backup_download, backup_sha256
from backups.views.list import backup_list, instance_backups
from backups.views.lock import backup_lock, backup_unlock
from backups.views.policy import policy_modify, policy_preview
from backups.views.restore import backup_restore, backup_restore_to_deployment, backup_restore_to_original
from backups.views.task import task_detail, task_retry
from backups.views.verify import backup_verify

app_name = "backups"

urlpatterns = [
    path("backups/", backup_list, name="list"),
    path("backups/create/", backup_create, name="create"),
    path("backups/instance-options/", instance_options, name="instance-options"),
    path("backups/delete/", backup_delete_selected, name="delete-selected"),
    path("backups/<str:backup_id>/", backup_detail, name="detail"),
    path("backups/<str:backup_id>/cancel/", backup_cancel, name="cancel"),
    path("backups/<str:backup_id>/delete/", backup_delete, name="delete"),
    path("backups/<str:backup_id>/description/", backup_edit_description, name="edit-description"),
    path("backups/<str:backup_id>/download/", backup_download, name="download"),
    path("backups/<str:backup_id>/lock/", backup_lock, name="lock"),
    path("backups/<str:backup_id>/restore/", backup_restore, name="restore"),
    path("backups/<str:backup_id>/restore-to-original/", backup_restore_to_original, name="restore-to-original"),
    path("backups/<str:backup_id>/restore-to-deployment/", backup_restore_to_deployment, name="restore-to-deployment"),
    path("backups/<str:backup_id>/sha256", backup_sha256, name="sha256"),
    path("backups/<str:backup_id>/unlock/", backup_unlock, name="unlock"),
    path("backups/<str:backup_id>/verify/", backup_verify, name="verify"),
    path("instances/<str:instance_id>/backup-policy/", policy_modify, name="policy"),
    path("instances/<str:instance_id>/backup-policy/preview/", policy_preview, name="policy-preview"),
    path("instances/<str:instance_id>/backups/", instance_backups, name="instance"),
    path("instances/<str:instance_id>/restore/", backup_choose, name="choose"),
    path("instances/<str:instance_id>/backups/create/", backup_create_for_instance, name="create-for-instance"),
    path("tasks/<uuid:task_id>/", task_detail, name="task"),
    path("tasks/<uuid:task_id>/retry/", task_retry, name="task-retry"),
]
