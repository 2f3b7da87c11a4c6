"""Read a QR code of versions 1 to 3 and level M, by ISO/IEC 18004, out of what was drawn.

It corrects no errors: what was drawn has none. Nothing here comes from what drew it.
"""

from __future__ import annotations

import re
import struct
import zlib

__all__ = ["from_png", "from_svg", "from_terminal", "read"]

Matrix = list[list[int]]
_MASKS = (
    lambda i, j: (i + j) % 2,
    lambda i, j: i % 2,
    lambda i, j: j % 3,
    lambda i, j: (i + j) % 3,
    lambda i, j: (i // 2 + j // 3) % 2,
    lambda i, j: i * j % 2 + i * j % 3,
    lambda i, j: (i * j % 2 + i * j % 3) % 2,
    lambda i, j: ((i + j) % 2 + i * j % 3) % 2,
)


def from_png(image: bytes, scale: int, border: int) -> Matrix:
    """Return the modules of a PNG in two colours, without the border."""
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at < len(image):
        size, kind = struct.unpack(">I4s", image[at : at + 8])
        chunks[kind] = chunks.get(kind, b"") + image[at + 8 : at + 8 + size]
        at += size + 12
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) in ((1, 0), (1, 3)), "not in two colours"
    dark = 0
    if colour == 3:
        palette = chunks[b"PLTE"]
        dark = 0 if sum(palette[:3]) < sum(palette[3:6]) else 1
    rows, line = zlib.decompress(chunks[b"IDAT"]), (width + 7) // 8 + 1
    pixels, above = [], bytes(line - 1)
    for y in range(height):
        row = rows[y * line + 1 : (y + 1) * line]
        assert rows[y * line] in (0, 2), "a filter other than none and up"
        if rows[y * line] == 2:
            row = bytes((here + there) % 256 for here, there in zip(row, above, strict=True))
        above = row
        bits = "".join(f"{byte:08b}" for byte in row)[:width]
        pixels.append([int(bit == str(dark)) for bit in bits])
    return _inner([row[::scale] for row in pixels[::scale]], border)


def from_svg(image: str, border: int) -> Matrix:
    """Return the modules of an SVG whose lines are one module thick, without the border."""
    found = re.search(r'stroke="#000" d="([^"]+)"', image)
    size = re.search(r'fill="#fff" d="M0 0h(\d+)', image)
    assert found
    assert size, "no light ground"
    matrix = [[0] * int(size[1]) for _ in range(int(size[1]))]
    x, y = 0.0, 0.0
    for letter, numbers in re.findall(r"([Mmh])([^Mmh]+)", found[1]):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if letter == "h":
            for column in range(int(x), int(x + values[0])):
                matrix[int(y)][column] = 1
            x += values[0]
        elif letter == "M":
            x, y = values
        else:
            x, y = x + values[0], y + values[1]
    return _inner(matrix, border)


def from_terminal(text: str, border: int) -> Matrix:
    """Return the modules of half blocks, which show what is light, without the border."""
    rows: Matrix = []
    for line in re.sub(r"\033\[[\d;]*m", "", text).splitlines():
        rows.append([int(letter in " ▄") for letter in line])
        rows.append([int(letter in " ▀") for letter in line])
    return _inner(rows[: len(rows[0])], border)


def read(matrix: Matrix) -> str:
    """Return the text of a code."""
    size = len(matrix)
    version = (size - 17) // 4
    assert version in (1, 2, 3), "larger than this can read"
    for corner in ((0, 0), (0, size - 7), (size - 7, 0)):
        assert [matrix[corner[0]][corner[1] + k] for k in range(7)] == [1] * 7, "no finder"
    told = [matrix[8][k] ^ bit for k, bit in enumerate((1, 0, 1, 0, 1))]
    assert told[:2] == [0, 0], "not of level M"
    masked = _MASKS[told[2] * 4 + told[3] * 2 + told[4]]
    bits, column, upward = "", size - 1, True
    while column > 0:
        column -= column == 6
        for row in range(size - 1, -1, -1) if upward else range(size):
            for at in (column, column - 1):
                if not _is_function(row, at, size, version):
                    bits += str(matrix[row][at] ^ int(masked(row, at) == 0))
        column, upward = column - 2, not upward
    assert bits[:4] == "0100", "not in bytes"
    length = int(bits[4:12], 2)
    octets = bytes(int(bits[12 + 8 * k : 20 + 8 * k], 2) for k in range(length))
    return octets.decode("utf-8")


def _is_function(row: int, column: int, size: int, version: int) -> bool:
    in_finder = (
        (row < 9 and column < 9)
        or (row < 9 and column >= size - 8)
        or (row >= size - 8 and column < 9)
    )
    middle = size - 7
    in_alignment = version > 1 and abs(row - middle) <= 2 and abs(column - middle) <= 2
    return in_finder or in_alignment or 6 in (row, column)


def _inner(matrix: Matrix, border: int) -> Matrix:
    edge = len(matrix) - border
    around = [
        module
        for y, row in enumerate(matrix)
        for x, module in enumerate(row)
        if not (border <= y < edge and border <= x < edge)
    ]
    assert not any(around), "the border is not light"
    return [row[border:edge] for row in matrix[border:edge]]
