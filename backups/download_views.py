"""The download of an archive, and its digest beside it."""

import contextlib

from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag
from django.views.decorators.http import require_safe

from backups import downloads
from backups.models import Backup
from console.accounts.access import needs
from console.accounts.roles import Permission
from console.audit import audited as audit
from console.text.refused import Refused
from console.web.request import Request


@needs(Permission.DOWNLOAD_BACKUP)
@require_safe
def backup_download(request: Request, backup_id: str) -> HttpResponseBase:
    """The archive: whole, one range of it, or a redirect to a storage that sends it itself."""
    backup = get_object_or_404(Backup.objects.defer("contents"), pk=backup_id)
    etag = quote_etag(backup.sha256) if backup.sha256 else None
    try:
        source = downloads.open_archive(backup=backup, requested_by=request.user)
        if source.file is None:
            if request.method == "GET":
                audit.record("ddsDownloadBackup", user=request.user, resource=audit.resource_of(backup))
            # Whoever has the link has the archive, for some minutes: no cache keeps it.
            return HttpResponseRedirect(source.url, headers={"Cache-Control": "no-store"})
        with contextlib.ExitStack() as stack:
            stack.callback(source.file.close)
            answer = get_conditional_response(request, etag=etag) or _archive_answer(request, source, etag)
            # A download in many ranges is one event: that of its first byte.
            if answer.streaming and answer.headers.get("Content-Range", "bytes 0-").startswith("bytes 0-"):
                audit.record("ddsDownloadBackup", user=request.user, resource=audit.resource_of(backup))
            if answer.streaming:
                # The answer closes the file when it has been sent, or cannot be.
                stack.pop_all()
    except Refused as refusal:
        return _no_archive(request, backup, refusal)
    if answer.status_code in (200, 206):
        answer["Content-Disposition"] = content_disposition_header(True, backup.download_name) or ""
    return answer


def _archive_answer(request: Request, source: downloads.Source, etag: str | None) -> HttpResponseBase:
    assert source.file is not None
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-transform"}
    if etag:
        headers["ETag"] = etag
    asked, status = range(source.size), 200
    # A range of what the browser had begun to load is no use if this is another archive.
    if request.method == "GET" and request.headers.get("If-Range", etag) == etag:
        part = downloads.asked_range(request.headers.get("Range", ""), source.size)
        if part is not None and not part:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{source.size}", **headers})
        if part is not None:
            asked, status = part, 206
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{source.size}"
    headers |= {"Content-Length": str(len(asked)), "Content-Type": "application/zstd"}
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers)
    return StreamingHttpResponse(downloads.Part(source.file, asked), status=status, headers=headers)


def _no_archive(request: Request, backup: Backup, refusal: Refused) -> HttpResponse:
    """A page that says why there is nothing to download."""
    statuses = {downloads.ArchiveMissing: 410, downloads.StorageDown: 503, downloads.TooManyDownloads: 503}
    status = statuses.get(type(refusal), 409)
    context = {"backup": backup, "reason": refusal.message, "again": isinstance(refusal, downloads.TooManyDownloads)}
    response = render(request, "backups/no_archive.html", context, status=status)
    if status == 503:
        response["Retry-After"] = "30"
    return response


@require_safe
def backup_sha256(request: Request, backup_id: str) -> HttpResponse:
    """The archive's digest as `sha256sum -c` reads it, for the name that the download has."""
    backup = get_object_or_404(Backup.objects.defer("contents"), pk=backup_id)
    if backup.download_refusal:
        return _no_archive(request, backup, Refused(backup.download_refusal))
    response = HttpResponse(f"{backup.sha256}  {backup.download_name}\n", content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(False, f"{backup.download_name}.sha256") or ""
    return response
