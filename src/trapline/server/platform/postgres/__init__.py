"""The embedded PostgreSQL: a wheel's binaries under a supervisor of our own, in the data folder."""
