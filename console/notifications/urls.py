from django.urls import path

from console.notifications import views

app_name = "notifications"

urlpatterns = [
    path("notifications/", views.channel_list, name="list"),
    path("notifications/create/", views.channel_create, name="create"),
    path("notifications/read/", views.bell_read, name="read"),
    path("notifications/<str:channel_id>/", views.channel_detail, name="detail"),
    path("notifications/<str:channel_id>/edit/", views.channel_edit, name="edit"),
    path("notifications/<str:channel_id>/delete/", views.channel_delete, name="delete"),
    path("notifications/<str:channel_id>/test/", views.channel_test, name="test"),
]
