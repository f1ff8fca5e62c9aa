"""Servers of which nobody here is a superuser, reached over TLS from the controller."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Machines
from tests.docker.hosts import DockerHost, docker_host
from tests.property.snapshot import take
from tests.support.cli import Ended, Site
from tests.support.migrations import NAMES
from tests.support.physical import sql
from tests.support.servers import Database, Server

pytestmark = pytest.mark.acceptance

MIGRATE, ROLLBACK, STATUS, RESTORE, VALIDATE = (
    f"deploy/{name}.py" for name in ("migrate", "rollback", "status", "restore", "validate")
)
SUPPORT = Path(__file__).parents[1] / "support"

# As an administrator of the provider would: an authority, and a certificate of it for the server's address.
CERTIFICATES = """set -e
cd /srv/tls
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt
for name in server certified; do
    openssl req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name.key -out $name.csr
    echo "subjectAltName=IP:$1" >names
    openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out $name.crt
done
chmod 600 *.key
"""


@dataclass(frozen=True)
class Managed:
    """A server of a provider; whoever connects to it from another machine does so from the same container."""

    host: DockerHost
    server: Server

    def inventory(self, site: Site, **data: Any) -> str:
        """Returns an inventory with which a customer connects over TLS."""
        given = {
            "pg_host": self.host.address, "pg_user": "shop", "pg_password": "sh0p", "pg_sslmode": "verify-full",
            "pg_sslrootcert": "/srv/tls/ca.crt", "pg_skip_backup": False, **data,
        }  # fmt: skip
        return site.reach(self.host, **given)


# The tables of the example are the customer's.
_GIVEN = """
SELECT format(
    'ALTER %s %s OWNER TO shop', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
    c.oid::regclass
)
FROM pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'p')
\\gexec
SELECT format('ALTER ROUTINE %s OWNER TO shop', p.oid::regprocedure)
FROM pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace
\\gexec
ALTER SCHEMA public OWNER TO shop;
"""

# Nobody without TLS but who looks at it for the test; a role "certified" with its certificate alone.
_HBA = """local all all peer
host all postgres all scram-sha-256
hostssl all certified all cert
hostssl all all all scram-sha-256
"""


@pytest.fixture(scope="module", params=["supabase.sql", pytest.param("rds.sql", marks=pytest.mark.soak)])
def managed(
    machines: Machines, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Managed]:
    """A server as a provider sets it up, with the database "stage" of a customer."""
    with docker_host(17, tmp_path_factory.mktemp("managed")) as host:
        host.run("install", "-d", "-o", "postgres", "/srv/tls")
        host.run("sh", "-c", CERTIFICATES, "make", host.address, user="postgres")
        server = Server(17, host.conninfo, machines.embedded(18).bin_dir)
        server.template("legacy")
        for key, name in {"ssl_ca_file": "ca.crt", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key"}.items():
            sql(host, f"ALTER SYSTEM SET {key} = '/srv/tls/{name}'")
        sql(host, "ALTER SYSTEM SET ssl = on")
        host.write("/srv/postgresql/pg_hba.conf", _HBA)
        sql(host, "SELECT pg_reload_conf()")
        sql(host, "CREATE DATABASE stage TEMPLATE template_legacy")
        host.write("/tmp/provider.sql", (SUPPORT / request.param).read_text() + _GIVEN)
        host.run(
            "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-v", "database=stage", "-f", "/tmp/provider.sql", "stage",
            user="postgres",
        )  # fmt: skip
        host.run("rm", "/tmp/provider.sql")
        yield Managed(host, server)


def test_the_customer_can_do_all_that_the_deploys_do(site: Site, managed: Managed) -> None:
    target = managed.inventory(site)
    stage = Database(managed.server, "stage")
    before = take(stage)
    stage.close()

    def done(*arguments: str) -> Ended:
        ended = site.run(*arguments)
        assert ended.status == 0, ended.output
        return ended

    done("--dry", target, MIGRATE)
    first = done("-y", target, MIGRATE, "--data", "pg_compatibility=true")
    assert first.changed == ["Backup and rehearsal", *NAMES]
    assert done("-y", target, MIGRATE).changed == []
    assert "no drift" in done("-y", target, STATUS, "--data", "pg_check=true").output
    done("-y", target, VALIDATE)
    done("-y", target, ROLLBACK)
    back = take(stage)
    stage.close()
    assert (back.structure, back.sequences) == (before.structure, before.sequences)
    assert {name: rows for name, rows in back.rows.items() if "heartbeat" not in name} == {
        name: rows for name, rows in before.rows.items() if "heartbeat" not in name
    }
    assert done("-y", target, MIGRATE).changed == ["Backup and rehearsal", *NAMES]
    done("-y", target, RESTORE, "--data", "pg_backup=latest")
    assert "0 of 6 migrations applied" in done("-y", target, STATUS).output
    # A backup of such a database was taken above.
    done("-y", target, MIGRATE, "--data", "pg_skip_backup=true")


@pytest.mark.parametrize(
    ("data", "says", "advice"),
    [
        ({"pg_sslmode": "disable"}, "no encryption", "pg_hba.conf"),
        ({"pg_sslrootcert": "/none"}, "root certificate file", "pg_sslrootcert"),
        ({"pg_sslrootcert": "system"}, "certificate verify failed", "Correct pg_sslrootcert"),
        ({"pg_port": 1}, "Connection refused", "pg_isready"),
        ({"pg_target_session_attrs": "standby"}, "server is not in hot standby mode", "pg_target_session_attrs"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_with_tls_or_servers_is_named(
    site: Site, managed: Managed, data: dict[str, Any], says: str, advice: str
) -> None:
    target = managed.inventory(site, **data)

    ended = site.run("-y", target, STATUS)

    assert ended.status == 1, ended.output
    assert says in ended.output
    assert advice in ended.output
    assert "sh0p" not in ended.output


def test_a_certificate_and_the_one_of_several_servers_that_answers(site: Site, managed: Managed) -> None:
    sql(managed.host, "DROP ROLE IF EXISTS certified")
    sql(managed.host, "CREATE ROLE certified LOGIN; GRANT pg_read_all_data TO certified", "stage")
    target = managed.inventory(
        site, pg_host=f"127.0.0.99,{managed.host.address}", pg_target_session_attrs="read-write", pg_user="certified",
        pg_password=None, pg_sslcert="/srv/tls/certified.crt", pg_sslkey="/srv/tls/certified.key",
        pg_sslmode="verify-ca",
    )  # fmt: skip

    ended = site.run("-y", target, STATUS)

    assert "as role certified" in ended.output, ended.output
