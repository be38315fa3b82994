"""What goes back to a browser: HTML under a strict policy, JSON for whoever asked for it, and errors as both.

    ?         Accept: application/json, or an address that ends in .json  ->  JSON
    htmx      a fragment; an error replaces the form's own line of errors
    else      a page

Nothing that a session sees may be kept by a cache.
"""

from __future__ import annotations

import base64
from http import HTTPStatus
from urllib.parse import quote

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from webhost_sync.dashboard.render import render
from webhost_sync.errors import NotAuthenticated
from webhost_sync.routes.dashboard.door import Guest, is_secure, set_visitor
from webhost_sync.routes.failures import answer_to, error_of

POLICY = (
    "default-src 'none'; script-src 'self'{script}; style-src 'self'; img-src 'self' data:{img}; "
    "font-src 'self'; connect-src 'self'{connect}; worker-src 'self'{worker}; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SOURCES = ("script", "img", "connect", "worker")
JSON_TYPE = "application/json"
THEME_COOKIE = "whs_theme"
FLASH_COOKIE = "whs_flash"
SIGN_IN_PATH = "/dashboard/sign-in"
TITLES = {
    401: "Sign in", 403: "Not allowed", 404: "Nothing here", 429: "Slow down",
    500: "A fault of ours", 503: "Not now",
}  # fmt: skip


def wants_json(request: Request) -> bool:
    """Whether the caller is a program."""
    # The name of a document, which an address ends in, is its own affair.
    if request.url.path.endswith(".json") and "document" not in request.path_params:
        return True
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def is_fragment(request: Request) -> bool:
    """Whether htmx asks, which puts the answer into the page it has."""
    return request.headers.get("hx-request") == "true"


def protect(request: Request, response: Response, **more: str) -> None:
    """The headers of every page. `more` adds sources to the policy: `worker="blob:"`."""
    added = {name: f" {more[name]}" if name in more else "" for name in SOURCES}
    response.headers["Content-Security-Policy"] = POLICY.format(**added)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept, Cookie, HX-Request"
    if is_secure(request) and request.url.scheme == "https":
        response.headers["Strict-Transport-Security"] = "max-age=31536000"


def html(guest: Guest, template: str, *, status: int = 200, **values: object) -> Response:
    """A page or fragment, with what every layout needs."""
    theme = guest.request.cookies.get(THEME_COOKIE, "")
    text = render(
        template,
        guest=guest,
        proof=guest.proof,
        theme=theme if theme in ("light", "dark") else "",
        flash=_flash(guest.request),
        maintenance=guest.services.maintenance.current,
        **values,
    )
    response = HTMLResponse(text, status)
    set_visitor(guest, response)
    if guest.request.cookies.get(FLASH_COOKIE) and not is_fragment(guest.request):
        response.delete_cookie(FLASH_COOKIE, path="/dashboard")
    protect(guest.request, response)
    return response


def as_json(request: Request, answer: BaseModel, status: int = 200) -> Response:
    response = JSONResponse(answer.model_dump(mode="json", by_alias=True), status)
    protect(request, response)
    return response


def redirect(guest: Guest, to: str, message: str = "") -> Response:
    """Show another page, and there say that it worked. htmx loads it as a whole."""
    response: Response = RedirectResponse(to, 303)
    if is_fragment(guest.request):
        response = Response(status_code=204, headers={"HX-Redirect": to})
    if message:
        value = base64.urlsafe_b64encode(message.encode()).decode()
        secure = is_secure(guest.request)
        response.set_cookie(
            FLASH_COOKIE, value, 30, path="/dashboard", secure=secure, httponly=True, samesite="lax"
        )
    protect(guest.request, response)
    return response


def refusal(guest: Guest, error: Exception) -> Response:
    """The answer to a request that ended with `error`, in the form that its sender can show."""
    request, plain = guest.request, answer_to(error)
    status = plain.status_code
    if wants_json(request):
        protect(request, plain)
        return plain
    if guest.session is None and isinstance(error, NotAuthenticated):
        return redirect(guest, _sign_in_address(request))
    known = error_of(error)
    words = "There is nothing at this address." if isinstance(error, HTTPException) else _sentence(str(known))
    if is_fragment(request):
        # What was searched for stays as it is; a form shows what was wrong with it.
        where = {"HX-Reswap": "none"}
        if request.method != "GET":
            where = {"HX-Retarget": "find .form-error", "HX-Reswap": "innerHTML"}
        response: Response = HTMLResponse(render("_form_error.html", message=words), status, headers=where)
        protect(request, response)
    else:
        title = TITLES.get(status, HTTPStatus(status).phrase)
        response = html(guest, "error.html", status=status, title=title, message=words)
    for name in ("Retry-After", "Allow", "RateLimit", "RateLimit-Policy"):
        if name in plain.headers:
            response.headers[name] = plain.headers[name]
    return response


def _sign_in_address(request: Request) -> str:
    """Where to sign in, and to come back from; only to what can be looked at again."""
    if request.method != "GET" or is_fragment(request):
        return SIGN_IN_PATH
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return SIGN_IN_PATH if here == "/dashboard" else f"{SIGN_IN_PATH}?next={quote(here, safe='')}"


def safe_next(address: str) -> str:
    """Where to go after signing in: within the dashboard, or to its front door."""
    inside = address.startswith("/dashboard") and not any(
        part in address for part in ("\\", "//", "\n", "\r")
    )
    return address if inside else "/dashboard"


def _flash(request: Request) -> str:
    try:
        return base64.urlsafe_b64decode(request.cookies.get(FLASH_COOKIE, "")).decode()[:300]
    except ValueError:
        return ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def event(name: str, text: str) -> bytes:
    """One server-sent event; text of several lines stays so."""
    data = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{data}\n".encode()
