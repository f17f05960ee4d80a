"""An HTTP client of the console that works like a browser without JavaScript."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Any

USERNAME, PASSWORD = "admin", "correct-horse-battery"  # of a temporary console
# The credentials of its instances.
INSTANCE_USERNAME, INSTANCE_PASSWORD = "rwuser", "Correct-horse-7"


@dataclass(frozen=True)
class Answer:
    status: int
    url: str
    text: str
    # The case of a name does not matter.
    headers: Message


class Session:
    """A session with the console at this address. It is anonymous until sign_in() is called."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._token = ""
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))

    @property
    def cookies(self) -> str:
        """Return the session's cookies in the form of a Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookie_values().items())

    def cookie_values(self) -> dict[str, str]:
        """Return the values of the session's cookies by name."""
        return {cookie.name: cookie.value or "" for cookie in self._jar}

    def get(self, path: str, **headers: str) -> Answer:
        return self._open(urllib.request.Request(self.url + path, headers=headers))

    def post(self, path: str, data: dict[str, Any], *, form: str = "", **headers: str) -> Answer:
        """Submit a form with its page's CSRF token. `form` is the path of the page if it is not `path`."""
        token = self._token or self._find_token(form or path)
        body = urllib.parse.urlencode({**data, "csrfmiddlewaretoken": token}).encode()
        return self._open(urllib.request.Request(self.url + path, data=body, headers=headers))

    def _find_token(self, path: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path).text)
        assert found, f"{path} has no form"
        return found.group(1)

    def _open(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request, timeout=20) as answer:
                return Answer(answer.status, answer.url, answer.read().decode(), answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.url or "", error.read().decode(), error.headers)

    def is_signed_in(self) -> bool:
        """Return whether the session has neither ended nor expired."""
        return "/sign-in/" not in self.get("/activity/").url

    def sign_in(self, username: str = USERNAME, password: str = PASSWORD) -> None:
        self._token = self._find_token("/sign-in/")
        answer = self.post("/sign-in/", {"username": username, "password": password})
        assert answer.status == 200 and "/sign-in/" not in answer.url, answer
        self._token = ""
