#!/usr/bin/env python3
"""Makes employee-handbook.pdf from employee-handbook.md. Needs Python 3 and nothing else:

    python3 infra/local/demo/employee-handbook.py

Each first-level heading begins a page. The output is the same bytes each time.
"""

import pathlib
import zlib

HERE = pathlib.Path(__file__).parent
TITLE = "Employee Handbook"
WIDTH, HEIGHT, MARGIN = 595, 842, 72
# name: (font, size, distance of lines, space above)
STYLES = {"h1": ("B", 20, 26, 0), "h2": ("B", 14, 20, 10), "p": ("R", 11, 15.5, 7), "li": ("R", 11, 15.5, 2)}
# Helvetica's widths for the characters 32 to 126, in thousandths of the size.
WIDTHS = [int(n) for n in """278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556
278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667
611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500
500 334 260 334 584""".split()]


def width(text, size):
    return sum(WIDTHS[ord(c) - 32] if 32 <= ord(c) < 127 else 556 for c in text) * size / 1000


def wrap(text, size, room):
    line = ""
    for word in text.split():
        if line and width(f"{line} {word}", size) > room:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line


def show(font, size, x, y, text):
    escaped = text.encode("cp1252").replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
    return b"BT /%s %g Tf 1 0 0 1 %.2f %.2f Tm (%s) Tj ET\n" % (font.encode(), size, x, y, escaped)


def pages(markdown):
    """The content of each page, without header and footer."""
    content, y = b"", 0
    for line in (line for line in markdown.splitlines() if line.strip()):
        if line.startswith("# "):
            if content:
                yield content
            content, y, style, text = b"", HEIGHT - MARGIN - 30, "h1", line[2:]
        elif line.startswith("## "):
            style, text = "h2", line[3:]
        elif line.startswith("- ") or line[:2].rstrip(".").isdigit():
            style, text = "li", line.replace("- ", "\u2022 ", 1) if line.startswith("- ") else line
        else:
            style, text = "p", line
        font, size, leading, above = STYLES[style]
        y -= above
        for i, piece in enumerate(wrap(text, size, WIDTH - 2 * MARGIN - 14 * (style == "li"))):
            content += show(font, size, MARGIN + (14 if style == "li" and i else 0), y, piece)
            y -= leading
        assert y > MARGIN, f"too much text under {line!r}"
    yield content


def main():
    bodies = list(pages((HERE / "employee-handbook.md").read_text(encoding="utf-8")))
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(bodies), b" ".join(b"%d 0 R" % (6 + 2 * i) for i in range(len(bodies)))),
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        4: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold/Encoding/WinAnsiEncoding>>",
        5: b"<</Title(%s)/Author(Larkfield Instruments)/CreationDate(D:20260105090000Z)>>" % TITLE.encode(),
    }
    for i, body in enumerate(bodies):
        number = f"Page {i + 1} of {len(bodies)}"
        body += show("R", 8, MARGIN, HEIGHT - 40, f"Larkfield Instruments \u2013 {TITLE}")
        body += show("R", 8, WIDTH - MARGIN - width(number, 8), 40, number)
        stream = zlib.compress(body, 9)
        objects[6 + 2 * i] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Resources<</Font<</R 3 0 R/B 4 0 R>>>>/Contents %d 0 R>>"
            % (WIDTH, HEIGHT, 7 + 2 * i)
        )
        objects[7 + 2 * i] = b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(stream), stream)
    out, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in sorted(objects.items()):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % o for o in offsets)
    out += b"trailer\n<</Size %d/Root 1 0 R/Info 5 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    (HERE / "employee-handbook.pdf").write_bytes(out)


if __name__ == "__main__":
    main()
