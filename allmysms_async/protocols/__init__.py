"""One folder for each wire protocol; everything about that wire is there and nowhere else."""
