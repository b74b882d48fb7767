"""Templates and catalogues: package data only, never read from anywhere else."""
