from django.urls import path

from instances.views.add_existing import instance_add_existing
from instances.views.connection import instance_edit_connection, instance_test_connection
from instances.views.create import instance_create
from instances.views.delete import instance_delete
from instances.views.detail import instance_detail
from instances.views.list import instance_list
from instances.views.rename import instance_name, instance_rename
from instances.views.reset_password import instance_reset_password
from instances.views.restart import instance_restart
from instances.views.tasks import instance_tasks, task_list

app_name = "instances"

urlpatterns = [
    path("instances/", instance_list, name="list"),
    path("instances/create/", instance_create, name="create"),
    path("instances/add-existing/", instance_add_existing, name="add-existing"),
    path("instances/<str:instance_id>/basic-information/", instance_detail, name="detail"),
    path("instances/<str:instance_id>/connection/", instance_edit_connection, name="edit-connection"),
    path("instances/<str:instance_id>/delete/", instance_delete, name="delete"),
    path("instances/<str:instance_id>/name/", instance_name, name="name"),
    path("instances/<str:instance_id>/rename/", instance_rename, name="rename"),
    path("instances/<str:instance_id>/reset-password/", instance_reset_password, name="reset-password"),
    path("instances/<str:instance_id>/restart/", instance_restart, name="restart"),
    path("instances/<str:instance_id>/test-connection/", instance_test_connection, name="test-connection"),
    path("instances/<str:instance_id>/tasks/", instance_tasks, name="instance-tasks"),
    path("tasks/", task_list, name="tasks"),
]
