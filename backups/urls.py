from django.urls import path

from backups import download_views, views

app_name = "backups"

urlpatterns = [
    path("backups/", views.backup_list, name="list"),
    path("backups/create/", views.backup_create, name="create"),
    path("backups/instance-options/", views.instance_options, name="instance-options"),
    path("backups/delete/", views.backup_delete_selected, name="delete-selected"),
    path("backups/<str:backup_id>/delete/", views.backup_delete, name="delete"),
    path("backups/<str:backup_id>/cancel/", views.backup_cancel, name="cancel"),
    path("backups/<str:backup_id>/description/", views.backup_edit_description, name="edit-description"),
    path("backups/<str:backup_id>/lock/", views.backup_lock, name="lock"),
    path("backups/<str:backup_id>/unlock/", views.backup_unlock, name="unlock"),
    path("instances/<str:instance_id>/backup-policy/", views.policy_modify, name="policy"),
    path("backups/<str:backup_id>/", views.backup_detail, name="detail"),
    path("backups/<str:backup_id>/download/", download_views.backup_download, name="download"),
    path("backups/<str:backup_id>/sha256", download_views.backup_sha256, name="sha256"),
    path("backups/<str:backup_id>/restore/", views.backup_restore, name="restore"),
    path("backups/<str:backup_id>/restore-to-original/", views.backup_restore_to_original, name="restore-to-original"),
    path("backups/<str:backup_id>/verify/", views.backup_verify, name="verify"),
    path("instances/<str:instance_id>/backups/", views.instance_backups, name="instance"),
    path(
        "instances/<str:instance_id>/backups/create/",
        views.backup_create_for_instance,
        name="create-for-instance",
    ),
]
