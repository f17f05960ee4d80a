"""If a hundred users press OK on one instance at once, the console starts one backup and refuses the rest."""

import asyncio
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp

from tests.e2e import bulk
from tests.e2e.console import PASSWORD, Console

PEOPLE = 100
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


async def submit_together(console: Console, instance_id: str) -> list[tuple[int, str]]:
    """Open all dialogs, then submit all of them at once; return the status and text of each response."""
    path = f"{console.url}/instances/{instance_id}/backups/create/"
    # If the host is an IP address, aiohttp's cookie jar keeps cookies only with `unsafe=True`.
    jar, limit = aiohttp.CookieJar(unsafe=True), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(cookie_jar=jar, connector=limit) as http:

        async def token(address: str) -> str:
            async with http.get(address) as page:
                found = _TOKEN.search(await page.text())
                assert found, address
                return found.group(1)

        signing_in = {"username": "admin", "password": PASSWORD}
        signing_in["csrfmiddlewaretoken"] = await token(f"{console.url}/sign-in/")
        async with http.post(f"{console.url}/sign-in/", data=signing_in) as answer:
            assert "/sign-in/" not in str(answer.url)
        tokens = await asyncio.gather(*(token(path) for _ in range(PEOPLE)))

        async def submit(number: int) -> tuple[int, str]:
            form = {"name": f"submit-{number:03}", "description": "", "request_key": secrets.token_hex(16)}
            form["csrfmiddlewaretoken"] = tokens[number]
            async with http.post(path, data=form, headers={"HX-Request": "true"}) as answer:
                return answer.status, await answer.text()

        return await asyncio.gather(*map(submit, range(PEOPLE)))


def test_only_one_of_a_hundred_simultaneous_submits_is_accepted(tmp_path: Path) -> None:
    # Slow enough that the accepted backup is still running when the last submit is refused.
    with Console(tmp_path / "home", CONSOLE_BACKUP_BYTES_PER_SECOND="300000") as console:
        instance = console.create_instance("wanted-by-all")
        bulk.fill(instance["port"], megabytes=1)
        # Use another thread: earlier browser tests leave their event loop running in the main thread.
        with ThreadPoolExecutor(1) as apart:
            answers = apart.submit(asyncio.run, submit_together(console, instance["id"])).result()
        assert sorted(status for status, _text in answers) == [204] + [422] * (PEOPLE - 1)
        refused = [text for status, text in answers if status == 422]
        assert all("No backup can be made now" in text for text in refused)
        assert len(console.backups.find()) == 1
        assert len(console.jobs.find(kind="backup")) == 1
