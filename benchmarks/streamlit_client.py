"""A client of Streamlit's protocol, for benchmarks: what a browser sends and receives, without drawing anything."""

from types import TracebackType
from typing import Self
from urllib.parse import quote

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

# A browser forgets a message that the last two runs of the page did not use.
_LONGEST_UNUSED = 2
_FAILED = {ForwardMsg.FINISHED_WITH_COMPILE_ERROR}


class Session:
    """One browser window: `received` counts the bytes of all messages so far."""

    def __init__(self, port: int) -> None:
        self._address = f"ws://127.0.0.1:{port}/_stcore/stream"
        self._connection: ClientConnection
        self._age_of_message: dict[str, int] = {}
        self._pages: dict[str, str] = {}
        self.received = 0

    async def __aenter__(self) -> Self:
        subprotocols = ["streamlit"]
        self._connection = await connect(self._address, subprotocols=subprotocols, max_size=None, open_timeout=60)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connection.close()

    async def visit(self, address: str) -> None:
        """Ask for a page by its path and query, and return once it is drawn, perhaps after redirects."""
        path, _, query = address.partition("?")
        state = ClientState(query_string=quote(query, safe="=&"), cached_message_hashes=self._age_of_message)
        if path in self._pages:
            state.page_script_hash = self._pages[path]
        else:
            state.page_name = path
        state.context_info.timezone = "UTC"
        state.context_info.color_scheme = "light"
        await self._connection.send(BackMsg(rerun_script=state).SerializeToString())
        await self._receive()
        self._forget_messages()

    async def _receive(self) -> None:
        while True:
            content = await self._connection.recv(decode=False)
            self.received += len(content)
            message = ForwardMsg.FromString(content)
            match message.WhichOneof("type"):
                case "navigation":
                    self._pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
                case "delta" if message.metadata.cacheable:
                    self._age_of_message[message.hash] = 0
                case "ref_hash":
                    self._age_of_message[message.ref_hash] = 0
                case "script_finished" if message.script_finished in _FAILED:
                    raise RuntimeError("The script of the page failed.")
                case "script_finished" if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    return

    def _forget_messages(self) -> None:
        ages = {one: age + 1 for one, age in self._age_of_message.items()}
        self._age_of_message = {one: age for one, age in ages.items() if age <= _LONGEST_UNUSED}
