from django.urls import path

from console.testing import hook_views

app_name = "test-hooks"

urlpatterns = [
    path("slow-next-backup/", hook_views.slow_next_backup, name="slow-next-backup"),
    path("fail-next-backup/", hook_views.fail_next_backup, name="fail-next-backup"),
    path("move-clock/", hook_views.move_clock, name="move-clock"),
    path("move-to-next-window/", hook_views.next_window, name="move-to-next-window"),
    path("set-status/", hook_views.set_status, name="set-status"),
    path("clear/", hook_views.clear, name="clear"),
]
