"""Runs a command on a terminal of its own, and answers its questions.

    terminal.py COMMAND [QUESTION ANSWER]…

COMMAND is a shell line. When QUESTION has been printed, ANSWER is typed; an answer that begins with `!` is a shell line
that is run instead. Prints all that the terminal showed, and ends as the command did.
"""

import os
import pty
import subprocess
import sys

command, steps = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp("sh", ["sh", "-c", command])
shown, read_to = b"", 0
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    while steps and (found := shown.find(steps[0].encode(), read_to)) >= 0:
        read_to = found + len(steps[0])
        answer = steps[1]
        steps = steps[2:]
        if answer.startswith("!"):
            subprocess.run(["sh", "-c", answer[1:]], check=True)
        else:
            os.write(terminal, answer.encode() + b"\n")
sys.stdout.write(shown.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
