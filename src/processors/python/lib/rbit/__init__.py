"""
What the callable of a python! runner can say to rbit-ts, besides what it returns and prints.

    import rbit

    def build(build_request, settings):
        rbit.progress(40, 'page 4 of 10')
        raise rbit.Blocked('waiting for the database', delay='10m')

Outside of a job, as in a test of the runner, the functions do nothing, but for output(), which prints. So it is in a
thread that an earlier job has started: run what it does for this one by contextvars.copy_context().run.
"""
from ._speaker import current as _current

__all__ = ['Blocked', 'Failed', 'job', 'output', 'progress']


class Failed(Exception):
    """The job has failed for good and is not retried. `data` (anything that JSON can carry) goes to the requester."""

    data = None

    def __init__(self, message='', data=None, *more):
        # The original took any number of texts.
        super().__init__(*(message, data) + more if more else (message,))
        self.data = None if more else data


class Blocked(Exception):
    """Not now: the job goes back to its queue and runs again later.

    `delay` is like '10m', a datetime.timedelta or a number of milliseconds; without it the runner's blocked-delay decides.
    """

    delay = None

    def __init__(self, reason='', delay=None, *more):
        super().__init__(*(reason, delay) + more if more else (reason,))
        self.delay = None if more else delay


def progress(percent, message=None):
    """Says how far the job is (0 to 100), and what it is doing."""
    percent = float(percent)
    if not -float('inf') < percent < float('inf'):
        raise ValueError('progress is a number from 0 to 100, not %r' % percent)
    run = _current()
    if run is not None:
        run.tell_progress(percent, message)


def output(line):
    """Shows a line to whoever follows the job, as print() does, also while sys.stdout is something else."""
    run = _current()
    if run is None:
        print(line)
    else:
        run.print_line(str(line))


def job():
    """A dict of what is known of the job besides its body: id, queue, runner, attempt, redelivered, headers and so on."""
    run = _current()
    return {} if run is None else dict(run.job)
