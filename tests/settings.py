"""Settings of the tests: the product's own, in an environment made here and thrown away after."""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="wc-tests-")
os.mkdir(f"{_folder}/static")  # noqa: PTH102
_process = os.getpid()
atexit.register(lambda: os.getpid() == _process and shutil.rmtree(_folder, ignore_errors=True))

for _name in ("DATABASE_URL", "DATABASE_OWNER_URL", "CACHE_URL", "FIXED_NOW", "ALLOWED_HOSTS", "EMAIL_HOST"):
    os.environ.pop(_name, None)
os.environ.update(
    WORK_COMMAND_DATA=_folder,
    WORK_COMMAND_DEMO="yes",
    BROKER_URL="memory://",
    LOG_LEVEL="WARNING",
    DATABASE_POOL="0",
)

from orchestrator.settings import *  # noqa: E402, F403
from orchestrator.settings import DATABASES, STORAGES  # noqa: E402

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
DATABASES["default"]["CONN_MAX_AGE"] = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
