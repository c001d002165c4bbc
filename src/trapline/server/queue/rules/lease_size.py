"""The number of tasks that one lease returns."""

EXPECTED_BODY_BYTES = 16 * 1024 * 1024
BOXES_OF_AN_IMAGE = 10
BYTES_OF_A_NUMBER = 20
NUMBERS_OF_A_CLASS = 2  # its score and its logit


def get_fair_share(open_tasks: int, callers: int) -> int:
    """Return the number of tasks of a job that one of its callers may lease, at least one.

    A job of 63 images with 8 workers is spread over all of them. A registered worker that holds its
    share receives nothing.
    """
    return max(1, -(-open_tasks // max(1, callers)))


def get_lease_size(wanted: int, classes: int, held: int, held_at_most: int) -> int:
    """Decide how many tasks one lease returns, at least one.

    An empty response would end the worker's pass over the jobs.

    `classes` is the number of classes that one box is scored over. A worker posts the results of a
    lease in one body, which long class lists would make very large. `held` is the number of tasks
    that the caller holds.
    """
    if held >= held_at_most:
        return 1
    of_an_image = BOXES_OF_AN_IMAGE * classes * NUMBERS_OF_A_CLASS * BYTES_OF_A_NUMBER
    fitting = EXPECTED_BODY_BYTES // of_an_image if of_an_image else wanted
    return max(1, min(wanted, fitting, held_at_most))
