/** Arrays of entries of one size that lie in a vmalloc area, as lists of folios do. */
import type { Schema, ValueOf } from '../../codec/index.js';
import type { HandoverRule } from '../kho/findings.js';
import type { KhoVmalloc } from '../kho/schema.js';
import { followVmalloc, type VmallocArea, vmallocPieces } from '../kho/vmalloc.js';
import type { Walk } from '../kho/walk.js';

/** Takes the array from its beginning to its end. */
export interface ArrayReader {
  /** Whole entries. */
  push(bytes: Uint8Array): void;
  /** Entries that the dump lacks. */
  skip(entries: number): void;
  /** Entries that are known to be zero. */
  zeros(entries: number): void;
}

/** An array that a struct says the length of. */
export interface CountedArray {
  /** Of the area, and the physical address where it stands. */
  readonly descriptor: ValueOf<typeof KhoVmalloc>;
  readonly descriptorAt: bigint;
  /** How many entries the struct says there are. */
  readonly count: bigint;
  /** Bytes of an entry. */
  readonly size: number;
  /** Of the array. */
  readonly schema: Schema;
  /** As findings name it: `the array of folios`. */
  readonly what: string;
  /** For an area that is shorter: where the count stands, and how the sentence begins: `3 folios take`. */
  readonly short: HandoverRule;
  readonly countAt: bigint;
  readonly take: string;
  /** For anything but zeros behind the last entry, and how the sentence ends. */
  readonly tail?: { readonly rule: HandoverRule; readonly last: string };
}

/**
 * Follows the area of an array and hands its entries to the reader, as many as there are said to be and as the
 * area has. Tells where the area is too short, and where it goes on behind the last entry.
 */
export function readCounted(
  walk: Walk,
  { descriptor, descriptorAt, count, size, schema, what, short, countAt, take, tail }: CountedArray,
  reader: ArrayReader,
  path: string,
): VmallocArea {
  const area = followVmalloc(walk, descriptor, path, descriptorAt);
  const wanted = count * BigInt(size);
  const isShort = wanted > BigInt(area.size);
  if (isShort && area.complete)
    walk.find(short, path, countAt, `${take} ${wanted} bytes; the array has ${area.size}.`);
  const length = isShort ? area.size : Number(wanted);
  readArray(walk, area, length, size, schema, reader, path, what);
  const end = tail && arrayTail(walk, area, length);
  if (tail !== undefined && end !== undefined)
    walk.find(tail.rule, path, end, `The array goes on behind its last ${tail.last}.`);
  return area;
}

/** The array is read in pieces of at most so many bytes. */
const WINDOW = 1 << 20;
/** Pages of the array that are listed as objects. */
const LISTED_PAGES = 256;

/**
 * Hands the first `length` bytes of the array to the reader, in windows. What is absent or zero is passed over by
 * its extent, so that the work is in proportion to what the dump has, whatever the descriptor says. The size of an
 * entry divides that of a page; `schema` is of the array.
 */
export function readArray(
  walk: Walk,
  area: VmallocArea,
  length: number,
  size: number,
  schema: Schema,
  reader: ArrayReader,
  path: string,
  what: string,
): void {
  const buffer = new Uint8Array(Math.min(WINDOW, Math.max(length, size)));
  let listed = 0;
  for (const piece of vmallocPieces(walk.pageSize, area, length)) {
    for (let done = 0; done < piece.length; ) {
      const address = piece.address + BigInt(done);
      const place = walk.image.at(address);
      const left = piece.length - done;
      const reach = place.length < BigInt(left) ? Number(place.length) : left;
      if (place.state === 'absent') {
        walk.bytes(address, 1, path, `a page of ${what}`);
        // An entry that is cut is missing too.
        const gone = Math.min(left, Math.ceil(reach / size) * size);
        reader.skip(gone / size);
        done += gone;
        continue;
      }
      if (place.state === 'zero' && reach >= size) {
        const zeros = reach - (reach % size);
        reader.zeros(zeros / size);
        done += zeros;
        continue;
      }
      // Places of data end where another segment begins; reading goes on over that, up to what is absent.
      const bytes = buffer.subarray(0, Math.min(WINDOW, left));
      const [hole] = walk.image.readInto(address, bytes);
      const there = hole === undefined ? bytes.length : Number(hole.address - address);
      const whole = there - (there % size);
      if (listed++ < LISTED_PAGES)
        walk.object(`${path}.array[${(piece.offset + done) / size}]`, schema, address, whole);
      reader.push(bytes.subarray(0, whole));
      done += whole;
      if (whole < bytes.length && whole < size) {
        reader.skip(1);
        done += size;
      }
    }
  }
}

/** Where the last page of the array that is used goes on, if there is anything but zeros. */
export function arrayTail(walk: Walk, area: VmallocArea, length: number): bigint | undefined {
  const { pageSize } = walk;
  const rest = length % pageSize;
  if (rest === 0) return undefined;
  const page = Math.floor(length / pageSize);
  const pfn = (area.pfns[page >> area.order] ?? 0) + (page & (2 ** area.order - 1));
  const address = BigInt(pfn) * BigInt(pageSize) + BigInt(rest);
  const answer = walk.image.read(address, pageSize - rest);
  return answer instanceof Uint8Array && answer.some((byte) => byte !== 0) ? address : undefined;
}
