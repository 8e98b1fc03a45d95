"""Makes a function into one call of the API: token, scope, limit, options, body, key, answer, and its
document.

A view gets a checked `Call` and gives an `Answer`; whatever it raises is answered by `answers.answer_to`.
"""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.utils.translation import gettext as _
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    content_negotiation_class,
    permission_classes,
    renderer_classes,
    schema,
    throttle_classes,
)
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from cases.errors import Incorrect, NotFound
from orchestrator.api import keeping, limits, openapi
from orchestrator.api.auth import BearerToken, actor_of, require
from orchestrator.api.calls import Answer, Call
from orchestrator.api.checking import check, read_query
from orchestrator.api.errors import WrongMediaType
from orchestrator.api.models import ApiToken
from orchestrator.api.parsing import parse, sent
from orchestrator.api.shapes import NOTHING, Json

View = Callable[..., Answer]
Then = Callable[[Call, Answer], Answer]
Keyed = str | Callable[[Call], str]
_KEY = re.compile(openapi.KEY_PATTERN)
TOGETHER: Final = "together"
APART: Final = "apart"


class AlwaysJson(BaseContentNegotiation):
    """Whatever a program accepts, it gets JSON: an error in another form would help nobody."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


def endpoint(
    method: str,
    *scopes: str,
    tag: str,
    answers: dict[int, str],
    path: tuple[str, ...] = (),
    query: Json = NOTHING,
    body: Json | None = None,
    limit: str = "",
    keyed: Keyed = TOGETHER,
    then: Then | None = None,
) -> Callable[[View], Any]:
    """Declare a call. `keyed` says how a POST is kept under its key (or asks the call); `then` may wait for
    a newer answer.
    """
    if method == "POST" and body is None:
        body = NOTHING

    def make(view: View) -> Any:
        @wraps(view)
        def answer(request: Request, **parts: Any) -> Response:
            token: ApiToken = request.auth  # type: ignore[assignment]  # what `BearerToken` gave
            require(token, scopes)
            if limit:
                limits.count(token, limit)
            call = _checked(request, token, query, body)
            given = _carried_out(call, lambda: view(call, **parts), keyed, then)
            return Response(given.data, status=given.status, headers=dict(given.headers))

        said = openapi.operation(
            name=view.__name__, tag=tag, words=" ".join((view.__doc__ or "").split()), scopes=scopes,
            answers=answers, path=path, query=query, body=body, limited=bool(limit), keyed=body is not None,
        )  # fmt: skip
        return extend_schema(operation=said)(as_view([method], answer, authenticated=True))

    return make


def as_view(methods: list[str], answer: Callable[..., Response], *, authenticated: bool) -> Any:
    """A DRF view of these methods, without DRF's browsable extras."""
    for decorate in (
        authentication_classes([BearerToken] if authenticated else []),
        permission_classes([]),
        throttle_classes([]),
        renderer_classes([JSONRenderer]),
        content_negotiation_class(AlwaysJson),
        schema(AutoSchema()),
    ):
        answer = decorate(answer)
    view = api_view(methods)(answer)
    view.cls.http_method_names = [method.lower() for method in methods]
    view.cls.metadata_class = None
    return view


def _checked(request: Request, token: ApiToken, query: Json, body: Json | None) -> Call:
    given = dict(request._request.GET.lists())
    options = read_query(given, query)
    sent: Any = {}
    if body is not None:
        sent = _body(request)
        check(sent, body)
    return Call(
        request=request,
        token=token,
        actor=actor_of(token),
        query=options,
        body=sent,
        key=_key(request) if body is not None else "",
    )


def _body(request: Request) -> Any:
    """The parsed body; a POST that sends nothing at all sends `{}`."""
    body = sent(request._request)
    if not body:
        return {}
    if (request.content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise WrongMediaType
    return parse(body)


def _key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        raise Incorrect(_("Idempotency-Key must be 1 to 200 visible ASCII characters. Nothing was changed."))
    return key


def _carried_out(call: Call, work: Callable[[], Answer], keyed: Keyed, then: Then | None) -> Answer:
    def later(answer: Answer) -> Answer:
        return then(call, answer) if then else answer

    if (keyed(call) if callable(keyed) else keyed) == APART:
        return keeping.apart(call, work, later)
    return later(keeping.together(call, work))


def nothing_here(request: Request, **parts: Any) -> Response:
    """Any address that is none of ours."""
    path = request.path
    if not path.endswith("/"):
        raise NotFound(_("There is no call at this address. Every address ends with a slash. Nothing was changed."))
    raise NotFound
