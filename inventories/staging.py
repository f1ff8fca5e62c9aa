"""Staging, over SSH: hosts from PGMIGRATE_STAGING_HOSTS or from staging.hosts beside this file.

What all of them have in common is in group_data/staging.py.
"""

from pathlib import Path

from pyinfra_pgmigrate.hosts import read_hosts

staging = read_hosts("staging", Path("inventories"))
