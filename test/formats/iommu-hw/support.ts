import { ABI } from '../../../src/codec/index.js';
import { PreservedBuilder } from '../../../src/formats/kho/preserved.js';
import { Walk } from '../../../src/formats/kho/walk.js';
import { imageOf } from '../pgtable/support.js';

export const ROOT = 0x10_0000n;

/** Pages at their addresses, words by words; a walk over them in which all of them are preserved. */
export class Memory {
  readonly #pages = new Map<bigint, Uint8Array>();
  readonly #unpreserved = new Set<bigint>();

  /** Writes words of 64 bits. */
  put(address: bigint, ...words: readonly bigint[]): this {
    words.forEach((word, i) => {
      const at = address + BigInt(8 * i);
      const page = at & ~0xfffn;
      const bytes = this.#pages.get(page) ?? new Uint8Array(4096);
      this.#pages.set(page, bytes);
      new DataView(bytes.buffer).setBigUint64(Number(at & 0xfffn), word, true);
    });
    return this;
  }
  page(address: bigint, bytes: Uint8Array): this {
    this.#pages.set(address, bytes);
    return this;
  }
  unpreserve(page: bigint): this {
    this.#unpreserved.add(page);
    return this;
  }
  /** Leaves memory between the pages absent by putting nothing there: pages are one after the other. */
  walk(): Walk {
    const builder = new PreservedBuilder();
    const pages = [...this.#pages].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [address] of pages)
      if (!this.#unpreserved.has(address)) builder.add(Number(address >> 12n), 0, 1);
    return new Walk(
      imageOf(pages.map(([address, bytes]) => ({ address, bytes }))),
      ABI.x86_64,
      builder.done(4096, true),
    );
  }
}

/** Names of the rules that were broken, in order. */
export const rules = (walk: Walk): string[] =>
  walk.findings.list().map(({ rule }) => rule.replace('iommu-hw/', ''));
