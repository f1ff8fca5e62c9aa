"""Production, over SSH: hosts from PGMIGRATE_PRODUCTION_HOSTS or from production.hosts beside this file.

What all of them have in common is in group_data/production.py.
"""

from pathlib import Path

from pyinfra_pgmigrate.hosts import read_hosts

production = read_hosts("production", Path("inventories"))
