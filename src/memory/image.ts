/**
 * A memory image: one physical address space, whatever container it came in. Memory that is not there is a
 * value with a reason, not an exception. Nothing is read before somebody looks at it.
 */
import type { ABI, CarryoverError, Endian } from '../codec/index.js';
import { memoryError } from './codes.js';
import { MAX_READ } from './limits.js';
import type { ElfNote } from './notes.js';
import type { Vmcoreinfo } from './vmcoreinfo.js';

export type ContainerKind = 'elf-core' | 'kdump' | 'lime' | 'avml' | 'raw';

export type AbsenceReason =
  /** No part of the dump covers the address: no memory is there, or the dump was never asked for it. */
  | 'not-in-dump'
  /** The writer knew of the memory and left it out: a filter of makedumpfile, QEMU or the kernel. */
  | 'excluded'
  /** The page belongs to another file of a split set, which was not given. */
  | 'other-part'
  /** Beyond the last address that the dump knows of. */
  | 'past-end'
  /** The dump says that it has the memory, but its file ends before it. */
  | 'file-truncated'
  /** The stored page cannot be decompressed, or its descriptor makes no sense. */
  | 'undecodable';

/** Why there are no bytes, and for how far at least. */
export interface Absence {
  readonly absent: AbsenceReason;
  /** Where the absence was met, and for how many bytes it holds from there on at least. */
  readonly address: bigint;
  readonly length: bigint;
  /** A sentence for people, without address. */
  readonly detail: string;
}

/** Whether the answer of a read is an absence. */
export function isAbsence(answer: Uint8Array | Absence): answer is Absence {
  return !(answer instanceof Uint8Array);
}

/** What is at an address, and for how far the same holds at least. */
export type Place =
  | {
      readonly state: 'data';
      readonly length: bigint;
      /** Where its bytes begin in the file, and whether they stand there as they are. Undefined where the file is itself unpacked. */
      readonly fileOffset: number;
      readonly stored: 'plain' | 'compressed';
    }
  /** Zeros, known to be zero without being read. */
  | {
      readonly state: 'zero';
      readonly length: bigint;
      readonly because: 'segment-tail' | 'zero-page' | 'file-hole';
      /** Where in the file the zeros stand, where they stand there as they are: in a hole of it. */
      readonly fileOffset?: number;
    }
  | { readonly state: 'absent'; readonly length: bigint; readonly absence: Absence };

/** A run of memory that the dump holds. Runs are disjoint and ascend. */
export interface Region {
  readonly address: bigint;
  readonly size: bigint;
  /** `zero`: all of it is zeros that take no room in the file. */
  readonly state: 'data' | 'zero';
}

export interface Hole {
  readonly address: bigint;
  readonly length: number;
  readonly absence: Absence;
}
/** What was asked for, with zeros where it is absent. */
export interface SomeBytes {
  readonly bytes: Uint8Array;
  readonly holes: readonly Hole[];
}

/** What the headers say about the machine whose memory this is. */
export interface Machine {
  /** `x86_64`, or `e_machine 258` where it has no name here. */
  readonly name: string;
  readonly endian: Endian | undefined;
  /** Bits of its registers, as the container says. */
  readonly bits: 32 | 64 | undefined;
  /** ELF's number of the machine, where the container has one. */
  readonly elfMachine: number | undefined;
  /** The ABI that follows; undefined where that is anybody's guess. */
  readonly abi: ABI | undefined;
}

export interface WindowsOptions {
  /** First address; 0 by default. */
  readonly from?: bigint;
  /** First address that is not wanted any more; the end by default. */
  readonly to?: bigint;
  /** Bytes per window, a power of two; windows begin at multiples of it. By default 1 MiB. */
  readonly windowSize?: number;
  /** Leave out what is known to be zero without reading it. By default it is left out. */
  readonly zeros?: boolean;
}
export interface MemoryWindow {
  readonly address: bigint;
  /** Valid until the next window is asked for. */
  readonly bytes: Uint8Array;
}

export interface Image {
  readonly kind: ContainerKind;
  /** The layers from the outside in: `['gzip', 'flattened', 'kdump']`. */
  readonly layers: readonly string[];
  readonly machine: Machine;
  /** In bytes, where a header or VMCOREINFO says it. */
  readonly pageSize: number | undefined;
  /** First address after all memory that the dump knows of. */
  readonly end: bigint;
  /** What is wrong with the container and could be worked around. */
  readonly problems: readonly CarryoverError[];
  /** The notes of an ELF core or kdump, read when first asked for. */
  notes(): readonly ElfNote[];
  /** The text in which the dumped kernel describes itself, if the dump has it. */
  vmcoreinfo(): Vmcoreinfo | undefined;
  /** The memory that the dump holds, in ascending order. Takes no time in proportion to the memory. */
  regions(): Iterable<Region>;
  /** What is at an address. Reads descriptors, not memory. */
  at(address: bigint): Place;
  /**
   * All of these bytes, or why the first missing one is missing. The array is the caller's.
   *
   * @throws `memory-limit` for more than 1 GiB at once.
   */
  read(address: bigint, length: number): Uint8Array | Absence;
  /** As much of these bytes as there is, and what is missing. */
  readSome(address: bigint, length: number): SomeBytes;
  /** Fills the array; where memory is absent, with zeros. Gives the holes. */
  readInto(address: bigint, out: Uint8Array): readonly Hole[];
  /** The memory that is present, in windows in address order: for looking through all of it. */
  windows(options?: WindowsOptions): Iterable<MemoryWindow>;
  /** The physical address of a kernel address, where the dump's segments tell it. */
  toPhysical(virtual: bigint): bigint | undefined;
}

/** Throws `memory-absent`: for those who cannot go on without the bytes. */
export function demand(image: Image, address: bigint, length: number): Uint8Array {
  const answer = image.read(address, length);
  if (!isAbsence(answer)) return answer;
  throw memoryError(
    'memory-absent',
    `there is no memory at 0x${answer.address.toString(16)}: ${answer.detail}`,
    {
      expected: `${length} bytes at 0x${address.toString(16)}`,
      found: answer.absent,
    },
  );
}

export const TOP = 1n << 64n;

/** What all containers share; each of them says what is at an address, and copies bytes out of there. */
export abstract class BaseImage implements Image {
  abstract readonly kind: ContainerKind;
  abstract readonly machine: Machine;
  abstract readonly pageSize: number | undefined;
  abstract readonly end: bigint;
  abstract readonly problems: readonly CarryoverError[];
  layers: readonly string[] = [];

  abstract regions(): Iterable<Region>;
  protected abstract place(address: bigint): Place;
  /**
   * Copies memory of one place of state `data`, which reaches as far as `out` asks. Gives an absence if that
   * fails after all.
   */
  protected abstract copy(
    place: Place & { state: 'data' },
    address: bigint,
    out: Uint8Array,
  ): Absence | undefined;

  notes(): readonly ElfNote[] {
    return [];
  }
  vmcoreinfo(): Vmcoreinfo | undefined {
    return undefined;
  }
  toPhysical(_virtual: bigint): bigint | undefined {
    return undefined;
  }

  at(address: bigint): Place {
    if (address < 0n || address >= TOP)
      return absentPlace('past-end', address, 1n, 'the address is not one of 64 bits');
    return address >= this.end ? this.beyond(address) : this.place(address);
  }

  read(address: bigint, length: number): Uint8Array | Absence {
    checkLength(length);
    // A long read allocates nothing before all of it is known to be there: its length may come from the data.
    const absence = length > SHORT_READ ? this.firstAbsence(address, length) : undefined;
    if (absence !== undefined) return absence;
    const out = new Uint8Array(length);
    const hole = this.fill(address, out, undefined);
    return hole ?? out;
  }

  readSome(address: bigint, length: number): SomeBytes {
    checkLength(length);
    const bytes = new Uint8Array(length);
    return { bytes, holes: this.readInto(address, bytes) };
  }

  readInto(address: bigint, out: Uint8Array): readonly Hole[] {
    const holes: Hole[] = [];
    this.fill(address, out, holes);
    return holes;
  }

  *windows(options: WindowsOptions = {}): Iterable<MemoryWindow> {
    const windowSize = options.windowSize ?? 1 << 20;
    const { from = 0n, to = TOP, zeros = false } = options;
    const buffer = new Uint8Array(windowSize);
    for (const region of this.regions()) {
      const last = region.address + region.size;
      if (last <= from) continue;
      if (region.address >= to) return;
      if (region.state === 'zero' && !zeros) continue;
      const stop = last < to ? last : to;
      let address = region.address > from ? region.address : from;
      while (address < stop) {
        const place = this.at(address);
        const reach = address + place.length < stop ? address + place.length : stop;
        if (place.state === 'absent' || (place.state === 'zero' && !zeros)) {
          address = reach;
          continue;
        }
        const rest = BigInt(windowSize) - (address & BigInt(windowSize - 1));
        let length = Number(stop - address < rest ? stop - address : rest);
        // Pages that follow are taken along as far as they are there; the window ends before what is not.
        const bytes = buffer.subarray(0, length);
        const hole = this.fill(address, bytes, undefined);
        if (hole !== undefined) length = Number(hole.address - address);
        if (length > 0) yield { address, bytes: bytes.subarray(0, length) };
        address += hole === undefined ? BigInt(length) : BigInt(length) + hole.length;
      }
    }
  }

  /** Fills `out`. With `holes`, goes on behind absent memory; without, stops there and returns it. */
  private fill(address: bigint, out: Uint8Array, holes: Hole[] | undefined): Absence | undefined {
    let done = 0;
    while (done < out.length) {
      const here = address + BigInt(done);
      const place = this.at(here);
      const left = out.length - done;
      const length = place.length < BigInt(left) ? Number(place.length) : left;
      const part = out.subarray(done, done + length);
      let absence: Absence | undefined;
      if (place.state === 'data') {
        absence = this.copy(place, here, part);
        if (absence !== undefined) {
          // Only the bytes from the absence on are missing.
          const good = Number(absence.address - here);
          if (holes === undefined) return absence;
          addHole(holes, { address: absence.address, length: length - good, absence });
          part.fill(0, good);
          done += length;
          continue;
        }
      } else {
        part.fill(0);
        if (place.state === 'absent') absence = place.absence;
      }
      if (absence !== undefined) {
        if (holes === undefined) return absence;
        addHole(holes, { address: here, length, absence });
      }
      done += length;
    }
    return undefined;
  }

  private firstAbsence(address: bigint, length: number): Absence | undefined {
    const stop = address + BigInt(length);
    for (let here = address; here < stop; ) {
      const place = this.at(here);
      if (place.state === 'absent') return place.absence;
      here += place.length;
    }
    return undefined;
  }

  private beyond(address: bigint): Place {
    return absentPlace(
      'past-end',
      address,
      TOP - address,
      `the dump knows of no memory from 0x${this.end.toString(16)} on`,
    );
  }
}

const SHORT_READ = 0x10000;

function checkLength(length: number): void {
  if (!(Number.isSafeInteger(length) && length >= 0 && length <= MAX_READ))
    throw memoryError('memory-limit', 'that is more than one read may ask for', {
      expected: `0 to ${MAX_READ} bytes`,
      found: String(length),
    });
}

function addHole(holes: Hole[], hole: Hole): void {
  const last = holes[holes.length - 1];
  if (
    last !== undefined &&
    last.absence.absent === hole.absence.absent &&
    last.absence.detail === hole.absence.detail &&
    last.address + BigInt(last.length) === hole.address
  )
    holes[holes.length - 1] = { ...last, length: last.length + hole.length };
  else holes.push(hole);
}

export function absence(reason: AbsenceReason, address: bigint, length: bigint, detail: string): Absence {
  return { absent: reason, address, length, detail };
}
export function absentPlace(reason: AbsenceReason, address: bigint, length: bigint, detail: string): Place {
  return { state: 'absent', length, absence: absence(reason, address, length, detail) };
}
