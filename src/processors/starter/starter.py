"""Starts programs for the daemon, one after the other.

Node starts a program by a copy of itself, and stands still meanwhile, for a millisecond or more. posix_spawn(3) copies
nothing, but only from a process without Node's threads and signals: from this one.

Commands come on descriptor 0: four bytes with the length of the fields, four with that of the input, then these:
    STDIN FOLDER PROGRAM COUNT ARGUMENT... NAME=VALUE...
each of which ends with NUL, and the program's input. Where that is large, STDIN is a descriptor of the daemon, from which
it can be read; else it is empty. COUNT is that of the arguments, the variables are the whole environment.

News go to descriptor 1, a line each:
    ready STDOUT STDERR    a command can come; what its program will write, the daemon can read by these descriptors of
                           this process, until it gives the command
    started PID            the program runs, at the head of a session and a process group of its own; of one that has
                           ended by then, that is not said
    failed ERRNO           it could not be started
    ended PID STATUS LEFT  it has ended, with the status of wait(2); LEFT is 1 when others are left in its group

One program at a time: one that kills its parent harms no other. This process ends when the daemon has gone, by its pipes.
"""

import errno
import os
import signal
import sys
import time

DAEMON = sys.argv[1]
# A program that takes less is over when the daemon first hears of it: one message and no streams are all that it costs.
BRIEF_SECONDS = 0.01
# Sent to all processes of a service, they are for programs to heed, and not to take away who waits for these.
IGNORED = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
# The others are those that Python ignores.
DEFAULT = [*IGNORED, signal.SIGPIPE, signal.SIGXFSZ]
# Without it Linux 6.3 complains in its log. Older ones do not know it, nor does Python.
MFD_NOEXEC_SEAL = 8


def main():
    # Python closes what is above 2 when a program is started.
    commands, news = open(os.dup(0), "rb"), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    # It waits, then, for the one that takes it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    with open("/proc/self/comm", "w") as name:
        name.write("rbit-ts starter")

    def tell(*lines):
        os.write(news, b"".join(b"%b\n" % line for line in lines))

    try:
        os.listdir(f"/proc/{DAEMON}/fd")
        if os.readlink("/proc/self") != str(os.getpid()):
            return tell(failed(errno.ESRCH))  # a /proc of another namespace names the wrong processes
        close_others(commands.fileno(), news)
        able = Abilities()
    except OSError as error:
        return tell(failed(error.errno))
    except AttributeError:
        return tell(failed(errno.ENOSYS))
    try:
        # Python has it since 3.8, and setsid only where the C library does.
        os.posix_spawn("/", ["/"], {}, setsid=True, **able.scheduler)
    except OSError as error:
        # That is no program, which is all that it should say.
        if error.errno != errno.EACCES:
            able.scheduler = {}
    except (AttributeError, NotImplementedError):
        return tell(failed(errno.ENOSYS))
    before = []
    while True:
        before = serve(commands, tell, before, able)


def close_others(*kept):
    """Whoever started the daemon may have left it descriptors, which are nothing for programs: posix_spawn(3) hands all on."""
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2 and descriptor not in kept:
            try:
                os.close(descriptor)
            except OSError:
                pass  # the one by which they were listed


class Abilities:
    """What this system has, and others may lack."""

    def __init__(self):
        self.input_flags = find_input_flags()
        self.scheduler = give_way()


def give_way():
    """
    Woken by the daemon, this process would take the processor from it at once. As a batch process it waits until the daemon
    has nothing to do, or the next processor is free. Returns by what its programs become what the daemon is.
    """
    usual = (os.SCHED_OTHER, os.sched_param(0))
    try:
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
            return {"scheduler": usual}
    except OSError:
        pass
    return {}


def serve(commands, tell, before, able):
    """Serves one command. What is `before`, and what it returns, waits to be told together with the next news."""
    try:
        stdout_end, stdout = os.pipe()
        stderr_end, stderr = os.pipe()
    except OSError:
        tell(*before)
        raise
    tell(*before, b"ready %d %d" % (stdout_end, stderr_end))
    fields, body = receive(commands)
    try:
        pid = start(fields, body, stdout, stderr, able)
    except OSError as error:
        return [failed(error.errno)]
    finally:
        for descriptor in (stdout_end, stdout, stderr_end, stderr):
            os.close(descriptor)
    status = wait_briefly(pid)
    if status is None:
        tell(b"started %d" % pid)
        _, status = os.waitpid(pid, 0)
    return [b"ended %d %d %d" % (pid, status, has_group(pid))]


def failed(number):
    return b"failed %d" % number


def wait_briefly(pid):
    """The status of a child that ends soon, else None."""
    deadline = time.monotonic() + BRIEF_SECONDS
    while (left := deadline - time.monotonic()) > 0 and signal.sigtimedwait([signal.SIGCHLD], left):
        # What came may have been of an earlier child, or from anybody.
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
    return None


def start(fields, body, stdout, stderr, able):
    stdin, folder, program, count, *rest = fields.split(b"\0")[:-1]
    arguments, variables = rest[: int(count)], rest[int(count) :]
    environment = dict(variable.split(b"=", 1) for variable in variables)
    source = open_input(stdin, body, able.input_flags)
    streams = [(os.POSIX_SPAWN_DUP2, end, place) for place, end in enumerate((source, stdout, stderr))]

    def spawn(*words):
        return os.posix_spawn(
            words[0],
            words,
            environment,
            file_actions=streams,
            setsid=True,
            setsigmask=[],
            setsigdef=DEFAULT,
            **able.scheduler,
        )

    try:
        os.chdir(folder)
        return spawn(program, *arguments)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        # As execvp(3) does with a script that does not name its interpreter.
        return spawn(b"/bin/sh", program, *arguments)
    finally:
        os.close(source)


def open_input(stdin, body, flags):
    """A file without a name, for reading."""
    if stdin:
        return os.open(f"/proc/{DAEMON}/fd/{int(stdin)}", os.O_RDONLY)
    memory = os.memfd_create("input", flags)
    try:
        if os.pwrite(memory, body, 0) < len(body):
            raise OSError(errno.ENOSPC, "no room for the input")
        return os.open(f"/proc/self/fd/{memory}", os.O_RDONLY)
    finally:
        os.close(memory)


def find_input_flags():
    for flags in (os.MFD_CLOEXEC | MFD_NOEXEC_SEAL, os.MFD_CLOEXEC):
        try:
            os.close(os.memfd_create("input", flags))
            return flags
        except OSError as error:
            problem = error
    raise problem


def has_group(number):
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def receive(commands):
    head = receive_exactly(commands, 8)
    return [receive_exactly(commands, int.from_bytes(length, "big")) for length in (head[:4], head[4:])]


def receive_exactly(commands, length):
    received = commands.read(length)
    if len(received) < length:
        sys.exit()
    return received


main()
