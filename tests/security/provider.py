"""An identity provider as a company has one, in a process of its own: allauth's, on SQLite, on this machine only.

`python -m tests.security.provider PORT FOLDER CALLBACK` serves; `FOLDER/people.json` says who there is
(`[{name, mail, verified, password}]`), `FOLDER/groups.json` in which groups (`{name: [group]}`).
"""

import json
import secrets
import sys
from pathlib import Path

CLIENT_ID, CLIENT_SECRET = "work-command", "the-secret-of-the-client"  # made up here, and known here only


def configure(folder: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from django.conf import settings

    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    settings.configure(
        SECRET_KEY=secrets.token_urlsafe(50),
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="tests.security.provider",
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "provider.sqlite3")}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "allauth",
            "allauth.account",
            "allauth.idp.oidc",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ACCOUNT_EMAIL_VERIFICATION="none",
        ACCOUNT_RATE_LIMITS=False,
        IDP_OIDC_PRIVATE_KEY=key.decode(),
        IDP_OIDC_ADAPTER="tests.security.provider_claims.WithGroups",
        GROUPS_FILE=str(folder / "groups.json"),
        EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    )


def fill(folder: Path, callback: str) -> None:
    from allauth.account.models import EmailAddress
    from allauth.idp.oidc.models import Client
    from django.contrib.auth.models import User

    client = Client(id=CLIENT_ID, name="Work Command", skip_consent=True, redirect_uris=callback)
    client.set_secret(CLIENT_SECRET)
    client.set_scopes(["openid", "profile", "email"])
    client.save()
    for one in json.loads((folder / "people.json").read_text()):
        user = User.objects.create_user(one["name"], one["mail"], one["password"])
        EmailAddress.objects.create(user=user, email=one["mail"], verified=one["verified"], primary=True)


def main() -> None:
    port, folder, callback = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    configure(folder)
    import django
    from django.core.management import call_command
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application

    django.setup()
    from allauth.account.signals import authentication_step_completed
    from django.contrib.auth.models import update_last_login

    authentication_step_completed.connect(update_last_login)  # at each proof, also of somebody who is signed in
    call_command("migrate", verbosity=0)
    fill(folder, callback)
    run("127.0.0.1", port, get_wsgi_application(), threading=True)


if __name__ == "__main__":
    main()
else:
    from django.conf import settings as _settings

    if getattr(_settings, "GROUPS_FILE", None):  # as the addresses of the provider itself
        from django.urls import include, path

        urlpatterns = [path("accounts/", include("allauth.account.urls")), path("", include("allauth.idp.urls"))]
