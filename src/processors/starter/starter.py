"""Starts programs for the daemon, one after the other.

Node starts a program by a copy of itself, and stands still meanwhile, for a millisecond or more. posix_spawn(3) copies
nothing, but only from a process without Node's threads and signals: from this one.

Commands come on descriptor 0: four bytes with the length, then fields that each end with NUL:
    STDIN FOLDER PROGRAM COUNT ARGUMENT... NAME=VALUE...
STDIN is a descriptor of the daemon, COUNT is that of the arguments, the variables are the whole environment.

News go to descriptor 1, a line each:
    ready STDOUT STDERR    a command can come; what its program will write, the daemon can read by these descriptors of
                           this process, until it gives the command
    started PID            the program runs, at the head of a session and a process group of its own
    failed ERRNO           it could not be started
    ended STATUS LEFT      it has ended, with the status of wait(2); LEFT is 1 when others are left in its group

One program at a time: one that kills its parent harms no other. This process ends when the daemon has gone, by its pipes.
"""

import errno
import os
import signal
import sys

DAEMON = sys.argv[1]
# Sent to all processes of a service, they are for programs to heed, and not to take away who waits for these.
IGNORED = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
# The others are those that Python ignores.
DEFAULT = [*IGNORED, signal.SIGPIPE, signal.SIGXFSZ]


def main():
    # Python closes what is above 2 when a program is started.
    commands, news = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    with open("/proc/self/comm", "w") as name:
        name.write("rbit-ts starter")

    def tell(*words):
        os.write(news, (" ".join(map(str, words)) + "\n").encode())

    try:
        os.listdir(f"/proc/{DAEMON}/fd")
        if os.readlink("/proc/self") != str(os.getpid()):
            return tell("failed", errno.ESRCH)  # a /proc of another namespace names the wrong processes
    except OSError as error:
        return tell("failed", error.errno)
    try:
        # Python has it since 3.8, and setsid only where the C library does.
        os.posix_spawn("/", ["/"], {}, setsid=True)
    except OSError:
        pass
    except (AttributeError, NotImplementedError):
        return tell("failed", errno.ENOSYS)
    while True:
        serve(commands, tell)


def serve(commands, tell):
    stdout_end, stdout = os.pipe()
    stderr_end, stderr = os.pipe()
    tell("ready", stdout_end, stderr_end)
    command = receive(commands)
    try:
        pid = start(command, stdout, stderr)
    except OSError as error:
        return tell("failed", error.errno)
    else:
        tell("started", pid)
    finally:
        for descriptor in (stdout_end, stdout, stderr_end, stderr):
            os.close(descriptor)
    _, status = os.waitpid(pid, 0)
    tell("ended", status, int(has_group(pid)))


def start(command, stdout, stderr):
    stdin, folder, program, count, *rest = command.split(b"\0")[:-1]
    arguments, variables = rest[: int(count)], rest[int(count) :]
    environment = dict(variable.split(b"=", 1) for variable in variables)
    body = os.open(f"/proc/{DAEMON}/fd/{int(stdin)}", os.O_RDONLY)
    streams = [(os.POSIX_SPAWN_DUP2, end, place) for place, end in enumerate((body, stdout, stderr))]

    def spawn(*words):
        return os.posix_spawn(
            words[0], words, environment, file_actions=streams, setsid=True, setsigmask=[], setsigdef=DEFAULT
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
        os.close(body)


def has_group(number):
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def receive(commands):
    return receive_exactly(commands, int.from_bytes(receive_exactly(commands, 4), "big"))


def receive_exactly(commands, length):
    received = b""
    while len(received) < length:
        part = os.read(commands, length - len(received))
        if not part:
            sys.exit()
        received += part
    return received


main()
