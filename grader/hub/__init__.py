"""
A JupyterHub with the course on this machine, to try it out and to test it: `make hub`.

It runs deploy/jupyterhub_config.py, the file that a real server runs, in a folder of its own:

- `layout`: the folder, the names of accounts and groups, and what stands where;
- `accounts`: the system users, made and removed;
- `installation`: the two virtual environments and the proxy;
- `course`: the course folder, the exchange, the released assignment;
- `running`: the hub's process, started and stopped.
"""

from grader.hub.layout import Layout

__all__ = ["Layout"]
