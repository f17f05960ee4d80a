from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from console import views

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path(
        "sign-in/",
        LoginView.as_view(template_name="console/sign_in.html", redirect_authenticated_user=True),
        name="sign-in",
    ),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("", include("backups.urls")),
    path("", include("instances.urls")),
]
