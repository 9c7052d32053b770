"""The environment the settings read: the process's own, else the file that the start command wrote."""

import environ

from billing_portal.paths import data_dir

env = environ.Env()

# `make run` keeps its generated secrets and ports there, so that `manage.py` in another terminal
# reaches the same servers. The process's own environment wins.
env.read_env(str(data_dir() / "portal.env"), overwrite=False)
