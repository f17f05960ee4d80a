"""Download an archive, or its SHA-256 digest."""

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
    """Send the archive or one range of it, or redirect to the storage if the storage can send it."""
    backup = get_object_or_404(Backup.objects.defer("contents"), pk=backup_id)
    etag = quote_etag(backup.sha256) if backup.sha256 else None
    try:
        source = downloads.open_archive(backup=backup, requested_by=request.user)
        if source.file is None:
            if request.method == "GET":
                audit.record("ddsDownloadBackup", user=request.user, resource=audit.resource_of(backup))
            return HttpResponseRedirect(source.url)
        with contextlib.ExitStack() as stack:
            stack.callback(source.file.close)
            answer = get_conditional_response(request, etag=etag) or _archive_answer(request, backup, source, etag)
            # Record a download in many ranges only once: for the range with the first byte.
            if answer.streaming and answer.headers.get("Content-Range", "bytes 0-").startswith("bytes 0-"):
                audit.record("ddsDownloadBackup", user=request.user, resource=audit.resource_of(backup))
            if answer.streaming:
                # The answer closes the file after sending it, or if sending fails.
                stack.pop_all()
    except Refused as refusal:
        return _no_archive(request, backup, refusal)
    if answer.status_code in (200, 206):
        answer["Content-Disposition"] = content_disposition_header(True, backup.download_name) or ""
    return answer


def _archive_answer(request: Request, backup: Backup, source: downloads.Source, etag: str | None) -> HttpResponseBase:
    assert source.file is not None
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-transform"}
    if etag:
        headers["ETag"] = etag
    asked, status = range(source.size), 200
    # If the browser's partial download comes from a different archive, send the whole archive.
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
    return StreamingHttpResponse(downloads.Part(backup, source.file, asked), status=status, headers=headers)


def _no_archive(request: Request, backup: Backup, refusal: Refused) -> HttpResponse:
    """Render the page that says why the archive cannot be downloaded."""
    statuses = {downloads.ArchiveMissing: 410, downloads.StorageDown: 503, downloads.TooManyDownloads: 503}
    status = statuses.get(type(refusal), 409)
    context = {"backup": backup, "reason": refusal.message, "again": isinstance(refusal, downloads.TooManyDownloads)}
    response = render(request, "backups/no_archive.html", context, status=status)
    if status == 503:
        response["Retry-After"] = "30"
    return response


@require_safe
def backup_sha256(request: Request, backup_id: str) -> HttpResponse:
    """Send the archive's digest for `sha256sum -c`, with the file name of the download."""
    backup = get_object_or_404(Backup.objects.defer("contents"), pk=backup_id)
    if backup.download_refusal:
        return _no_archive(request, backup, Refused(backup.download_refusal))
    response = HttpResponse(f"{backup.sha256}  {backup.download_name}\n", content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(False, f"{backup.download_name}.sha256") or ""
    return response
