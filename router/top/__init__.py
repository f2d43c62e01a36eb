"""The live terminal view of a running router: it reads the overview of the admin listener, and nothing else."""
