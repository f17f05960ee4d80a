from django.conf import settings
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from console.accounts import preference_views as preferences
from console.accounts import views as accounts
from console.accounts.access import needs
from console.accounts.users import views as users
from console.audit import views as audit
from console.configuration import views as configuration
from console.lists import views as lists
from console.monitoring import views as monitoring_views
from console.overview import views as overview
from console.overview.instance import instance_home
from console.overview.search import search_all
from console.overview.start import put_away
from console.web import views
from instances.views.activity import activity
from instances.views.notice import notice_away

handler403 = "console.web.views.forbidden"
handler500 = "console.web.views.server_error"

urlpatterns = [
    path("", overview.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", monitoring_views.readyz, name="readyz"),
    path("metrics", monitoring_views.metrics, name="metrics"),
    path("sign-in/", accounts.SignInView.as_view(), name="sign-in"),
    path("language/", views.language, name="language"),
    path("sign-out/", needs(None)(LogoutView.as_view()), name="sign-out"),
    path("account/password/", accounts.password_change, name="password-change"),
    path("account/theme/", preferences.theme, name="theme"),
    path("account/time-zone/", preferences.time_zone, name="time-zone"),
    path("account/sessions/", accounts.session_list, name="sessions"),
    path("account/sessions/end-others/", accounts.sessions_end_others, name="sessions-end-others"),
    path("account/sessions/<str:session_id>/end/", accounts.session_end, name="session-end"),
    path("users/", users.user_list, name="users"),
    path("users/create/", users.user_create, name="user-create"),
    path("users/<int:user_id>/role/", users.user_role, name="user-role"),
    path("users/<int:user_id>/reset-password/", users.user_reset_password, name="user-reset-password"),
    path("users/<int:user_id>/end-sessions/", users.user_end_sessions, name="user-end-sessions"),
    path("users/<int:user_id>/deactivate/", users.user_deactivate, name="user-deactivate"),
    path("users/<int:user_id>/activate/", users.user_activate, name="user-activate"),
    path("settings/", configuration.configuration, name="settings"),
    path("settings/storage-test/<path:host_name>/", configuration.storage_test, name="storage-test"),
    path("activity/", activity, name="activity"),
    path("start/put-away/", put_away, name="start-put-away"),
    path("search/", search_all, name="search"),
    path("activity/notice/away/", notice_away, name="notice-away"),
    path("lists/<str:list_id>/columns/", lists.columns, name="columns"),
    path("keys/", views.keys, name="keys"),
    path("audit/", audit.audit_list, name="audit"),
    path("", include("console.notifications.urls")),
    path("", include("backups.urls")),
    path("", include("instances.urls")),
    # After "instances/create/".
    path("instances/<str:instance_id>/", instance_home, name="instance"),
]
if settings.TEST_HOOKS:
    urlpatterns.append(path("test-hooks/", include("console.testing.hook_urls")))
