/**
 * What memory holds, for all who write it: builders, edits, conversions. Gigabytes of zeros or of content that
 * is made when it is written take no room.
 */
import { memoryError } from './codes.js';
import { type Image, type Machine, TOP } from './image.js';
import { type ElfNote, isZeroTails, VMCOREINFO_NOTE } from './notes.js';

/** Bytes that are made, or read, when somebody writes them. */
export interface LazyContent {
  /** In bytes. */
  readonly size: bigint;
  /**
   * Fills `out` with the bytes from `offset` on; both lie within the size. Asked twice for the same bytes, it
   * must give the same: some containers say how long a page is before they hold it.
   */
  read(offset: bigint, out: Uint8Array): void;
}

export type SegmentContent = Uint8Array | LazyContent;

/** A run of physical memory. */
export interface MemorySegment {
  /** Physical address of the first byte. */
  readonly address: bigint;
  /** Bytes of memory. */
  readonly size: bigint;
  /** What the segment begins with; nothing by default. All the rest of it is zero. */
  readonly content?: SegmentContent;
  /** Virtual address, which only ELF cores can hold; 0, for unknown, by default. */
  readonly virtual?: bigint;
}

/** Memory and what a dump of it says about itself. */
export interface MemoryContents {
  /** In any order; they must not overlap. What lies between them is absent. */
  readonly segments: readonly MemorySegment[];
  readonly machine: Machine;
  /** In bytes; where it is undefined, that of the machine's ABI. */
  readonly pageSize?: number | undefined;
  readonly notes?: readonly ElfNote[];
  /** The text in which the kernel describes itself, if it is not among the notes; else it takes that one's place. */
  readonly vmcoreinfo?: string | undefined;
}

/** How many bytes a content has. */
export function contentSize(content: SegmentContent | undefined): bigint {
  if (content === undefined) return 0n;
  return content instanceof Uint8Array ? BigInt(content.length) : content.size;
}

/** Copies bytes out of a content; the caller keeps within its size. */
export function readContent(content: SegmentContent, offset: bigint, out: Uint8Array): void {
  if (content instanceof Uint8Array) out.set(content.subarray(Number(offset), Number(offset) + out.length));
  else content.read(offset, out);
}

/**
 * The segments in ascending order, without those that are empty.
 *
 * @throws `memory-write` where one does not fit into 64 bits, or has more content than memory, or overlaps
 * another.
 */
export function arranged(segments: readonly MemorySegment[]): readonly MemorySegment[] {
  segments.forEach(({ address, size, content }, index) => {
    const stored = contentSize(content);
    if (address >= 0n && stored >= 0n && size >= stored && address + size <= TOP) return;
    throw memoryError(
      'memory-write',
      'the segment does not fit into its addresses, or its bytes into the segment',
      {
        path: ['segments', index],
        expected: `${stored} bytes or more, ending at 0x${TOP.toString(16)} at most`,
        found: `${size} bytes at 0x${address.toString(16)}`,
      },
    );
  });
  const sorted = segments
    .filter(({ size }) => size > 0n)
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  let end = 0n;
  for (const { address, size } of sorted) {
    if (address < end)
      throw memoryError('memory-write', `segments overlap at 0x${address.toString(16)}`, {
        expected: `0x${end.toString(16)} or above`,
        found: `${size} bytes at 0x${address.toString(16)}`,
      });
    end = address + size;
  }
  return sorted;
}

/** A part of an address space. */
export interface AddressRange {
  readonly address: bigint;
  readonly size: bigint;
}

export interface SegmentsOptions {
  /** Only the memory in these ranges, which may be in any order and overlap; all of it by default. */
  readonly ranges?: Iterable<AddressRange>;
  /**
   * Read everything once beforehand, so that pages that turn out to be damaged are left out. Without it, the
   * first of them is an error `memory-absent` while the memory is being written.
   */
  readonly checked?: boolean;
}

/**
 * The memory of an image, or a part of it, as something to be written: `writeMemory('kdump', segmentsOf(image))`
 * converts it. Bytes are read when they are written. What the image knows to be zero without reading it stays
 * so, and what it does not have stays absent. Notes and VMCOREINFO come along; virtual addresses do not.
 *
 * Takes a look at each run of the image; in a kdump or AVML dump that is each page or frame.
 */
export function segmentsOf(image: Image, options: SegmentsOptions = {}): MemoryContents {
  const { checked = false } = options;
  const runs = new Runs();
  const ranges = options.ranges === undefined ? undefined : merged(options.ranges);
  let from = 0;
  for (const region of image.regions()) {
    const end = region.address + region.size;
    if (ranges === undefined) {
      collect(image, region.address, end, runs, checked);
      continue;
    }
    for (let index = from; index < ranges.length; index++) {
      const range = ranges[index];
      if (range === undefined || range.address >= end) break;
      const stop = range.address + range.size;
      // Regions ascend, except for the parts of a split dump that was given in disorder; they are sorted too.
      if (stop <= region.address) {
        from = index + 1;
        continue;
      }
      const start = range.address > region.address ? range.address : region.address;
      collect(image, start, stop < end ? stop : end, runs, checked);
    }
  }
  const notes = image.notes().filter((note) => !isZeroTails(note));
  return {
    segments: runs.segments(image),
    machine: image.machine,
    pageSize: image.pageSize,
    notes,
    ...(notes.some(({ name }) => name === VMCOREINFO_NOTE) ? {} : { vmcoreinfo: image.vmcoreinfo()?.text }),
  };
}

/** Ranges in ascending order, those that touch made one. */
function merged(ranges: Iterable<AddressRange>): AddressRange[] {
  const sorted = [...ranges]
    .filter(({ size }) => size > 0n)
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  const out: AddressRange[] = [];
  for (const range of sorted) {
    const last = out[out.length - 1];
    if (last === undefined || range.address > last.address + last.size) out.push(range);
    else {
      const end = range.address + range.size;
      if (end > last.address + last.size)
        out[out.length - 1] = { address: last.address, size: end - last.address };
    }
  }
  return out;
}

/** Bytes that are read at once to see whether they can be read. */
const CHECK_STEP = 1 << 20;

function collect(image: Image, from: bigint, to: bigint, runs: Runs, checked: boolean): void {
  for (let address = from; address < to; ) {
    const place = image.at(address);
    let end = address + place.length < to ? address + place.length : to;
    if (place.state === 'zero') runs.add(address, end, 'zero');
    else if (place.state === 'data') {
      if (checked) {
        const step = end - address < BigInt(CHECK_STEP) ? end - address : BigInt(CHECK_STEP);
        end = address + step;
        let good = address;
        for (const hole of image.readInto(address, new Uint8Array(Number(step)))) {
          runs.add(good, hole.address, 'data');
          good = hole.address + BigInt(hole.length);
        }
        runs.add(good, end, 'data');
      } else runs.add(address, end, 'data');
    }
    address = end;
  }
}

interface OpenRun {
  readonly start: bigint;
  /** Where its data ends, and its zeros begin. */
  stored: bigint;
  end: bigint;
}

/** Runs of data, each with the zeros that follow it. */
class Runs {
  private readonly runs: OpenRun[] = [];

  add(start: bigint, end: bigint, state: 'data' | 'zero'): void {
    if (start >= end) return;
    const last = this.runs[this.runs.length - 1];
    if (last !== undefined && last.end === start && (state === 'zero' || last.stored === start)) {
      last.end = end;
      if (state === 'data') last.stored = end;
    } else this.runs.push({ start, stored: state === 'data' ? end : start, end });
  }

  segments(image: Image): MemorySegment[] {
    return this.runs.map(({ start, stored, end }) => ({
      address: start,
      size: end - start,
      ...(stored === start ? {} : { content: contentOf(image, start, stored - start) }),
    }));
  }
}

function contentOf(image: Image, start: bigint, size: bigint): LazyContent {
  return {
    size,
    read(offset, out) {
      const [hole] = image.readInto(start + offset, out);
      if (hole === undefined) return;
      throw memoryError(
        'memory-absent',
        `the memory at 0x${hole.address.toString(16)} cannot be read: ${hole.absence.detail}`,
        { expected: `${size} bytes at 0x${start.toString(16)}`, found: hole.absence.absent },
      );
    },
  };
}
