"""Bytes for artifacts: half of them compress well, as weights, logs and tables of real runs do."""

from __future__ import annotations

import json
import struct
import zlib
from random import Random

from .values import Artifact, Curve

_POOL = 4 << 20
_BLOCK = 4096

REQUIREMENTS = "mlflow==3.17.2\nnumpy==2.1.3\npandas==2.2.3\nscikit-learn==1.5.2\ntorch==2.5.1\n"


class Blobs:
    """Content for every kind of artifact, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        random = Random(f"{seed}/blobs")
        noise = random.randbytes(_POOL // 2)
        # Every other block is nearly empty: a packed backup of the store gains something.
        quiet = [noise[at : at + 64] + bytes(_BLOCK - 64) for at in range(0, _POOL // 2, _BLOCK)]
        loud = [noise[at : at + _BLOCK] for at in range(0, _POOL // 2, _BLOCK)]
        self._pool = b"".join(block for pair in zip(loud, quiet, strict=True) for block in pair) * 2
        self._log = "".join(
            f"step {step:06d}  loss {random.random() * 3:.4f}  {random.randint(80, 140)} ms\n" for step in range(3000)
        ).encode()
        self._table = "".join(
            f"{row},{random.randint(0, 999)},{random.random():.4f},{random.random():.4f}\n" for row in range(3000)
        ).encode()
        self._vocabulary = json.dumps({f"token_{at}": at for at in range(600)}, indent=1).encode()
        self._images = [_image(random, 48 + 16 * at) for at in range(6)]

    def make(
        self,
        artifact: Artifact,
        params: tuple[tuple[str, str], ...] = (),
        curves: tuple[Curve, ...] = (),
        model: bytes = b"",
    ) -> bytes:
        """The artifact's bytes; ``params`` and ``curves`` are its run's, ``model`` is for an ``MLmodel``."""
        kind, size, pick = artifact.kind, artifact.size, artifact.pick
        if kind == "weights":
            start = pick % (_POOL // 2)
            return self._pool[start : start + size]
        if kind == "image":
            return self._images[pick % len(self._images)]
        if kind == "config":
            return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in params).encode()
        if kind == "report":
            return json.dumps({curve.name: curve.last for curve in curves}, indent=2).encode()
        if kind == "log":
            return _lines(self._log, size, pick)
        if kind == "table":
            return b"id,label,score,margin\n" + _lines(self._table, size, pick)
        if kind == "vocabulary":
            return self._vocabulary
        if kind == "requirements":
            return REQUIREMENTS.encode()
        return model


def _lines(text: bytes, size: int, pick: int) -> bytes:
    """About ``size`` bytes of whole lines from somewhere in ``text``, repeated when it is shorter."""
    start = text.index(b"\n", pick % (len(text) // 2)) + 1
    piece = text[start:]
    piece *= size // len(piece) + 1
    return piece[: piece.rindex(b"\n", 0, size + 80) + 1]


def _image(random: Random, side: int) -> bytes:
    """A grey PNG of ``side`` squared pixels: blurred steps, like a confusion matrix."""
    step = side // 8
    shades = [[random.randint(20, 235) for _ in range(side // step + 1)] for _ in range(side // step + 1)]
    rows = b"".join(
        b"\0" + bytes(shades[y // step][x // step] + (x ^ y) % 16 for x in range(side)) for y in range(side)
    )
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(rows, 6)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
