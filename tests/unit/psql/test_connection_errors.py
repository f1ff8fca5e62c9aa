"""Why a database could not be read: what psql and the server say, and what is advised."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.errors import Kind, Refusal
from pyinfra_pgmigrate.psql.answer import EXIT_CONNECTION, EXIT_FULL, EXIT_NO_PSQL, EXIT_SCRIPT, Unreadable
from pyinfra_pgmigrate.psql.connection_errors import unreadable
from pyinfra_pgmigrate.settings import Connection, Secret

CONNECTION = Connection("shop", host="db", user="app", password=Secret("s3cret"))


def refused(status: int | None, sqlstate: str = "", message: str = "", connection: Connection = CONNECTION) -> Refusal:
    found = unreadable(Unreadable(status, sqlstate, message), host="web-1", connection=connection)
    assert found.message.startswith('could not read database "shop" on host web-1: ')
    assert "s3cret" not in str(found)
    return found


# As libpq of PostgreSQL 18 and its server write them.
_AT = 'connection to server at "db" (10.0.0.1), port 5432 failed: '
_SOCKET = 'connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: '


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        (f'{_AT}FATAL:  password authentication failed for user "app"', "pg_password"),
        (f"{_AT}fe_sendauth: no password supplied", "Set pg_password"),
        (f'{_SOCKET}FATAL:  Peer authentication failed for user "app"', "_sudo_user"),
        ('could not translate host name "db" to address: Name or service not known', "Correct pg_host"),
        ('definition of service "shop" not found', "Correct pg_service"),
        (f'{_AT}FATAL:  role "app" does not exist', "Correct pg_user"),
        (f'{_AT}FATAL:  database "shop" does not exist', "Correct pg_database"),
        (f"{_AT}Connection refused Is the server running on that host and accepting TCP/IP connections?", "pg_isready"),
        (f"{_AT}FATAL:  sorry, too many clients already", "max_connections"),
        (
            f"{_AT}FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
            "max_connections",
        ),
        (f"{_AT}FATAL:  the database system is starting up", "Wait until the server has started"),
        (f'{_AT}root certificate file "/root/.postgresql/root.crt" does not exist', "pg_sslrootcert"),
        (f"{_AT}SSL error: certificate verify failed", "Correct pg_sslrootcert"),
        (f'{_AT}server certificate for "db-1" does not match host name "db"', "pg_sslmode=verify-ca"),
        (f"{_AT}server does not support SSL, but SSL was required", "ssl = on"),
        (
            f'{_AT}private key file "/x/k" has group or world access; file must have permissions u=rw (0600)',
            "pg_sslkey",
        ),
        (f'{_AT}could not read certificate file "/x/c": No such file or directory', "pg_sslcert"),
        (f"{_AT}session is read-only", "pg_target_session_attrs"),
        (f"{_AT}server is not in hot standby mode", "pg_target_session_attrs"),
        # It names nobody.
        (f"{_AT}FATAL:  das Datenbanksystem startet", "do what its message says"),
    ],
)
def test_a_connection_error_is_told_with_what_to_do_about_it(message: str, advice: str) -> None:
    found = refused(EXIT_CONNECTION, message=message)

    assert found.kind is Kind.UNREADABLE
    assert found.message.endswith("no connection")
    assert message in found.detail
    assert advice in found.hint


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        (f'{_AT}FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "app", database "shop", no encryption', "pg_hba.conf"),
        (f'{_AT}FATAL:  permission denied for database "shop" DETAIL:  User does not have CONNECT privilege.', "GRANT CONNECT"),
    ],
)  # fmt: skip
def test_where_the_database_is_there_no_other_name_is_asked_for(message: str, advice: str) -> None:
    found = refused(EXIT_CONNECTION, message=message)

    assert advice in found.hint
    assert "Correct pg_database" not in found.hint


# The server's language: no password, no such role, no such database. Source: src/backend/po of PostgreSQL 15.
TRANSLATED = {
    "de": ("FATAL", "Passwort-Authentifizierung für Benutzer »%s« fehlgeschlagen", "Rolle »%s« existiert nicht", "Datenbank »%s« existiert nicht"),
    "es": ("FATAL", "la autentificación password falló para el usuario «%s»", "no existe el rol «%s»", "no existe la base de datos «%s»"),
    "fr": ("FATAL", "authentification par mot de passe échouée pour l'utilisateur  « %s »", "le rôle « %s » n'existe pas", "la base de données « %s » n'existe pas"),
    "it": ("FATALE", "autenticazione con password fallita per l'utente \"%s\"", "il ruolo \"%s\" non esiste", "il database \"%s\" non esiste"),
    "ja": ("FATAL", "ユーザー\"%s\"のパスワード認証に失敗しました", "ロール\"%s\"は存在しません", "データベース\"%s\"は存在しません"),
    "ko": ("치명적오류", "사용자 \"%s\"의 password 인증을 실패했습니다", "\"%s\" 롤(role) 없음", "\"%s\" 데이터베이스 없음"),
    "ru": ("ВАЖНО", "пользователь \"%s\" не прошёл проверку подлинности (по паролю)", "роль \"%s\" не существует", "база данных \"%s\" не существует"),
    "sv": ("FATALT", "Lösenordsautentisering misslyckades för användare \"%s\"", "rollen \"%s\" finns inte", "databasen \"%s\" existerar inte"),
    "uk": ("ФАТАЛЬНО", "користувач \"%s\" не пройшов автентифікацію за допомогою пароля", "роль \"%s\" не існує", "бази даних \"%s\" не існує"),
    "zh_CN": ("致命错误", "用户 \"%s\" Password 认证失败", "角色 \"%s\" 不存在", "数据库 \"%s\" 不存在"),
}  # fmt: skip


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("place", [_AT, _SOCKET])
def test_the_server_may_speak_another_language(language: str, place: str) -> None:
    fatal, password, role, database = TRANSLATED[language]

    for message in (password % "app", role % "app"):
        assert "Correct pg_user or pg_password" in refused(EXIT_CONNECTION, message=f"{place}{fatal}:  {message}").hint
    assert "Correct pg_database" in refused(EXIT_CONNECTION, message=f"{place}{fatal}:  {database % 'shop'}").hint


def test_a_name_within_another_is_not_meant() -> None:
    found = refused(EXIT_CONNECTION, message=f"{_AT}FATAL:  Rolle »shop_reader« existiert nicht")

    assert "do what its message says" in found.hint


@pytest.mark.parametrize("found", [None, Unreadable(None, "", "")])
def test_a_command_that_did_not_end_is_no_answer_of_the_database(found: Unreadable | None) -> None:
    refusal = unreadable(found, host="web-1", connection=CONNECTION)

    assert refusal.kind is Kind.UNREADABLE
    assert "did not end" in refusal.message
    assert "pyinfra web-1 exec" in refusal.hint


@pytest.mark.parametrize(("bin_dir", "place"), [(None, "PATH"), ("/opt/pg/bin", "/opt/pg/bin")])
def test_a_missing_psql_is_told_with_where_it_was_looked_for(bin_dir: str | None, place: str) -> None:
    found = refused(EXIT_NO_PSQL, connection=Connection("shop", bin_dir=bin_dir))

    assert f"in {place};" in found.detail
    assert "pg_bin_dir" in found.hint


def test_a_host_without_room_for_a_script_is_told() -> None:
    found = refused(EXIT_FULL, message="cat: write error: No space left on device")

    assert "no temporary file can be written" in found.message
    assert "No space left on device" in found.detail
    assert "df -h" in found.hint


@pytest.mark.parametrize(
    ("sqlstate", "kind", "says", "advice"),
    [
        ("0A000", Kind.UNREADABLE, "PostgreSQL 14.9 is too old", "Upgrade the server"),
        ("55000", Kind.REGISTRY, "its registry cannot be trusted", "RENAME TO pgmigrate_foreign"),
        ("42501", Kind.PRIVILEGE, "14.9", "GRANT USAGE ON SCHEMA pgmigrate"),
        ("55P03", Kind.LOCK, "a table is locked", "pg_locks"),
        ("22012", Kind.UNREADABLE, "psql ended with status 3", "by hand"),
        ("", Kind.UNREADABLE, "psql ended with status 3", "by hand"),
    ],
)
def test_an_error_of_the_script_is_told_by_its_sqlstate(sqlstate: str, kind: Kind, says: str, advice: str) -> None:
    found = refused(EXIT_SCRIPT, sqlstate, "14.9")

    assert found.kind is kind
    assert says in found.message
    assert "14.9" in found.message + found.detail
    assert advice in found.hint


@pytest.mark.parametrize("status", [1, 65, 74, 137, 255])
def test_any_other_status_is_told_with_how_to_try_by_hand(status: int) -> None:
    # An SQLSTATE counts only where the script ended by itself.
    found = refused(status, "42501")

    assert found.kind is Kind.UNREADABLE
    assert f"status {status}" in found.message
    assert "no message" in found.detail
    assert "host=" in found.hint
