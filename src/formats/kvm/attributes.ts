/** Attributes of a guest's memory as ranges: entries for pages that follow each other are taken together. */
import { Numbers } from '../kho/columns.js';

export interface MemAttrRange {
  /** First page of the guest, and how many. */
  readonly gfn: bigint;
  readonly count: number;
  readonly attributes: bigint;
}

/** Ranges that are kept; an array of more is read to its end all the same. */
const MAX_RANGES = 1 << 20;
const HIGH = 0x100000000;
/** KVM_MEMORY_ATTRIBUTE_PRIVATE */
const PRIVATE = 8n;

export class AttributeReader implements Iterable<MemAttrRange> {
  readonly #gfn = new Numbers();
  readonly #count = new Numbers();
  readonly #attributes: bigint[] = [];
  readonly #little: boolean;
  #next = -1;
  /** Entries that do not come after the ones before, and the first of them. */
  unordered = 0;
  firstUnordered = 0n;
  /** Entries with bits that have no meaning, and the first of them. */
  unknown = 0;
  firstUnknown = 0n;
  entries = 0;

  constructor(little: boolean) {
    this.#little = little;
  }
  get length(): number {
    return this.#gfn.length;
  }
  push(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + 16 <= bytes.length; at += 16)
      this.#take(view.getBigUint64(at, this.#little), view.getBigUint64(at + 8, this.#little));
  }
  skip(entries: number): void {
    this.#next = -1;
    this.entries += entries;
  }
  zeros(entries: number): void {
    // A page of zeros has page 0 of the guest again and again; one entry of it is enough to tell.
    if (entries > 0) this.#take(0n, 0n);
    if (entries > 1) this.#take(0n, 0n);
    this.entries += Math.max(0, entries - 2);
  }
  #take(gfn: bigint, attributes: bigint): void {
    this.entries++;
    const page = Number(gfn);
    if (page < this.#next) {
      if (this.unordered === 0) this.firstUnordered = gfn;
      this.unordered++;
    }
    if ((attributes & ~PRIVATE) !== 0n) {
      if (this.unknown === 0) this.firstUnknown = gfn;
      this.unknown++;
    }
    const last = this.#gfn.length - 1;
    const continues = last >= 0 && page === this.#next && this.#attributes[last] === attributes;
    this.#next = page < HIGH * HIGH ? page + 1 : page;
    if (continues) this.#count.set(last, this.#count.at(last) + 1);
    else if (this.#gfn.length < MAX_RANGES) {
      this.#gfn.push(page);
      this.#count.push(1);
      this.#attributes.push(attributes);
    }
  }
  *[Symbol.iterator](): Iterator<MemAttrRange> {
    for (let i = 0; i < this.#gfn.length; i++)
      yield {
        gfn: BigInt(this.#gfn.at(i)),
        count: this.#count.at(i),
        attributes: this.#attributes[i] ?? 0n,
      };
  }
}
