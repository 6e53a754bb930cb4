"""Workers run trials: processes of this machine, threads, a Dask cluster."""
