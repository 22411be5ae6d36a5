"""The way to the daemon: one JSON object a line, and only from the process that the daemon has started."""
import json
import os
import threading

# Of the JSON that a runner hands over: what the daemon takes.
LARGEST_DATA_BYTES = 16 * 1024 * 1024
# With the answer's own object around it, it must not be nested deeper than 1,000 levels.
DEEPEST_DATA = 999


class Answers:
    def __init__(self, descriptor):
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._pid = os.getpid()
        if hasattr(os, 'register_at_fork'):  # Python 3.7
            os.register_at_fork(after_in_child=lambda: os.close(descriptor))

    @property
    def is_ours(self):
        """False in a process that a job has forked."""
        return os.getpid() == self._pid

    def send(self, line):
        """Writes one line, given as bytes without its end. What a forked process says is not written."""
        if not self.is_ours:
            return
        rest = memoryview(line + b'\n')
        with self._lock:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]


class TooLarge(ValueError):
    """The text is fit to be read by the requester."""


def to_json(value):
    """One line of UTF-8. Raises TooLarge, or whatever else shows that JSON cannot carry the value."""
    try:
        data = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(',', ':')).encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        data = json.dumps(value, allow_nan=False, separators=(',', ':')).encode()
    if len(data) > LARGEST_DATA_BYTES:
        raise TooLarge('its data is too large: %d bytes, at most 16 MiB' % len(data))
    if data.count(b'[') + data.count(b'{') > DEEPEST_DATA and depth_of(data) > DEEPEST_DATA:
        raise ValueError('it is nested deeper than %d levels' % DEEPEST_DATA)
    return data


def depth_of(data):
    """How many lists and objects lie within each other where a JSON text is deepest."""
    import re

    depth = deepest = 0
    for token in re.finditer(rb'"(?:[^"\\]|\\.)*"|([\[{])|[\]}]', data):
        if token.group(1):
            depth += 1
            deepest = max(deepest, depth)
        elif token.group() in b']}':
            depth -= 1
    return deepest
