"""
Many submissions at once: while nbgrader walks through them one by one, workers grade the next ones.

    settings.py   GraderPool: how many processes, or which cluster
    ahead.py      Ahead: what is being graded, what is done, and what to do when a worker dies
    local.py      processes on this machine
    folder.py     their temporary files, and those that a killed run has left
    clusters.py   the ways to a Dask cluster: an address, processes here, Slurm, a gateway
    cluster.py    the workers of such a cluster: sends, receives, sends again
    staff.py      which of them can be used, and when there is no point in going on
    remote.py     what travels to a worker, and what it does there
    progress.py   what the instructor sees meanwhile

Only nbgrader's own process writes the gradebook. A record is written as soon as a result arrives, so whatever
dies, what was graded stays graded.
"""
