/** From the bytes that were handed over back to the pieces of a spec that would give them again. */

import { toHex } from '../../codec/index.js';
import { readText } from '../../codec/text.js';
import type { Content } from '../../formats/kho/index.js';
import { type Image, isAbsence } from '../../memory/index.js';
import type { PieceSpec } from './spec.js';

export interface PiecesOf {
  readonly pieces: readonly PieceSpec[];
  /** Bytes of content that are left out because there is too much of it; told as absent. */
  readonly omitted: bigint;
}

/** Bytes that are alike are looked for in units of this size. */
const UNIT = 4096;
/** So many zeros at the end of a unit are told by a piece of their own rather than written out. */
const WORTH_A_PIECE = 32;

/** Gathers content into pieces: as few as possible, holes implied by where the next piece begins. */
export class PieceWriter {
  readonly #pieces: PieceSpec[] = [];
  readonly #limit: number;
  #written = 0;
  #omitted = 0n;
  /** Where the pieces so far end. */
  #end = 0n;
  /** The unit that is being gathered. */
  readonly #unit = new Uint8Array(UNIT);
  #unitStart = 0n;
  #unitLength = 0;
  /** The piece that is being gathered. */
  #kind: 'none' | 'bytes' | 'fill' | 'absent' = 'none';
  #start = 0n;
  #length = 0n;
  #fill = '';
  #bytes: Uint8Array[] = [];

  /** At most `limit` bytes are written out. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes at an offset; what was added before ends there or before. */
  add(offset: bigint, bytes: Uint8Array): void {
    if (offset !== this.#unitStart + BigInt(this.#unitLength)) this.#begin(offset);
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#room());
      this.#unit.set(part, this.#unitLength);
      this.#unitLength += part.length;
      at += part.length;
      if (this.#room() === 0) this.#begin(offset + BigInt(at));
    }
  }
  zeros(offset: bigint, length: bigint): void {
    if (offset !== this.#unitStart + BigInt(this.#unitLength)) this.#begin(offset);
    // What is left of a unit that was begun, then whole units, then the rest.
    const room = BigInt(this.#room());
    const into = this.#unitLength === 0 && room === BigInt(UNIT) ? 0n : room < length ? room : length;
    this.add(offset, new Uint8Array(Number(into)));
    const whole = length - into - ((length - into) % BigInt(UNIT));
    if (whole > 0n) {
      this.#begin(offset + into + whole);
      this.#extend('fill', offset + into, whole, 'zeros');
    }
    this.add(offset + into + whole, new Uint8Array(Number(length - into - whole)));
  }
  absent(offset: bigint, length: bigint): void {
    this.#begin(offset + length);
    this.#extend('absent', offset, length, '');
  }

  /** Bytes that the unit may still have: units are counted from the start of the content. */
  #room(): number {
    return UNIT - Number(this.#unitStart % BigInt(UNIT)) - this.#unitLength;
  }
  /** Ends the unit, and begins the next one at an offset. */
  #begin(offset: bigint): void {
    const unit = this.#unit.slice(0, this.#unitLength);
    const where = this.#unitStart;
    this.#unitStart = offset;
    this.#unitLength = 0;
    const [first] = unit;
    if (first === undefined) return;
    const length = BigInt(unit.length);
    if (unit.every((byte) => byte === first)) this.#extend('fill', where, length, fillOf(first));
    else if (this.#written + unit.length > this.#limit) {
      this.#omitted += length;
      this.#extend('absent', where, length, '');
    } else {
      this.#written += unit.length;
      this.#extend('bytes', where, length, '');
      this.#bytes.push(unit);
      // Zeros at the end need not be written out.
      if (trailingZeros(unit) >= WORTH_A_PIECE) this.#flush();
    }
  }

  done(): PiecesOf {
    this.#begin(0n);
    this.#flush();
    return { pieces: this.#pieces, omitted: this.#omitted };
  }

  #extend(kind: 'bytes' | 'fill' | 'absent', offset: bigint, length: bigint, fill: string): void {
    const follows = this.#kind === kind && this.#fill === fill && this.#start + this.#length === offset;
    if (follows) {
      this.#length += length;
      return;
    }
    this.#flush();
    this.#kind = kind;
    this.#start = offset;
    this.#length = length;
    this.#fill = fill;
  }

  #flush(): void {
    const kind = this.#kind;
    if (kind === 'none') return;
    this.#kind = 'none';
    const at = this.#start === this.#end ? {} : { at: this.#start };
    this.#end = this.#start + this.#length;
    if (kind === 'fill') this.#pieces.push({ ...at, size: this.#length, fill: this.#fill });
    else if (kind === 'absent') this.#pieces.push({ ...at, size: this.#length, absent: true });
    else {
      const bytes = joined(this.#bytes);
      this.#bytes = [];
      const used = bytes.length - trailingZeros(bytes);
      const part = bytes.subarray(0, used);
      const text = textOf(part);
      // What is followed by zeros says its size; an empty piece cannot be here, for it would be a fill.
      const size = used === bytes.length ? {} : { size: this.#length };
      this.#pieces.push(text === undefined ? { ...at, ...size, hex: toHex(part) } : { ...at, ...size, text });
    }
  }
}

function trailingZeros(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.length - end;
}
function fillOf(byte: number): string {
  return byte === 0 ? 'zeros' : byte.toString(16).padStart(2, '0');
}
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The bytes as text, if that is what they are: printable ASCII, tabs and newlines. */
function textOf(bytes: Uint8Array): string | undefined {
  const isText = bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10);
  if (!isText) return undefined;
  return readText(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
}

/** The pieces of bytes. */
export function piecesOfBytes(bytes: Uint8Array, limit: number): PiecesOf {
  const writer = new PieceWriter(limit);
  writer.add(0n, bytes);
  return writer.done();
}

/** The pieces of the content of a file. */
export function piecesOfContent(contents: Iterable<Content>, limit: number): PiecesOf {
  const writer = new PieceWriter(limit);
  for (const part of contents) {
    if (part.kind === 'data') writer.add(part.offset, part.bytes);
    else if (part.kind === 'absent') writer.absent(part.offset, part.length);
    else if (part.because === 'zero in the dump') writer.zeros(part.offset, part.length);
  }
  return writer.done();
}

/** Memory is read in pieces of this size. */
const WINDOW = 1 << 20;

/** The pieces of a piece of memory. */
export function piecesOfMemory(image: Image, address: bigint, size: bigint, limit: number): PiecesOf {
  return piecesOfRuns(image, [{ address, size }], limit);
}

/** The pieces of several, one after the other. */
export function piecesOfRuns(
  image: Image,
  runs: Iterable<{ readonly address: bigint; readonly size: bigint }>,
  limit: number,
): PiecesOf {
  const writer = new PieceWriter(limit);
  let offset = 0n;
  for (const { address, size } of runs) {
    addMemory(writer, image, address, size, offset);
    offset += size;
  }
  return writer.done();
}

function addMemory(writer: PieceWriter, image: Image, address: bigint, size: bigint, offset: bigint): void {
  for (let at = 0n; at < size; ) {
    const place = image.at(address + at);
    const left = size - at;
    const reach = place.length < left ? place.length : left;
    if (place.state === 'absent' || place.state === 'zero') {
      if (place.state === 'zero') writer.zeros(offset + at, reach);
      else writer.absent(offset + at, reach);
      at += reach;
      continue;
    }
    const length = reach < BigInt(WINDOW) ? Number(reach) : WINDOW;
    const bytes = image.read(address + at, length);
    if (isAbsence(bytes)) writer.absent(offset + at, BigInt(length));
    else writer.add(offset + at, bytes);
    at += BigInt(length);
  }
}
