"""The run that a thread may speak for."""
import threading
import weakref

try:
    from contextvars import ContextVar
except ImportError:  # Python 3.6
    ContextVar = None

_run = None
# Goes along with asyncio.to_thread, and with contextvars.copy_context().run.
_bound = ContextVar('rbit', default=None) if ContextVar else None
# A thread tells nobody who has started it. Those that were there with the module serve any run, those that have come
# in a run none but that.
_of_module = weakref.WeakSet()
_of_earlier_runs = weakref.WeakSet()


def begin_module():
    _of_module.update(threading.enumerate())


def begin(run):
    global _run
    _run = run
    if _bound:
        _bound.set(run)


def end():
    global _run
    _run = None
    if _bound:
        _bound.set(None)
    if threading.active_count() > 1:
        _of_earlier_runs.update(thread for thread in threading.enumerate() if thread not in _of_module)


def current():
    """The run that now runs, if whoever asks belongs to it; else None."""
    run = _bound.get() if _bound else None
    if run is None and threading.current_thread() not in _of_earlier_runs:
        return _run
    return run if run is _run else None
