/** Lists of numbers that may become millions long: typed arrays that grow. */

export class Numbers {
  #values: Float64Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 64) {
    this.#values = new Float64Array(capacity);
  }
  get length(): number {
    return this.#length;
  }
  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = new Float64Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = value;
  }
  /** The number at that place; NaN where there is none. */
  at(index: number): number {
    return index < this.#length ? (this.#values[index] ?? Number.NaN) : Number.NaN;
  }
  set(index: number, value: number): void {
    if (index < this.#length) this.#values[index] = value;
  }
  /** The numbers as an array of their own. */
  done(): Float64Array {
    return this.#values.slice(0, this.#length);
  }
}
