/** What page tables map, as merged runs in columns: millions of them take a few tens of megabytes. */
import { Numbers } from '../kho/columns.js';
import { FRAME } from './frame.js';

/** Addresses that follow each other and lead to memory that does, with the same permissions. */
export interface Mapping {
  readonly iova: bigint;
  readonly phys: bigint;
  /** In bytes. */
  readonly size: bigint;
  /** {@link MAY_READ}, {@link MAY_WRITE}. */
  readonly permissions: number;
  /** Of the pages that it is made of, in bytes. */
  readonly smallestPage: bigint;
  readonly largestPage: bigint;
}

export class Mappings implements Iterable<Mapping> {
  readonly #iova = new Numbers();
  readonly #phys = new Numbers();
  readonly #frames = new Numbers();
  /** Permissions, and the sizes of the smallest and the largest page as powers of two, in one number. */
  readonly #kind = new Numbers();
  readonly #limit: number;
  /** The run that is still growing. */
  #open = false;
  #runIova = 0;
  #runPhys = 0;
  #runFrames = 0;
  #runPermissions = 0;
  #runSmallest = 0;
  #runLargest = 0;
  #total = 0;
  /** Page frames in mappings that were not kept. */
  omittedFrames = 0;

  /** `limit`: how many are kept. */
  constructor(limit = 2 << 20) {
    this.#limit = limit;
  }

  /** Number of merged runs that have ended; {@link close} ends the last one. */
  get length(): number {
    return this.#iova.length;
  }
  /** Bytes that are mapped, those of runs that were not kept included. */
  get bytes(): bigint {
    return BigInt(this.#total) * BigInt(FRAME);
  }

  /** Adds pages of 2^shift bytes, behind all that were added before; numbers are page frames. */
  add(iova: number, phys: number, frames: number, permissions: number, shift: number): void {
    this.#total += frames;
    if (
      this.#open &&
      iova === this.#runIova + this.#runFrames &&
      phys === this.#runPhys + this.#runFrames &&
      permissions === this.#runPermissions
    ) {
      this.#runFrames += frames;
      if (shift < this.#runSmallest) this.#runSmallest = shift;
      if (shift > this.#runLargest) this.#runLargest = shift;
      return;
    }
    this.close();
    this.#open = true;
    this.#runIova = iova;
    this.#runPhys = phys;
    this.#runFrames = frames;
    this.#runPermissions = permissions;
    this.#runSmallest = shift;
    this.#runLargest = shift;
  }
  /** Ends the run that is still growing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#iova.length >= this.#limit) {
      this.omittedFrames += this.#runFrames;
      return;
    }
    this.#iova.push(this.#runIova);
    this.#phys.push(this.#runPhys);
    this.#frames.push(this.#runFrames);
    this.#kind.push(this.#runPermissions * 65536 + this.#runSmallest * 256 + this.#runLargest);
  }

  /** Page frame of the first address of a run. */
  iovaFrameAt(index: number): number {
    return this.#iova.at(index);
  }
  /** Page frame of the memory that a run begins with. */
  physFrameAt(index: number): number {
    return this.#phys.at(index);
  }
  framesAt(index: number): number {
    return this.#frames.at(index);
  }
  permissionsAt(index: number): number {
    return Math.floor(this.#kind.at(index) / 65536);
  }
  /** The mapping at a place of at most `length - 1`. */
  at(index: number): Mapping {
    const kind = this.#kind.at(index);
    return {
      iova: BigInt(this.#iova.at(index)) * BigInt(FRAME),
      phys: BigInt(this.#phys.at(index)) * BigInt(FRAME),
      size: BigInt(this.#frames.at(index)) * BigInt(FRAME),
      permissions: Math.floor(kind / 65536),
      smallestPage: 1n << BigInt((kind >> 8) & 0xff),
      largestPage: 1n << BigInt(kind & 0xff),
    };
  }
  *[Symbol.iterator](): Iterator<Mapping> {
    for (let i = 0; i < this.#iova.length; i++) yield this.at(i);
  }
  /** The mapping that an address is in. Takes time in proportion to the logarithm of their number. */
  find(iova: bigint): Mapping | undefined {
    const frame = Number(iova / BigInt(FRAME));
    let low = 0;
    let high = this.#iova.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (this.#iova.at(middle) <= frame) low = middle + 1;
      else high = middle - 1;
    }
    return high >= 0 && frame < this.#iova.at(high) + this.#frames.at(high) ? this.at(high) : undefined;
  }
}
