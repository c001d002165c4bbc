"""The dependency of routes that can create tasks."""

from fastapi import Request

from trapline.server.queue.task_notifier import TaskNotifier


async def expect_tasks(request: Request) -> None:
    """Let waiting workers look for tasks more often after a request that can create some."""
    if request.method == "POST":
        arrivals: TaskNotifier = request.app.state.arrivals
        arrivals.expect_tasks()
