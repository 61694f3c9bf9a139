"""A node that only acts: it tells a story about each job, cut in pieces."""

import json
import socket
import struct
import threading
import time

TOKEN = "a-token"
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # for the key the client always sends


def frame(opcode, payload, final=True):
    size = len(payload)
    head = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        head += bytes([size])
    elif size < 65536:
        head += b"\x7e" + struct.pack(">H", size)
    else:
        head += b"\x7f" + struct.pack(">Q", size)
    return head + payload


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class ScriptedNode:
    """Accepts jobs, and tells the story it was given about each."""

    def __init__(self, tell, piece, answer=b'{"exit_code":0,"job_id":"x"}'):
        self.tell = tell
        self.piece = piece  # bytes per send; every cut is tried that way
        self.answer = answer
        self.pongs = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(link,),
                             daemon=True).start()

    def _send(self, link, content):
        # The first bytes are cut finely, the bulk is not: it would take long.
        for start in range(0, min(len(content), 4000), self.piece):
            link.sendall(content[start:min(start + self.piece, 4000)])
        link.sendall(content[4000:])

    def _serve(self, link):
        reader = link.makefile("rb")
        try:
            while self._one_request(link, reader):
                pass
        except (OSError, ValueError):
            pass
        finally:
            link.close()

    def _one_request(self, link, reader):
        line = reader.readline().decode()
        if not line:
            return False
        fields = {}
        while (text := reader.readline().strip()):
            key, _, value = text.decode().partition(":")
            fields[key.lower()] = value.strip()
        if fields.get("authorization") != f"Bearer {TOKEN}":
            raise ValueError("no token")
        reader.read(int(fields.get("content-length", 0)))
        method, target, _ = line.split()
        if target == "/v1/stream":
            self._web_socket(link, reader)
            return False
        if target.endswith("/events"):
            self._event_stream(link, target.split("/")[3])
            return False
        body = self.answer
        status = b"201 Created" if method == "POST" else b"200 OK"
        self._send(link, b"HTTP/1.1 %s\r\nserver: x\r\nCONTENT-length:  %d\r\n"
                   b"\r\n%s" % (status, len(body), body))
        return True

    def _web_socket(self, link, reader):
        hello = frame(1, compact({"type": "connected", "client_id": "c"}))
        self._send(link, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: "
                   b"websocket\r\nSec-WebSocket-Accept: " + ACCEPT.encode() +
                   b"\r\n\r\n" + hello)
        text = self._client_frame(reader)
        stream = b""
        for number, event in enumerate(self.tell(
                json.loads(text)["job_ids"][0]).texts):
            if number % 2 == 0:
                stream += frame(1, event)
                continue
            third = len(event) // 3
            stream += (frame(1, event[:third], False) + frame(9, b"there?") +
                       frame(0, event[third:-third], False) +
                       frame(0, event[-third:]))
        threading.Thread(target=self._count_pongs, args=(reader,),
                         daemon=True).start()
        self._send(link, stream)
        time.sleep(0.2)  # the client closes first, or is told to
        self._send(link, frame(8, b"\x03\xe8"))

    def _count_pongs(self, reader):
        try:
            while self._client_frame(reader) == b"there?":
                self.pongs += 1
        except (OSError, ValueError, IndexError):
            pass

    @staticmethod
    def _client_frame(reader):
        head = reader.read(2)
        size = head[1] & 0x7f
        if not head[1] & 0x80:
            raise ValueError("an unmasked frame from a client")
        if size == 126:
            size = struct.unpack(">H", reader.read(2))[0]
        mask = reader.read(4)
        return bytes(byte ^ mask[index % 4] for index, byte
                     in enumerate(reader.read(size)))

    def _event_stream(self, link, job_id):
        text = b": hello\n\n"
        for number, event in enumerate(self.tell(job_id).texts):
            text += b"id: %d\nevent: x\ndata: %s\n\n" % (number + 1, event)
            text += b": heartbeat\n\n"
        wire, size = b"", 1
        while text:
            part, text = text[:size], text[size:]
            wire += b"%X\r\n%s\r\n" % (len(part), part)
            size = size * 3 % 70000 + 1
        self._send(link, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                   b"\r\n" + wire + b"0\r\n\r\n")
