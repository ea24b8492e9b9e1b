"""This module lets several writers share one transaction, and so one wait for the disk.

Each writer puts its work, a function, into a queue. The first of the queue does the work of all who are in it, one
after the other, and commits once; the others only wait for that
(docs/decisions/0056-one-writer-does-the-work-of-all-who-wait.md).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from app import bounds
from app.scim.errors import ScimError, busy
from app.store.database.connection import Connection
from app.store.database.connection_pool import Connections

_Result = TypeVar("_Result")
Work = Callable[[Connection], _Result]


class WorkLost(Exception):  # noqa: N818  # no fault of the writer who meets it
    """The database took back a shared transaction because of another writer; the work can be done again, alone."""


class _OfThread(threading.local):
    """What the turns of one thread have in common: the calls that wake it, and what it does before it waits.

    `use_wait` may begin another turn in the same thread, and returns whether it did anything.
    """

    def __init__(self) -> None:
        self.calls: SimpleQueue[None] = SimpleQueue()
        self.use_wait: Callable[[], bool] = lambda: False


of_thread = _OfThread()


class _Turn:
    """The work of one writer, and its outcome when it `is_over`.

    The work sees the context variables of its writer, whichever thread runs it.
    """

    __slots__ = ("_context", "_result", "_work", "calls", "error", "is_over")

    def __init__(self, work: Work[Any]) -> None:
        self.is_over = False
        self.error: BaseException | None = None
        self._work = work
        self._context = copy_context()
        self._result: Any = None
        self.calls = of_thread.calls

    def run(self, connection: Connection) -> None:
        """Do the work and keep what it returns. Raises what it raises."""
        self._result = self._context.run(self._work, connection)

    def end(self, error: BaseException | None) -> None:
        """Let the turn be over, with an error instead of its own outcome if there is one."""
        self.error = error or self.error
        self.is_over = True

    def call(self) -> None:
        """Wake the writer: its turn is over, or it is the first of the queue."""
        if self.calls is not of_thread.calls:
            self.calls.put(None)

    def wait(self, timeout: float | None) -> bool:
        """Return whether the writer was called in time; an earlier call counts."""
        try:
            self.calls.get(timeout=timeout)
        except Empty:
            return False
        return True

    def outcome(self) -> Any:
        """Return what the work returned. Raises its error, or the one that ended the transaction."""
        try:
            if self.error is not None:
                raise self.error
            return self._result
        finally:
            self.error = None  # its traceback refers to this turn


class Writers:
    """The writers of one application to one file, on its connections.

    `last_refusal`: when the database last refused to store the work of writers who share, by `time.monotonic`, and why.
    `damaged_since`: when this process first met damage in the file, "" if it has not; then writers no longer share.
    """

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.turns = 0  # since the last checkpoint
        self.transactions = 0  # that write, since the start
        self.last_refusal = (float("-inf"), "")
        self.damaged_since = ""
        self._writing = threading.Lock()
        self._queue: deque[_Turn] = deque()

    @contextmanager
    def alone(self, wait: bool) -> Iterator[None]:
        """Wait until no other writer of this process is in a transaction.

        Raises UNAVAILABLE after `bounds.WRITE_WAIT_S`; without `wait`, at once if there is another writer.
        """
        if not self._writing.acquire(timeout=bounds.WRITE_WAIT_S if wait else 0):
            raise busy()
        try:
            self.turns += 1
            self.transactions += 1
            yield
        finally:
            self._writing.release()

    def together(self, work: Work[_Result]) -> _Result:
        """Return what `work` returns with a connection in a write transaction, which has been committed.

        Raises UNAVAILABLE after `bounds.WRITE_WAIT_S`, the driver's errors, and WorkLost. An error of the work is
        raised when the transaction is over: it may follow from the work of others, who may lose it.
        """
        turn = _Turn(work)
        self._queue.append(turn)
        try:
            self._wait_for(turn)
        except BaseException as error:  # such as no memory: if the turn stayed the first, nobody would lead
            self._give_up(turn, error)
        with suppress(Empty):  # calls that were not waited for; an outer turn looks whether it is over first
            while True:
                turn.calls.get_nowait()
        result: _Result = turn.outcome()
        return result

    def _wait_for(self, turn: _Turn) -> None:
        """Wait until a turn is over; end it after `bounds.WRITE_WAIT_S`."""
        end = time.monotonic() + bounds.WRITE_WAIT_S
        while not turn.is_over:
            if of_thread.use_wait():
                continue
            timeout = max(0, end - time.monotonic())
            # The thread of the first waits for the lock, and the others for it: one is woken after a transaction.
            if not self._is_first(turn):
                is_in_time = turn.wait(timeout)
            elif is_in_time := self._writing.acquire(timeout=timeout):
                self._lead(turn)
            if not is_in_time:
                self._give_up(turn, busy())

    def _is_first(self, turn: _Turn) -> bool:
        try:
            return self._queue[0].calls is turn.calls
        except IndexError:  # it is being done
            return False

    def _lead(self, turn: _Turn) -> None:
        """Run a transaction for all in the queue, unless another thread did so for this turn; release the lock."""
        batch = None
        try:
            if not turn.is_over:
                batch = _Batch(self._queue)
                batch.run(self.connections)
                self.turns += len(batch.turns)
                self.transactions += 1
        finally:
            self._writing.release()
            for one in batch.turns if batch else ():
                one.call()
            self._call_first()

    def _give_up(self, turn: _Turn, error: BaseException) -> None:
        """Let a turn be over with an error, unless it is being done: then, with its own outcome."""
        try:
            self._queue.remove(turn)
        except ValueError:
            with self._writing:  # its leader has the lock, and may have no memory left to end the turn or to call
                if not turn.is_over:
                    turn.end(error)
        else:
            turn.end(error)
            self._call_first()

    def _call_first(self) -> None:
        with suppress(IndexError):
            self._queue[0].call()


class _Batch:
    """A transaction for the first `turns` of a queue, which are over when it has run."""

    def __init__(self, queue: deque[_Turn]) -> None:
        self.turns = [queue.popleft()]
        self._queue = queue
        self._failed: _Turn | None = None

    def run(self, connections: Connections) -> None:
        """Do the work of at most `bounds.WRITERS_TOGETHER` turns and commit it."""
        connection: Connection | None = None
        error: BaseException | None = None
        try:
            connection = connections.take()
            connection.run("BEGIN IMMEDIATE")
            connection.keeps_generation = True  # administrators write alone
            self._do_work(connection)
            connection.deadline = None
            connection.commit()
        except BaseException as failure:
            error = failure
        try:
            for turn in self.turns:
                turn.end(None if turn is self._failed else error)
        finally:  # also if there is no memory left
            if isinstance(error, WorkLost) and connection:
                connections.drop(connection)
            elif connection:
                connections.give_back(connection, error)

    def _do_work(self, connection: Connection) -> None:
        """Do the work of one turn after the other. Raises WorkLost if that of one cannot be taken back alone.

        A refusal takes nothing back if it came before anything was written. After any other error SQLite may have
        undone all work, and a statement may still be open.
        """
        while True:
            turn, changes = self.turns[-1], connection.driver.total_changes
            connection.deadline = time.monotonic() + bounds.STATEMENT_S
            try:
                turn.run(connection)
            except ScimError as refusal:
                turn.error = refusal
                if connection.driver.total_changes != changes:
                    raise WorkLost from None
            except BaseException as error:
                turn.error, self._failed = error, turn
                raise WorkLost from None
            if len(self.turns) >= bounds.WRITERS_TOGETHER:
                return
            try:
                self.turns.append(self._queue.popleft())
            except IndexError:
                return
