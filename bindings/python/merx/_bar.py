"""Progress of long calls: a bar with the time left, on a terminal only."""
import sys

_WIDTH = 24


class Bar:
    """Draws what a call tells of its progress on one line of a terminal, and wipes it at the end.

    Called as the extension calls: stage, share done in [0, 1] (negative: unknown), units done, their name, seconds since the stage began and
    seconds left (negative: unknown).
    """

    def __init__(self, stream):
        self._stream = stream

    def __call__(self, stage, done, count, unit, elapsed_s, left_s):
        line = ""
        if done < 1:
            line = f"{stage} "
            if done >= 0:
                full = int(done * _WIDTH)
                line += f"[{'#' * full}{'.' * (_WIDTH - full)}] {int(done * 100):3d} %"
            if count and unit:
                line += f" {count} {unit}"
            if left_s >= 0 and elapsed_s > 1:
                line += f", {left_s:.0f} s left"
        self._stream.write(f"\r\033[K{line}")
        self._stream.flush()


def progress_function(progress):
    """What `progress=` of a call means: True a bar where stderr is a terminal, a callable itself, None and False nothing."""
    if callable(progress):
        return progress
    if progress is True and sys.stderr is not None and sys.stderr.isatty():
        return Bar(sys.stderr)
    if progress is True or progress is False or progress is None:
        return None
    raise TypeError(f"progress is {progress!r}; True, False, None or a callable is expected")
