/**
 * Arbitraries written as plain code that draws choices. What a later field may hold depends on what earlier
 * ones hold, and code says that where combinators cannot. The choices drawn are kept, and a failing case is
 * shrunk by making them fewer and smaller and running the code again, so that every shrunk case is as well
 * formed as the first.
 */
import fc from 'fast-check';

/** Where choices come from. Of each choice 0 is the simplest outcome, which is what shrinking goes for. */
export class Draw {
  /** The choices made so far. */
  readonly taken: number[] = [];
  private readonly choose: (bound: number, index: number) => number;

  constructor(choose: (bound: number, index: number) => number) {
    this.choose = choose;
  }

  /** A whole number from 0 to `bound - 1`; `bound` is 1 to 2^32. */
  below(bound: number): number {
    if (bound <= 1) return 0;
    const choice = this.choose(bound, this.taken.length);
    this.taken.push(choice);
    return choice;
  }
  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === n - 1;
  }
  /** One of the items, of which the first is the simplest. */
  pick<const T extends readonly [unknown, ...unknown[]]>(items: T): T[number] {
    return items[this.below(items.length)];
  }

  /** An integer in the range: near zero, at a bound, one bit, or anywhere. */
  integer(low: bigint, high: bigint): bigint {
    const clamp = (value: bigint): bigint => (value < low ? low : value > high ? high : value);
    switch (this.below(8)) {
      case 0:
      case 1:
      case 2:
        return clamp((low > 0n ? low : 0n) + BigInt(this.below(17)));
      case 3:
        return clamp(this.pick([0n, 1n, high, low, high - 1n, low + 1n, -1n]));
      case 4: {
        const bit = 1n << BigInt(this.below((high - low).toString(2).length));
        return clamp(low < 0n && this.below(2) === 1 ? -bit : bit);
      }
      default: {
        const range = high - low + 1n;
        let value = 0n;
        for (let left = range - 1n; left > 0n; left >>= 32n)
          value = (value << 32n) | BigInt(this.below(2 ** 32));
        return low + (value % range);
      }
    }
  }

  /** So many bytes. Many of them come from one choice, so that a large block does not take a choice a byte. */
  bytes(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    if (size <= 16) {
      for (let i = 0; i < size; i++) bytes[i] = this.below(256);
      return bytes;
    }
    let state = this.below(2 ** 32);
    if (state === 0) return bytes;
    for (let i = 0; i < size; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      bytes[i] = state >>> 24;
    }
    return bytes;
  }
}

/** The arbitrary of what `build` makes of its draws. It is run again for every shrunk case, so it must be pure. */
export function fromChoices<T>(build: (draw: Draw) => T): fc.Arbitrary<T> {
  return new ChoiceArbitrary(build);
}

class ChoiceArbitrary<T> extends fc.Arbitrary<T> {
  private readonly build: (draw: Draw) => T;

  constructor(build: (draw: Draw) => T) {
    super();
    this.build = build;
  }

  generate(random: fc.Random): fc.Value<T> {
    const draw = new Draw((bound) => random.nextInt(0, bound - 1));
    return new fc.Value(this.build(draw), draw.taken);
  }
  canShrinkWithoutContext(_value: unknown): _value is T {
    return false;
  }
  shrink(_value: T, context: unknown): fc.Stream<fc.Value<T>> {
    return fc.stream(this.smaller(Array.isArray(context) ? (context as readonly number[]) : []));
  }

  private *smaller(taken: readonly number[]): IterableIterator<fc.Value<T>> {
    for (const attempt of reductions(taken)) {
      const draw = new Draw((bound, index) => Math.min(attempt[index] ?? 0, bound - 1));
      const value = this.build(draw);
      // Only ever downward: that is what makes shrinking end.
      if (simpler(draw.taken, taken)) yield new fc.Value(value, draw.taken);
    }
  }
}

/** Choices left out in runs of ever smaller length, then each one made smaller. */
function* reductions(taken: readonly number[]): IterableIterator<number[]> {
  for (let run = taken.length; run >= 1; run = run === 1 ? 0 : Math.ceil(run / 2))
    for (let at = 0; at < taken.length; at += run) yield [...taken.slice(0, at), ...taken.slice(at + run)];
  for (const [index, choice] of taken.entries())
    for (let step = choice; step >= 1; step = Math.floor(step / 2))
      yield [...taken.slice(0, index), choice - step, ...taken.slice(index + 1)];
}

function simpler(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return a.length < b.length;
  const at = a.findIndex((choice, index) => choice !== b[index]);
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}
