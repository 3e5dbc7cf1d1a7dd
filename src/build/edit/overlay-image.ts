/** An image with some bytes changed: reads as if the dump had been edited, while nothing is written yet. */
import type { CarryoverError } from '../../codec/index.js';
import {
  type Absence,
  type ContainerKind,
  type Hole,
  type Image,
  isAbsence,
  type Machine,
  type MemoryWindow,
  type Place,
  type Region,
  type SomeBytes,
  type Vmcoreinfo,
  type WindowsOptions,
} from '../../memory/index.js';
import type { ElfNote } from '../../memory/notes.js';
import { absentFor } from './errors.js';

/** Bytes that differ from those of the dump. */
export interface Change {
  readonly address: bigint;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** Bytes are kept in blocks of this size, so that edits near each other share one. */
const BLOCK = 4096;

export class OverlayImage implements Image {
  readonly base: Image;
  /** Blocks that were written to, by their number. */
  readonly #blocks = new Map<bigint, { readonly before: Uint8Array; readonly after: Uint8Array }>();

  constructor(base: Image) {
    this.base = base;
  }

  get kind(): ContainerKind {
    return this.base.kind;
  }
  get layers(): readonly string[] {
    return this.base.layers;
  }
  get machine(): Machine {
    return this.base.machine;
  }
  get pageSize(): number | undefined {
    return this.base.pageSize;
  }
  get end(): bigint {
    return this.base.end;
  }
  get problems(): readonly CarryoverError[] {
    return this.base.problems;
  }
  notes(): readonly ElfNote[] {
    return this.base.notes();
  }
  vmcoreinfo(): Vmcoreinfo | undefined {
    return this.base.vmcoreinfo();
  }
  regions(): Iterable<Region> {
    return this.base.regions();
  }
  toPhysical(virtual: bigint): bigint | undefined {
    return this.base.toPhysical(virtual);
  }

  /**
   * Writes bytes, all of them or none. `path` is what they are, for the error.
   *
   * @throws `memory-absent` where the dump does not have the memory.
   */
  write(address: bigint, bytes: Uint8Array, path: string): void {
    const there = this.base.read(address, bytes.length);
    if (isAbsence(there)) throw absentFor(path, there);
    for (let done = 0; done < bytes.length; ) {
      const here = address + BigInt(done);
      const within = Number(here % BigInt(BLOCK));
      const part = bytes.subarray(done, done + BLOCK - within);
      this.#block(here / BigInt(BLOCK)).after.set(part, within);
      done += part.length;
    }
  }

  /** What differs from the dump, by ascending address. */
  changes(): Change[] {
    const changes: Change[] = [];
    for (const number of [...this.#blocks.keys()].sort((a, b) => (a < b ? -1 : 1))) {
      const { before, after } = this.#block(number);
      for (let from = 0; from < BLOCK; ) {
        if (before[from] === after[from]) {
          from++;
          continue;
        }
        let to = from + 1;
        while (to < BLOCK && before[to] !== after[to]) to++;
        changes.push({
          address: number * BigInt(BLOCK) + BigInt(from),
          before: before.slice(from, to),
          after: after.slice(from, to),
        });
        from = to;
      }
    }
    return changes;
  }

  at(address: bigint): Place {
    const place = this.base.at(address);
    if (place.state !== 'zero') return place;
    // What was written into zeros is data, and ends the zeros around it.
    const number = address / BigInt(BLOCK);
    if (this.#blocks.has(number)) {
      const left = BigInt(BLOCK) - (address % BigInt(BLOCK));
      const length = place.length < left ? place.length : left;
      return { state: 'data', length, fileOffset: place.fileOffset ?? 0, stored: 'compressed' };
    }
    let { length } = place;
    for (const other of this.#blocks.keys()) {
      const start = other * BigInt(BLOCK);
      if (start > address && start - address < length) length = start - address;
    }
    return { ...place, length };
  }

  read(address: bigint, length: number): Uint8Array | Absence {
    const answer = this.base.read(address, length);
    if (isAbsence(answer)) return answer;
    this.#apply(address, answer);
    return answer;
  }
  readSome(address: bigint, length: number): SomeBytes {
    const answer = this.base.readSome(address, length);
    this.#apply(address, answer.bytes);
    return answer;
  }
  readInto(address: bigint, out: Uint8Array): readonly Hole[] {
    const holes = this.base.readInto(address, out);
    this.#apply(address, out);
    return holes;
  }
  *windows(options?: WindowsOptions): Iterable<MemoryWindow> {
    for (const { address, bytes } of this.base.windows(options)) {
      const copy = bytes.slice();
      this.#apply(address, copy);
      yield { address, bytes: copy };
    }
  }

  #block(number: bigint): { readonly before: Uint8Array; readonly after: Uint8Array } {
    const known = this.#blocks.get(number);
    if (known !== undefined) return known;
    const before = this.base.readSome(number * BigInt(BLOCK), BLOCK).bytes;
    const made = { before, after: before.slice() };
    this.#blocks.set(number, made);
    return made;
  }
  #apply(address: bigint, bytes: Uint8Array): void {
    if (this.#blocks.size === 0) return;
    const first = address / BigInt(BLOCK);
    const last = (address + BigInt(bytes.length)) / BigInt(BLOCK);
    // Whichever are fewer: the blocks of the range, or those that were written.
    if (last - first <= BigInt(this.#blocks.size))
      for (let number = first; number <= last; number++) this.#lay(number, address, bytes);
    else for (const number of this.#blocks.keys()) this.#lay(number, address, bytes);
  }
  /** Lays the bytes that differ over those that were read; what is absent stays as it was given. */
  #lay(number: bigint, address: bigint, bytes: Uint8Array): void {
    const block = this.#blocks.get(number);
    if (block === undefined) return;
    const start = Number(number * BigInt(BLOCK) - address);
    const from = Math.max(0, -start);
    const to = Math.min(BLOCK, bytes.length - start);
    for (let i = from; i < to; i++)
      if (block.before[i] !== block.after[i]) bytes[start + i] = block.after[i] ?? 0;
  }
}
