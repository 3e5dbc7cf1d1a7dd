/** What a file or a region holds: pieces of bytes, some of them only made when they are written. */
import { fromHex } from '../../codec/index.js';
import { suggest } from '../../codec/suggest.js';
import { textBytes } from '../../codec/text.js';
import type { LazyContent, SegmentContent } from '../../memory/index.js';
import { buildError } from '../build-error.js';
import { partOf } from '../content.js';
import { random } from '../random.js';
import { wordOf } from '../words.js';
import type { ContentsSpec, PieceSpec } from './spec.js';

/** A part of a file that is no hole. */
export interface Piece {
  readonly offset: bigint;
  readonly size: bigint;
  /** Undefined where the memory exists and the image does not have it. */
  readonly content: SegmentContent | undefined;
}

/** Gives the content of a file by its name, for `file:`. */
export type FileReader = (name: string) => LazyContent;

export interface Contents {
  /** Up to the end of the last piece, holes included. */
  readonly size: bigint;
  /** Disjoint, by ascending offset. */
  readonly pieces: readonly Piece[];
}

/** @throws `build-value` for pieces that overlap, and for what makes no sense in them. */
export function contentsOf(spec: ContentsSpec | undefined, path: string, read?: FileReader): Contents {
  if (spec === undefined) return { size: 0n, pieces: [] };
  const list: readonly PieceSpec[] =
    typeof spec === 'string' ? [{ text: spec }] : spec instanceof Uint8Array ? [{ bytes: spec }] : spec;
  const pieces: Piece[] = [];
  let end = 0n;
  let size = 0n;
  for (const [i, piece] of list.entries()) {
    const where = typeof spec === 'string' || spec instanceof Uint8Array ? path : `${path}[${i}]`;
    const offset = piece.at === undefined ? end : wordOf(piece.at, `${where}.at`);
    const made = contentOf(piece, where, read);
    end = offset + made.size;
    if (end > size) size = end;
    if (made.kind !== 'hole' && made.size > 0n)
      pieces.push({ offset, size: made.size, content: made.kind === 'data' ? made.content : undefined });
  }
  pieces.sort((a, b) => (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0));
  for (const [i, piece] of pieces.entries()) {
    const before = pieces[i - 1];
    if (before !== undefined && before.offset + before.size > piece.offset)
      throw buildError('build-value', path, `two pieces lie at offset 0x${piece.offset.toString(16)}`);
  }
  return { size, pieces };
}

type Made =
  | { readonly kind: 'hole' | 'absent'; readonly size: bigint }
  | { readonly kind: 'data'; readonly size: bigint; readonly content: SegmentContent };

function contentOf(piece: PieceSpec, path: string, read: FileReader | undefined): Made {
  const asked = piece.size === undefined ? undefined : wordOf(piece.size, `${path}.size`);
  const sized = (what: string): bigint => {
    if (asked === undefined) throw buildError('build-value', path, `${what} needs a size`);
    return asked;
  };
  const data = (bytes: Uint8Array): Made => {
    if (asked !== undefined && asked < BigInt(bytes.length))
      throw buildError('build-value', `${path}.size`, `it holds ${bytes.length} bytes, more than ${asked}`);
    return { kind: 'data', size: asked ?? BigInt(bytes.length), content: bytes };
  };
  if ('hole' in piece) return { kind: 'hole', size: sized('a hole') };
  if ('absent' in piece) return { kind: 'absent', size: sized('absent memory') };
  if ('text' in piece) {
    const bytes = textBytes(piece.text);
    if (bytes === undefined)
      throw buildError('build-value', `${path}.text`, 'half a surrogate pair is no text');
    return data(bytes);
  }
  if ('bytes' in piece) return data(piece.bytes);
  if ('hex' in piece) return data(hexBytes(piece.hex, `${path}.hex`));
  if ('fill' in piece) {
    const size = sized('a fill');
    return { kind: 'data', size, content: filled(piece.fill, size, piece.seed ?? 0, `${path}.fill`) };
  }
  if (read === undefined)
    throw buildError('build-value', path, 'files cannot be read here: give a reader of files');
  const whole = read(piece.file);
  const offset = piece.offset === undefined ? 0n : wordOf(piece.offset, `${path}.offset`);
  if (offset > whole.size)
    throw buildError('build-value', `${path}.offset`, `the file has ${whole.size} bytes`);
  const left = whole.size - offset;
  const size = asked ?? left;
  return {
    kind: 'data',
    size,
    content:
      offset === 0n && size >= left ? whole : partOf(whole, offset, offset + (size < left ? size : left)),
  };
}

function hexBytes(text: string, path: string): Uint8Array {
  const bytes = fromHex(text.replace(/^0x|\s+/g, ''));
  if (bytes === undefined) throw buildError('build-value', path, 'this is not pairs of hexadecimal digits');
  return bytes;
}

const FILLS = ['zeros', 'offsets', 'random'] as const;

/** Lazy content that repeats, counts or looks random. Zeros take no room at all. */
function filled(fill: string, size: bigint, seed: number, path: string): SegmentContent {
  if (fill === 'zeros') return new Uint8Array();
  if (fill === 'offsets') return { size, read: readOffsets };
  if (fill === 'random') return { size, read: (offset, out) => readRandom(seed, offset, out) };
  const unit = fromHex(fill.replace(/^0x|\s+/g, ''));
  if (unit === undefined) {
    const near = suggest(fill, FILLS);
    throw buildError(
      'build-value',
      path,
      `a fill is ${FILLS.join(', ')}, or pairs of hexadecimal digits${near === undefined ? '' : `; did you mean ${near}?`}`,
    );
  }
  if (unit.length === 0) throw buildError('build-value', path, 'it repeats nothing');
  return {
    size,
    read: (offset, out) => {
      const start = Number(offset % BigInt(unit.length));
      for (let i = 0; i < out.length; i++) out[i] = unit[(start + i) % unit.length] ?? 0;
    },
  };
}

/** Each 8 bytes say, little-endian, where they are. */
function readOffsets(offset: bigint, out: Uint8Array): void {
  const word = new DataView(new ArrayBuffer(8));
  let at = offset - (offset % 8n);
  let skip = Number(offset % 8n);
  for (let done = 0; done < out.length; at += 8n) {
    word.setBigUint64(0, at, true);
    for (; skip < 8 && done < out.length; skip++) out[done++] = word.getUint8(skip);
    skip = 0;
  }
}

/** Every 4 KiB have a generator of their own, so that any part can be made without what is before it. */
function readRandom(seed: number, offset: bigint, out: Uint8Array): void {
  for (let done = 0; done < out.length; ) {
    const at = offset + BigInt(done);
    const block = at / 4096n;
    const skip = Number(at % 4096n);
    const next = random(seed ^ Math.imul(Number(block % 0x100000000n), 0x9e3779b1));
    for (let i = 0; i < 4096 && done < out.length; i += 4) {
      const word = Math.floor(next() * 2 ** 32);
      for (let j = 0; j < 4 && done < out.length; j++)
        if (i + j >= skip) out[done++] = (word >>> (8 * j)) & 0xff;
    }
  }
}

/** The pieces of a range, with offsets from its start. */
export function* slice(contents: Contents, from: bigint, to: bigint): Iterable<Piece> {
  for (let i = firstBehind(contents.pieces, from); i < contents.pieces.length; i++) {
    const piece = contents.pieces[i];
    if (piece === undefined || piece.offset >= to) return;
    const start = piece.offset > from ? piece.offset : from;
    const stop = piece.offset + piece.size < to ? piece.offset + piece.size : to;
    yield {
      offset: start - from,
      size: stop - start,
      content: piece.content && partOf(piece.content, start - piece.offset, stop - piece.offset),
    };
  }
}
function firstBehind(pieces: readonly Piece[], offset: bigint): number {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const piece = pieces[middle];
    if (piece !== undefined && piece.offset + piece.size > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}
