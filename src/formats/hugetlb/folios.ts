/** Huge pages of a file as runs: pages that follow each other in the file and in memory are taken together. */
import { Numbers } from '../kho/columns.js';
import type { PreservedMap } from '../kho/preserved.js';

export interface HugeRun {
  /** As in the array: of the first one, and what it grows by from one to the next. */
  readonly index: bigint;
  readonly step: number;
  /** First page frame. */
  readonly pfn: bigint;
  /** Number of huge pages. */
  readonly count: number;
}

/** Runs that are kept; an array of more is read to its end all the same. */
const MAX_RUNS = 1 << 20;

export class HugeFolioReader implements Iterable<HugeRun> {
  readonly #map: PreservedMap;
  readonly #little: boolean;
  readonly #order: number;
  readonly #index = new Numbers();
  readonly #step = new Numbers();
  readonly #pfn = new Numbers();
  readonly #count = new Numbers();
  entries = 0;
  unpreserved = 0;
  firstUnpreserved = 0;
  reserved = 0;
  firstReserved = 0;

  constructor(map: PreservedMap, little: boolean, order: number) {
    this.#map = map;
    this.#little = little;
    this.#order = order;
  }
  get length(): number {
    return this.#index.length;
  }
  push(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + 16 <= bytes.length; at += 16) {
      const word = view.getBigUint64(at, this.#little);
      const pfn = this.#little ? word & 0xfffffffffffffn : word >> 12n;
      const reserved = this.#little ? word >> 52n : word & 0xfffn;
      this.#take(Number(pfn), reserved !== 0n, Number(view.getBigUint64(at + 8, this.#little)));
    }
  }
  skip(entries: number): void {
    this.entries += entries;
  }
  /** Entries of zeros have page frame 0: holes. */
  zeros(entries: number): void {
    this.entries += entries;
  }
  #take(pfn: number, reserved: boolean, index: number): void {
    this.entries++;
    if (pfn === 0) return;
    if (reserved) {
      if (this.reserved === 0) this.firstReserved = index;
      this.reserved++;
    }
    if (this.#map.complete && this.#map.blockAt(pfn) !== this.#order) {
      if (this.unpreserved === 0) this.firstUnpreserved = pfn;
      this.unpreserved++;
    }
    const last = this.#index.length - 1;
    const count = last < 0 ? 0 : this.#count.at(last);
    if (count > 0 && pfn === this.#pfn.at(last) + count * 2 ** this.#order) {
      const step = index - this.#index.at(last) - (count - 1) * this.#step.at(last);
      // Whether the index counts pages or huge pages is not said anywhere, so both make a run.
      if (count === 1 ? step === 1 || step === 2 ** this.#order : step === this.#step.at(last)) {
        this.#step.set(last, step);
        this.#count.set(last, count + 1);
        return;
      }
    }
    if (this.#index.length >= MAX_RUNS) return;
    this.#index.push(index);
    this.#step.push(0);
    this.#pfn.push(pfn);
    this.#count.push(1);
  }
  /** The first index that two runs have. */
  twice(): number | undefined {
    const places = Uint32Array.from({ length: this.length }, (_, i) => i).sort(
      (a, b) => this.#index.at(a) - this.#index.at(b),
    );
    let last = -1;
    for (const i of places) {
      const first = this.#index.at(i);
      if (first <= last) return first;
      last = first + (this.#count.at(i) - 1) * this.#step.at(i);
    }
    return undefined;
  }
  *[Symbol.iterator](): Iterator<HugeRun> {
    for (let i = 0; i < this.#index.length; i++)
      yield {
        index: BigInt(this.#index.at(i)),
        step: this.#step.at(i),
        pfn: BigInt(this.#pfn.at(i)),
        count: this.#count.at(i),
      };
  }
}
