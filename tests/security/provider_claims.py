"""What the company's identity provider says of a person beside the usual: the groups, read anew each time, and when it
last asked who this is. Of "wordy" it says true and false as words, and of "silent" not when, as some providers do.
"""

import json
from pathlib import Path
from typing import Any

from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from django.conf import settings


class WithGroups(DefaultOIDCAdapter):  # type: ignore[misc]
    def get_claims(self, purpose: Any, user: Any, client: Any, scopes: Any, **more: Any) -> dict[str, Any]:
        claims: dict[str, Any] = super().get_claims(purpose, user, client, scopes, **more)
        if user.username == "wordy" and "email_verified" in claims:
            claims["email_verified"] = str(claims["email_verified"]).lower()
        if purpose == "id_token" and user.username != "silent":
            claims["auth_time"] = int(user.last_login.timestamp())
        groups = json.loads(Path(settings.GROUPS_FILE).read_text()).get(user.username)
        return claims if groups is None else claims | {"groups": groups}
