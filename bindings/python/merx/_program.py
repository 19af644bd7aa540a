"""The command `merx` of the package: the C program that lies beside the extension."""
import os
import sys


def main():
    """Becomes the program, with this process's arguments; its exit code is the command's."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "merx")
    try:
        os.execv(program, ["merx", *sys.argv[1:]])
    except OSError as error:
        print(f"merx: the program can't be started: {program}: {error.strerror}; install the package anew", file=sys.stderr)
        return 127
