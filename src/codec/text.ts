/**
 * Text in `char` arrays. Bytes that are not UTF-8 become lone surrogates U+DC80…U+DCFF, one per byte, and go
 * back to the same bytes, so that no name is lost or refused (Python's `surrogateescape`).
 */

/** The text of bytes that hold no NUL. */
export function readText(bytes: DataView, from: number, to: number): string {
  let text = '';
  let at = from;
  for (; at < to; at++) {
    const byte = bytes.getUint8(at);
    if (byte >= 0x80) return text + readUTF8(bytes, at, to);
    text += String.fromCharCode(byte);
  }
  return text;
}

function readUTF8(bytes: DataView, from: number, to: number): string {
  let text = '';
  let at = from;
  while (at < to) {
    const first = bytes.getUint8(at);
    const length =
      first < 0x80
        ? 1
        : first >= 0xc2 && first < 0xe0
          ? 2
          : first >= 0xe0 && first < 0xf0
            ? 3
            : first >= 0xf0 && first < 0xf5
              ? 4
              : 0;
    const point = length === 1 ? first : sequence(bytes, at, to, first, length);
    if (point === undefined) {
      text += String.fromCharCode(0xdc00 + first);
      at++;
    } else {
      text += String.fromCodePoint(point);
      at += length;
    }
  }
  return text;
}

/** The code point of a sequence of 2 to 4 bytes; undefined if it is not well-formed. */
function sequence(
  bytes: DataView,
  at: number,
  to: number,
  first: number,
  length: number,
): number | undefined {
  if (length === 0 || at + length > to) return undefined;
  let point = first & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const next = bytes.getUint8(at + i);
    if ((next & 0xc0) !== 0x80) return undefined;
    point = (point << 6) | (next & 0x3f);
  }
  const overlong = (length === 3 && point < 0x800) || (length === 4 && point < 0x10000);
  const surrogate = point >= 0xd800 && point < 0xe000;
  return overlong || surrogate || point > 0x10ffff ? undefined : point;
}

/** The bytes of a text; undefined if it holds a surrogate that stands for no byte. */
export function textBytes(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const char of text) {
    const point = char.codePointAt(0) ?? 0;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
    else if (point >= 0xdc80 && point <= 0xdcff) bytes.push(point - 0xdc00);
    else if (point >= 0xd800 && point < 0xe000) return undefined;
    else if (point < 0x10000)
      bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    else
      bytes.push(
        0xf0 | (point >> 18),
        0x80 | ((point >> 12) & 0x3f),
        0x80 | ((point >> 6) & 0x3f),
        0x80 | (point & 0x3f),
      );
  }
  return Uint8Array.from(bytes);
}
