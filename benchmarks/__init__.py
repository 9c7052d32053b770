"""What is claimed about speed, measured: each benchmark prints figures with their floor, in one run."""
