"""Lines that are broken one at a time, to prove that the tests notice it."""
