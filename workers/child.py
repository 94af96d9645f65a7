"""Start a program that ends when its parent does. Run as a script, not imported.

    python child.py PARENT_PID SIGNAL USER PROGRAM ARGUMENT…

Linux can send a process a signal when its parent dies (prctl, PR_SET_PDEATHSIG), and forgets the
request when the process changes its user. So the user is changed first, then the signal is asked
for, then this process becomes PROGRAM. It is a program of its own because doing this between fork
and exec is not safe in a parent with threads. USER is `-` to stay who we are.
"""

# Everything is imported up here: the account that we become may not be able to read Python's files.
import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def become(user: str) -> None:
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def end_with_parent(parent_pid: int, signal_number: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent_pid:
        # The parent died before the request was made.
        sys.exit(1)


def main() -> None:
    # Whatever a part writes is its own: logs, histories and secrets are not for other accounts.
    os.umask(0o077)
    parent_pid, signal_number, user, *command = sys.argv[1:]
    if user != "-":
        become(user)
    end_with_parent(int(parent_pid), int(signal_number))
    os.execv(command[0], command)  # noqa: S606 - becoming the given program is the point


if __name__ == "__main__":
    main()
