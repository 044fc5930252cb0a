"""An interpreter of pickles that builds plain containers only and imports nothing.

Python's own unpickler, restricted or not, hands real functions and classes to opcodes that a file chooses. Here a
global is its name; what may be called is a table of functions of ours; any other object becomes a `Placeholder`.
Opcodes are those of protocols 2 to 5 (``pickletools`` in Python's standard library) as far as checkpoints need them.
"""

from __future__ import annotations

import pickle as opcodes
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from menagerie.models.checkpoints.pickle_values import Calls, Global, Placeholder, Unfinished, put_item
from menagerie.models.checkpoints.problems import DamagedError, RefusedError, printable

# A name longer than this, a number of more bytes, or more steps than these are in no checkpoint.
_LONGEST_NAME, _LONGEST_NUMBER, _MOST_STEPS = 512, 64, 5_000_000
_MARK = object()


class Unpickler:
    """Reads the pickles of one file.

    Parameters
    ----------
    file
        Positioned at a pickle.
    n_bytes
        How many bytes there are from that position on.
    calls
        (module, name) -> function of ours that stands for it.
    harmless
        (module, name) of classes that hold plain values: they become a `Placeholder`.
    objects
        Whether any other class becomes a `Placeholder` too instead of being refused.
    persistent
        What a persistent id stands for.
    """

    def __init__(
        self,
        file: BinaryIO,
        n_bytes: int,
        calls: Calls,
        *,
        harmless: frozenset[tuple[str, str]] = frozenset(),
        objects: bool = False,
        persistent: Callable[[Any], Any] | None = None,
    ):
        self._file, self._left = file, n_bytes
        self._calls, self._harmless, self._objects, self._persistent = calls, harmless, objects, persistent
        self._steps = 0

    def load(self) -> Any:
        """The next pickle of the file.

        Raises
        ------
        DamagedError
            When it is cut short, is no pickle, or asks for too much.
        RefusedError
            When it holds an object of a class that is not allowed.
        """
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._places: dict[int, list[int]] = {}
        while True:
            self._steps += 1
            if self._steps > _MOST_STEPS:
                raise DamagedError(f"a pickle of more than {_MOST_STEPS} steps")
            code = self.take(1)
            if code == opcodes.STOP:
                return self._pop()
            step = _STEPS.get(code)
            if step is None:
                raise DamagedError(f"byte {code!r} where a pickle's next step was expected")
            step(self)

    def take(self, count: int) -> bytes:
        """The next bytes.

        Raises
        ------
        DamagedError
            When the file ends before.
        """
        # Compared before anything is allocated: the count may be any number.
        if count > self._left:
            raise DamagedError("it ends early")
        self._left -= count
        content = self._file.read(count)
        if len(content) != count:
            raise DamagedError("it ends early")
        return content

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return self._left

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        content = self._file.readline(min(_LONGEST_NAME, self._left))
        self._left -= len(content)
        if not content.endswith(b"\n"):
            raise DamagedError("a pickle with a name that does not end")
        return _text(content[:-1])

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise DamagedError("a pickle that takes more than it has put")
        return self._stack.pop()

    def _top(self) -> Any:
        value = self._pop()
        self._stack.append(value)
        return value

    def _since_mark(self) -> list[Any]:
        for position in range(len(self._stack) - 1, -1, -1):
            if self._stack[position] is _MARK:
                found = self._stack[position + 1 :]
                del self._stack[position:]
                return found
        raise DamagedError("a pickle that takes more than it has put")

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _remember(self, number: int) -> None:
        value = self._top()
        self._memo[number] = value
        if isinstance(value, Unfinished):
            self._places.setdefault(id(value), []).append(number)

    def _recall(self, number: int) -> None:
        if number not in self._memo:
            raise DamagedError("a pickle that recalls what it never remembered")
        self._push(self._memo[number])

    def _global(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise DamagedError("a pickle with a name that is no text")
        known = (module, name) in self._calls or (module, name) in self._harmless
        if not (known or self._objects):
            raise RefusedError(printable(f"{module}.{name}"))
        self._push(Global(module, name))

    def _call(self) -> None:
        arguments, kind = self._pop(), self._pop()
        if not isinstance(kind, Global) or not isinstance(arguments, tuple):
            raise DamagedError("a pickle that calls something that is no function")
        self._push(self.call(kind, arguments))

    def call(self, kind: Global, arguments: tuple) -> Any:
        """What a global gives when it is called: by the table, or a placeholder.

        Raises
        ------
        DamagedError
            When the arguments are not those of the function.
        """
        function = self._calls.get((kind.module, kind.name))
        if function is None:
            return Placeholder(kind, arguments)
        try:
            return function(*arguments)
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RuntimeError) as error:
            raise DamagedError(f"{kind} with other arguments than it takes ({error})") from error

    def _keywords_call(self) -> None:
        self._pop()  # keywords: no class that is called here has any
        self._call()

    def _finish(self) -> None:
        state, target = self._pop(), self._pop()
        if isinstance(target, Placeholder | Unfinished):
            finished = target.finish(state)
            for number in self._places.pop(id(target), ()):
                self._memo[number] = finished
            self._push(finished)
        elif isinstance(target, dict):
            self._push(target)  # attributes of an OrderedDict: torch keeps versions of layers there
        else:
            raise DamagedError(f"a pickle that sets attributes of a {type(target).__name__}")

    def _extend(self, values: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Placeholder):
            target.items.extend(values)
        elif isinstance(target, list):
            target.extend(values)
        else:
            raise DamagedError(f"a pickle that appends to a {type(target).__name__}")

    def _set_items(self, values: list[Any]) -> None:
        target = self._top()
        pairs = list(zip(values[::2], values[1::2], strict=False))
        if len(values) % 2:
            raise DamagedError("a pickle with a key without a value")
        if isinstance(target, Placeholder):
            target.items.extend(pairs)
        elif isinstance(target, dict):
            for key, value in pairs:
                put_item(target, key, value)
        else:
            raise DamagedError(f"a pickle that sets items of a {type(target).__name__}")

    def _one_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    def _tuple(self, count: int) -> None:
        self._push(tuple([self._pop() for _ in range(count)][::-1]))

    def _long(self, count: int) -> None:
        if not 0 <= count <= _LONGEST_NUMBER:
            raise DamagedError(f"a pickle with a number of {count} bytes")
        self._push(int.from_bytes(self.take(count), "little", signed=True))

    def _persist(self) -> None:
        if self._persistent is None:
            raise DamagedError("a pickle that refers to a storage, in a file without storages")
        self._push(self._persistent(self._pop()))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._global(module, name)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise DamagedError("a pickle with text that is not UTF-8") from error


_SET = Global("builtins", "set")
_STEPS: dict[bytes, Callable[[Any], None]] = {
    opcodes.PROTO: lambda read: read.take(1),
    opcodes.FRAME: lambda read: read.take(8),
    opcodes.MARK: lambda read: read._push(_MARK),
    opcodes.POP: lambda read: read._pop(),
    opcodes.POP_MARK: lambda read: read._since_mark(),
    opcodes.NONE: lambda read: read._push(None),
    opcodes.NEWTRUE: lambda read: read._push(True),
    opcodes.NEWFALSE: lambda read: read._push(False),
    opcodes.BININT: lambda read: read._push(read._number("<i")),
    opcodes.BININT1: lambda read: read._push(read._number("<B")),
    opcodes.BININT2: lambda read: read._push(read._number("<H")),
    opcodes.LONG1: lambda read: read._long(read._number("<B")),
    opcodes.LONG4: lambda read: read._long(read._number("<i")),
    opcodes.BINFLOAT: lambda read: read._push(read._number(">d")),
    # Python 2 wrote text and bytes alike.
    opcodes.SHORT_BINSTRING: lambda read: read._push(read.take(read._number("<B")).decode("latin1")),
    opcodes.BINSTRING: lambda read: read._push(read.take(read._number("<I")).decode("latin1")),
    opcodes.SHORT_BINBYTES: lambda read: read._push(read.take(read._number("<B"))),
    opcodes.BINBYTES: lambda read: read._push(read.take(read._number("<I"))),
    opcodes.BINBYTES8: lambda read: read._push(read.take(read._number("<Q"))),
    opcodes.BYTEARRAY8: lambda read: read._push(read.take(read._number("<Q"))),
    opcodes.SHORT_BINUNICODE: lambda read: read._push(_text(read.take(read._number("<B")))),
    opcodes.BINUNICODE: lambda read: read._push(_text(read.take(read._number("<I")))),
    opcodes.BINUNICODE8: lambda read: read._push(_text(read.take(read._number("<Q")))),
    opcodes.EMPTY_LIST: lambda read: read._push([]),
    opcodes.EMPTY_DICT: lambda read: read._push({}),
    opcodes.EMPTY_SET: lambda read: read._push(Placeholder(_SET)),
    opcodes.EMPTY_TUPLE: lambda read: read._push(()),
    opcodes.TUPLE: lambda read: read._push(tuple(read._since_mark())),
    opcodes.TUPLE1: lambda read: read._tuple(1),
    opcodes.TUPLE2: lambda read: read._tuple(2),
    opcodes.TUPLE3: lambda read: read._tuple(3),
    opcodes.FROZENSET: lambda read: read._push(Placeholder(_SET, (read._since_mark(),))),
    opcodes.APPEND: lambda read: read._extend([read._pop()]),
    opcodes.APPENDS: lambda read: read._extend(read._since_mark()),
    opcodes.ADDITEMS: lambda read: read._extend(read._since_mark()),
    opcodes.SETITEM: lambda read: read._one_item(),
    opcodes.SETITEMS: lambda read: read._set_items(read._since_mark()),
    opcodes.BINGET: lambda read: read._recall(read._number("<B")),
    opcodes.LONG_BINGET: lambda read: read._recall(read._number("<I")),
    opcodes.BINPUT: lambda read: read._remember(read._number("<B")),
    opcodes.LONG_BINPUT: lambda read: read._remember(read._number("<I")),
    opcodes.MEMOIZE: lambda read: read._remember(len(read._memo)),
    opcodes.GLOBAL: lambda read: read._global(read._line(), read._line()),
    opcodes.STACK_GLOBAL: lambda read: read._stack_global(),
    opcodes.REDUCE: lambda read: read._call(),
    opcodes.NEWOBJ: lambda read: read._call(),
    opcodes.NEWOBJ_EX: lambda read: read._keywords_call(),
    opcodes.BUILD: lambda read: read._finish(),
    opcodes.BINPERSID: lambda read: read._persist(),
}
