"""How to install parts of this program that are missing."""


def describe_install(*extras: str) -> str:
    """The command that installs extras.

    No package index has this program, so that it names none.
    """
    return f"pip install '.[{','.join(extras)}]' in a clone of Trapline's repository"
