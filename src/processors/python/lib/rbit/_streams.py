"""Standard output and error: what a job writes there is its output, and the next one finds them whole, whatever it did."""
import io
import os
import sys


class Streams:
    def __init__(self):
        # Not inherited by programs, unlike 1 and 2.
        self._saved = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
        if hasattr(os, 'register_at_fork'):  # Python 3.7
            os.register_at_fork(after_in_child=self._forget)
        self._names = {'stdout': 1, 'stderr': 2}
        self._usual = {name: open_stream(descriptor) for name, descriptor in self._names.items()}
        self._install()

    def keep(self):
        """Takes over what a module has put in place while it was imported."""
        self._usual = {name: getattr(sys, name) for name in self._names}

    def restore(self):
        """After a job: whatever it printed is out, and the streams are as they were."""
        for name, descriptor in self._names.items():
            flush(getattr(sys, name, None))
            flush(self._usual[name])
            if getattr(self._usual[name], 'closed', False):
                self._usual[name] = open_stream(descriptor)
            os.dup2(self._saved[descriptor], descriptor)
            # A program that a job started may have changed that of the pipe that both write to.
            os.set_blocking(descriptor, True)
        self._install()

    def print_line(self, line):
        flush(getattr(sys, 'stdout', None))
        data = memoryview((line + '\n').encode('utf-8', 'backslashreplace'))
        while data:
            data = data[os.write(1, data) :]

    def _install(self):
        for name, stream in self._usual.items():
            setattr(sys, name, stream)

    def _forget(self):
        for descriptor in self._saved.values():
            os.close(descriptor)


def open_stream(descriptor):
    binary = io.BufferedWriter(io.FileIO(descriptor, 'w', closefd=False))
    return io.TextIOWrapper(binary, encoding='utf-8', errors='backslashreplace', newline='\n', line_buffering=True)


def flush(stream):
    try:
        stream.flush()
    except Exception:
        pass  # It is closed, or no stream at all.
