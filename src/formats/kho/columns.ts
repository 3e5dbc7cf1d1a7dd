/** Lists of numbers that may become millions long: typed arrays, in blocks that are not copied when more come. */

/** Numbers in a block. */
const BLOCK = 1 << 14;
const SHIFT = 14;

export class Numbers {
  readonly #blocks: Float64Array[] = [];
  /** The last block. The first one grows until it is as large as the others: most lists are short. */
  #block: Float64Array;
  /** Numbers in the blocks before it. */
  #before = 0;
  #length = 0;

  constructor(capacity = 64) {
    this.#block = new Float64Array(Math.max(1, Math.min(capacity, BLOCK)));
    this.#blocks.push(this.#block);
  }
  get length(): number {
    return this.#length;
  }
  push(value: number): void {
    if (this.#length - this.#before === this.#block.length) this.#extend();
    this.#block[this.#length++ - this.#before] = value;
  }
  /** The number at that place; NaN where there is none. */
  at(index: number): number {
    if (!(index >= 0 && index < this.#length)) return Number.NaN;
    return this.#blocks[index >>> SHIFT]?.[index & (BLOCK - 1)] ?? Number.NaN;
  }
  set(index: number, value: number): void {
    const block = index >= 0 && index < this.#length ? this.#blocks[index >>> SHIFT] : undefined;
    if (block !== undefined) block[index & (BLOCK - 1)] = value;
  }
  /** The numbers as an array of their own. */
  done(): Float64Array {
    const all = new Float64Array(this.#length);
    for (const [i, block] of this.#blocks.entries()) {
      const left = this.#length - i * BLOCK;
      all.set(left < block.length ? block.subarray(0, left) : block, i * BLOCK);
    }
    return all;
  }

  #extend(): void {
    if (this.#block.length === BLOCK) {
      this.#before += BLOCK;
      this.#block = new Float64Array(BLOCK);
      this.#blocks.push(this.#block);
      return;
    }
    const grown = new Float64Array(Math.min(this.#block.length * 2, BLOCK));
    grown.set(this.#block);
    this.#block = grown;
    this.#blocks[0] = grown;
  }
}
