"""The score of one answer by the HTTP Observatory: 100, less what is missing, more for what is better than asked.

The numbers are those of its score table (mdn/mdn-http-observatory, src/grader/charts.js, 2025); what it measures over a
network (redirect from http, preload list) is measured by the caller or left out. A+ is 100 and more.
"""

import re
from collections.abc import Mapping, Sequence
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

HALF_A_YEAR = 15_768_000
EXTRA_FROM = 90  # what is better than asked counts only from here
BROAD = {"*", "http:", "https:", "data:", "blob:", "'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'"}
PRIVATE = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}


def directives(policy: str) -> dict[str, list[str]]:
    parts = [part.split() for part in policy.split(";") if part.strip()]
    return {name.lower(): values for name, *values in parts}


def policy_points(policy: str) -> int:
    if not policy:
        return -25
    said = directives(policy)
    default = said.get("default-src", ["*"])
    script, style, objects = (said.get(f"{kind}-src", default) for kind in ("script", "style", "object"))
    if BROAD & set(script) - {"'unsafe-eval'"} or BROAD & set(objects):
        return -20
    if any(value.startswith("http:") for values in said.values() for value in values):
        return -20
    if "'unsafe-eval'" in script:
        return -10
    if BROAD & set(style):
        return 0
    strict = (
        default == ["'none'"] and set(said.get("form-action", [])) <= {"'none'", "'self'"} and "form-action" in said
    )
    return 10 if strict else 5


def cookie_points(lines: Sequence[str], hsts: bool) -> int:
    points = 5 if lines else 0
    for line in lines:
        for name, cookie in SimpleCookie(line).items():
            session = "session" in name or "csrf" in name
            if not cookie["secure"]:
                points = min(points, (-10 if hsts else -40) if session else (-5 if hsts else -20))
            if "session" in name and not cookie["httponly"]:
                points = min(points, -30)
            if "csrf" in name and not cookie["samesite"]:
                points = min(points, -20)
            if cookie["samesite"] and cookie["samesite"].lower() not in {"lax", "strict"}:
                points = min(points, -20)
            if not cookie["samesite"]:
                points = min(points, 0)
    return points


def hsts_points(header: str) -> int:
    age = re.search(r"max-age=(\d+)", header)
    if age is None:
        return -20
    return 0 if int(age[1]) >= HALF_A_YEAR else -10


def script_points(html: str, host: str) -> int:
    points = 0
    for tag in re.findall(r"<script\b[^>]*\bsrc=[\"']([^\"']+)", html):
        place = urlsplit(tag)
        if place.scheme == "http" or tag.startswith("//"):
            points = min(points, -50)
        elif place.netloc and place.netloc != host:
            points = min(points, -5)
    return points


def score(headers: Mapping[str, str], cookies: Sequence[str], html: str, host: str) -> tuple[int, dict[str, int]]:
    """The score, and the points of each test."""
    policy = headers.get("content-security-policy", "")
    framed = "frame-ancestors" in directives(policy)
    shared = headers.get("access-control-allow-origin", "")
    parts = {
        "policy": policy_points(policy),
        "cookies": cookie_points(cookies, "strict-transport-security" in headers),
        "sharing": -50 if shared and headers.get("access-control-allow-credentials") else 0,
        "referrer": 5 if set(headers.get("referrer-policy", "x").split(", ")) <= PRIVATE else
        (-5 if "referrer-policy" in headers else 0),
        "hsts": hsts_points(headers.get("strict-transport-security", "")),
        "scripts": script_points(html, host),
        "sniffing": 0 if headers.get("x-content-type-options", "").lower() == "nosniff" else -5,
        "frames": 5 if framed else (0 if headers.get("x-frame-options", "").upper() in {"DENY", "SAMEORIGIN"} else -20),
        "resource": {"same-origin": 10, "same-site": 10, "cross-origin": 0, "": 0}.get(
            headers.get("cross-origin-resource-policy", ""), -5
        ),
    }  # fmt: skip
    without = 100 + sum(points for points in parts.values() if points < 0)
    extra = sum(points for points in parts.values() if points > 0)
    return without + (extra if without >= EXTRA_FROM else 0), parts
