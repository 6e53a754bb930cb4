"""Workers: who runs trials. Processes of this machine, threads, a Dask cluster."""
