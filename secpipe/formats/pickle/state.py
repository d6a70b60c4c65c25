"""What the pickle machine holds between two opcodes: stack, marks, memo, the frame it is in, and who listens."""

from __future__ import annotations

from secpipe.core.limits import DEFAULT, Limits
from secpipe.formats.pickle.values import Listener, Value
from secpipe.formats.pickle.window import Window


class State:
    """The state that opcodes change."""

    def __init__(self, window: Window, listener: Listener, limits: Limits = DEFAULT) -> None:
        self.window = window
        self.listener = listener
        self.stack: list[Value] = []
        self.marks: list[int] = []
        self.memo: dict[int, Value] = {}
        self.protocol = 0
        self.start = 0
        self._stack_bound = limits.pickle_stack
        self._memo_bound = limits.pickle_memo
        self.frame_end = 0  # offset in the stream; 0 outside a frame

    def enter_frame(self, length: int, offset: int) -> None:
        """FRAME: what follows, for `length` bytes, is one frame."""
        if self.frame_end:
            self.listener.noted("a frame begins inside a frame", offset)
        self.frame_end = self.window.position + length

    def leave_frame(self) -> None:
        """Foreign bytes begin here, which belong to no frame."""
        if self.frame_end == self.window.position:
            self.frame_end = 0

    def pop_mark(self) -> list[Value]:
        """Return what stands above the topmost mark, and drop both."""
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values
