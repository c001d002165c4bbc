"""What a worker that said no name is called: by its User-Agent and where it calls from."""

import re

# Our own worker says its service's name, its host and its process.
_OURS = re.compile(r"trapline-worker/\S+ \((?P<service>.*); (?P<host>[^;]+); pid (?P<pid>\d+)\)")


def name_worker(user_agent: str, address: str) -> str:
    """Name a worker for people."""
    ours = _OURS.fullmatch(user_agent)
    if ours:
        return f"{ours['service']} on {ours['host']} (process {ours['pid']})"
    software = user_agent.split(" ", 1)[0] or "a worker"
    return f"{software} at {address or 'an unknown address'}"
