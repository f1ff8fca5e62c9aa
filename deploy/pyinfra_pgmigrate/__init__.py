"""PostgreSQL migrations as pyinfra operations, decided by a check of the state that is really there.

Layers, each importing only from those below it:

- ``deploys``: operations in order, for entry points and for your own provisioning
- ``operations``: declare a state, yield what brings it about
- ``keeper``: one host's backups at work; ``copies``: databases restored from them; ``comparison``: a database and
  its backup; ``rehearsal``: a plan run on a copy first, ``trial``, ``held``: with the application's statements;
  ``measuring``: what queries cost before and after
- ``execution``: steps at work, with retries; ``engine``: one host's database: read, plan, run scripts, tell
- ``reporting``: writes the report of a run while it lasts
- ``facts``: a database as it is, what verify queries say, which backups there are

Pure, without pyinfra and without a server:

- ``plan``, ``state``, ``timeline``: what a run does, how much of a migration is there, and where in their sequence a
  database stands; ``rollbacks``: the way back,
  ``obstacles``: what stands in it; ``validation``,
  ``compatibility``, ``data``: what a database must show, allow, and still hold; ``moments``: what was allowed when;
  ``queries``, ``measurements``: what must not cost more; ``drift``: what other hands changed, ``repairs`` and
  ``mending``: the SQL against it, ``rights``: who may do what, ``lines``: catalog lines taken apart;
  ``refusals``: why not
- ``session``, ``stepping``, ``script``: the text that psql runs, to change and to ask; ``psql``: the command that runs
  it; ``reading``: its answer;
  ``trace``: what statements did; ``programs``: the commands of the backups
- ``journal``: what happened in a run; ``report``: that as data and as a page
- ``backups``: what a backup is, which one to take, keep or remove; ``totals``: what must be the same before and after;
  ``requirements``: what a file of the application needs of a database
- ``migration``, ``statements``, ``effect``: the files of the SQL folder
- ``catalog``, ``locks``, ``observed``, ``settings``, ``errors``, ``telling``, ``glance``: values and their words
- ``sql``, ``sh``: the SQL and the shell programs that the library runs

On the controller only:

- ``cli``: the command ``pgmigrate``; ``record``: effects, through psycopg, on a database of ``scratch``;
  ``checks``: rules;
  ``drafts``: rollback scripts to begin with, tried there
- ``embedded``: a server from a package; ``hosts``: an inventory from a file or the environment;
  ``fetching``: copies of backups
"""

from .deploys import (
    backup_database,
    database_status,
    migrate_database,
    restore_database,
    rollback_database,
    validate_database,
)

__all__ = [
    "backup_database",
    "database_status",
    "migrate_database",
    "restore_database",
    "rollback_database",
    "validate_database",
]
