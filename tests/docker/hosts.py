"""Dockerized hosts for the tests: images, made where no registry has them, and containers from them."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import io
import os
import secrets
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import paramiko
import psycopg
from docker.errors import APIError, ContainerError, ImageNotFound

from tests.support.places import SERVER_ENVIRONMENT, in_memory
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from docker.models.containers import Container

HERE = Path(__file__).parent

# Debian releases and the PostgreSQL that each has.
RELEASES = {15: "bookworm", 17: "trixie"}


@cache
def engine() -> docker.DockerClient:
    """Returns the Docker engine of this machine."""
    return docker.from_env(timeout=600)


def _recipe() -> str:
    """Returns a short checksum of what images are made from: a changed recipe makes new ones."""
    content = (HERE / "Dockerfile").read_bytes() + (HERE / "start").read_bytes()
    return hashlib.sha256(content).hexdigest()[:12]


def _pulled(name: str) -> bool:
    """Tells whether an image is here or a registry gave it."""
    try:
        engine().images.get(name)
    except ImageNotFound:
        try:
            engine().images.pull(name)
        except APIError:
            return False
    return True


def debian(release: str) -> str:
    """Returns an image of a Debian release made by debootstrap, as root."""
    name = f"pgmigrate-debian:{release}"
    try:
        engine().images.get(name)
    except ImageNotFound:
        if shutil.which("debootstrap") is None:
            subprocess.run(["apt-get", "update", "-qq"], check=True)
            subprocess.run(["apt-get", "install", "-y", "-qq", "debootstrap"], check=True, stdout=subprocess.DEVNULL)
        with tempfile.TemporaryDirectory(prefix="pgmigrate-image-") as folder:
            target = f"{folder}/{release}"
            subprocess.run(["debootstrap", "--variant=minbase", release, target], check=True, stdout=subprocess.DEVNULL)
            with subprocess.Popen(["tar", "-C", target, "-c", "."], stdout=subprocess.PIPE) as packed:
                repository, tag = name.split(":")
                engine().api.import_image_from_stream(packed.stdout, repository=repository, tag=tag)
    return name


@contextmanager
def _alone() -> Iterator[None]:
    """Lets one of several test processes make images at a time."""
    with (Path(tempfile.gettempdir()) / "pgmigrate-images.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# Says in a container of an image whether there is a newer minor version; fails where a registry does not answer.
LOOK = """
set -e
apt-get update -qq --error-on=any -o Acquire::Retries=0 -o Acquire::http::Timeout=20 >&2
apt-get install --simulate --no-install-recommends postgresql-{version}
"""


def _is_outdated(name: str, version: int) -> bool | None:
    """Tells whether the registries have a newer minor version; None where they do not answer."""
    command = ["-c", LOOK.format(version=version)]
    try:
        told = engine().containers.run(name, command, entrypoint="sh", network_mode="host", remove=True)
    except ContainerError:
        return None
    return f"\nInst postgresql-{version} " in told.decode()


def _make(name: str, version: int) -> None:
    base = f"postgres:{version}" if _pulled(f"postgres:{version}") else debian(RELEASES[version])
    arguments = {"BASE": base, "VERSION": str(version)}
    # The host's network: a bridge may have no name server during a build.
    engine().images.build(path=str(HERE), tag=name, buildargs=arguments, network_mode="host", rm=True, nocache=True)


def _stamp(name: str) -> str:
    """Returns the tag which says that an image had the newest minor version today."""
    return f"{name}-{datetime.now(timezone.utc):%Y%m%d}"


def _is_here(name: str) -> bool:
    try:
        engine().images.get(name)
    except ImageNotFound:
        return False
    return True


@cache
def image(version: int) -> str:
    """Returns the image of a host with the newest minor version, made where it is not there.

    Whether there is a newer one is asked once a day; where nobody answers, the one that is here is used.
    """
    name = f"pgmigrate-host:{version}-{_recipe()}"
    with _alone():
        if _is_here(_stamp(name)):
            return name
        outdated = _is_outdated(name, version) if _is_here(name) else True
        if outdated:
            _make(name, version)
        if outdated is not None:
            for tag in engine().images.get(name).tags:
                if tag.startswith(f"{name}-"):
                    engine().images.remove(tag)
            engine().images.get(name).tag(*_stamp(name).split(":"))
    return name


@dataclass(frozen=True)
class DockerHost:
    """A running container with PostgreSQL, sshd and sudo.

    + key: private key of the user "deploy"
    + password: of the superuser postgres, over the network
    """

    container: Container
    version: int
    address: str
    key: Path
    password: str

    @property
    def name(self) -> str:
        """Its name, as the connector @docker wants it."""
        return str(self.container.name)

    @property
    def conninfo(self) -> dict[str, Any]:
        """Connection parameters of the superuser, over the network."""
        return {"host": self.address, "port": 5432, "user": "postgres", "password": self.password}

    @property
    def bin_dir(self) -> str:
        """The folder of PostgreSQL's programs inside."""
        return f"/usr/lib/postgresql/{self.version}/bin"

    def run(self, *command: str, user: str = "root") -> str:
        """Runs a command inside and returns its output; raises CalledProcessError where it fails."""
        ended = self.container.exec_run(list(command), user=user)
        output = ended.output.decode() if isinstance(ended.output, bytes) else ""
        if ended.exit_code != 0:
            raise subprocess.CalledProcessError(ended.exit_code or 0, command, output)
        return output

    def write(self, path: str, text: str) -> None:
        """Writes a file that everybody may read."""
        # Docker itself would write below what is mounted there.
        packed = base64.b64encode(text.encode()).decode()
        self.run("sh", "-c", 'printf %s "$1" | base64 -d >"$2" && chmod 644 "$2"', "write", packed, path)


def _answers(host: DockerHost) -> bool:
    host.container.reload()
    if host.container.status != "running":
        raise RuntimeError(f"{host.name} ended: {host.container.logs().decode()}")
    try:
        psycopg.connect(**host.conninfo, dbname="postgres", connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


@contextmanager
def docker_host(version: int, folder: Path, *, made_of: str = "") -> Iterator[DockerHost]:
    """Starts a host with a PostgreSQL version and removes it at the end.

    + folder: for the key of its user
    + made_of: an image that was made of the one of that version; empty for that one itself
    """
    password = secrets.token_urlsafe(12)
    key = folder / f"key-{version}"
    pair = paramiko.RSAKey.generate(2048)
    pair.write_private_key_file(str(key))
    container = engine().containers.run(
        made_of or image(version),
        name=f"pgmigrate-test-{version}-{os.getpid()}-{secrets.token_hex(2)}",
        detach=True,
        environment={"POSTGRES_PASSWORD": password, **SERVER_ENVIRONMENT},
        init=True,
        tmpfs={
            # A disk that is soon full.
            "/srv/small": "size=16m,mode=1777",
            # As start-host would make it; and where the library has its scripts.
            **({"/srv/postgresql": "mode=700", "/tmp": "exec,mode=1777"} if in_memory() else {}),
        },
    )
    try:
        _put(container, "/home/deploy/.ssh", "authorized_keys", f"ssh-rsa {pair.get_base64()}\n".encode())
        container.reload()
        address = container.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
        host = DockerHost(container, version, address, key, password)
        wait_for(lambda: _answers(host), what=f"PostgreSQL {version} in {container.name}", seconds=60)
        host.run("chown", "-R", "deploy:deploy", "/home/deploy/.ssh")
        yield host
    finally:
        container.remove(force=True, v=True)


def _put(container: Container, folder: str, name: str, content: bytes, mode: int = 0o600) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), mode
        archive.addfile(entry, io.BytesIO(content))
    container.put_archive(folder, packed.getvalue())


if __name__ == "__main__":
    # Before the tests, so that none of them waits for it.
    for one in RELEASES:
        print(f"image of a host with PostgreSQL {one}: {image(one)}", flush=True)
