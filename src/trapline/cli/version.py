"""`trapline version`."""

from trapline.cli.options import AsJson


def version(*, as_json: AsJson = False) -> None:
    """Print the version of Trapline."""
    from trapline import __version__
    from trapline.cli.output import print_json

    if as_json:
        print_json({"version": __version__})
    else:
        print(__version__)
