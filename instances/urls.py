from django.urls import path

from instances import views

app_name = "instances"

urlpatterns = [
    path("instances/", views.instance_list, name="list"),
    path("instances/create/", views.instance_create, name="create"),
    path("instances/<str:instance_id>/", views.instance_detail, name="detail"),
    path("tasks/", views.task_list, name="tasks"),
    path("instances/<str:instance_id>/delete/", views.instance_delete, name="delete"),
    path("instances/<str:instance_id>/name/", views.instance_name, name="name"),
    path("instances/<str:instance_id>/rename/", views.instance_rename, name="rename"),
    path("instances/<str:instance_id>/reset-password/", views.instance_reset_password, name="reset-password"),
    path("instances/<str:instance_id>/restart/", views.instance_restart, name="restart"),
]
