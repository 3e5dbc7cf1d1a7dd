/**
 * Integers and bit-fields as closures: one literal per shape, chosen once per plan, so that what runs per
 * value has nothing left to decide. Views, columns and batches of records are made of these.
 */
import { readBig, readBigBits, readBits, readI64Number, readU64Number, writeBits } from './bytes.js';
import type { BitsPlan, IntPlan } from './plan.js';

export type ScalarPlan = IntPlan | BitsPlan;

/** Reads one value. A 64-bit integer that is to be a number and is not exact as one reads as NaN. */
export type ReadScalar = (view: DataView, at: number) => number | bigint;

/**
 * Writes one value if it is an integer in the field's range. Otherwise it writes nothing and says false, and
 * the careful writer tells what is wrong, or takes the value after all: it may be a bigint for a `u32`.
 */
export type WriteScalar = (view: DataView, at: number, value: unknown) => boolean;

// --- reading one -------------------------------------------------------------------------------------------

export function scalarReader(plan: ScalarPlan): ReadScalar {
  return plan.kind === 'int' ? intReader(plan) : bitsReader(plan);
}

function intReader(plan: IntPlan): ReadScalar {
  const { size, signed, little, as } = plan;
  if (size === 8 && as === 'number')
    return signed
      ? (view, at) => readI64Number(view, at, little)
      : (view, at) => readU64Number(view, at, little);
  if (size < 8 && as === 'bigint') return (view, at) => readBig(view, at, size, signed, little);
  return READERS[`${signed ? 'i' : 'u'}${size}${little ? 'l' : 'b'}`];
}
/** With the byte order as a constant in the text: looking it up for each value takes as long as the read. */
const READERS = {
  u1l: (view, at) => view.getUint8(at),
  u1b: (view, at) => view.getUint8(at),
  i1l: (view, at) => view.getInt8(at),
  i1b: (view, at) => view.getInt8(at),
  u2l: (view, at) => view.getUint16(at, true),
  u2b: (view, at) => view.getUint16(at, false),
  i2l: (view, at) => view.getInt16(at, true),
  i2b: (view, at) => view.getInt16(at, false),
  u4l: (view, at) => view.getUint32(at, true),
  u4b: (view, at) => view.getUint32(at, false),
  i4l: (view, at) => view.getInt32(at, true),
  i4b: (view, at) => view.getInt32(at, false),
  u8l: (view, at) => view.getBigUint64(at, true),
  u8b: (view, at) => view.getBigUint64(at, false),
  i8l: (view, at) => view.getBigInt64(at, true),
  i8b: (view, at) => view.getBigInt64(at, false),
} as const satisfies Record<string, ReadScalar>;

/** Bit-fields by the bytes that they touch: one read of a word where there is such a word, or two. */
function bitsReader(plan: BitsPlan): ReadScalar {
  const { size, shift, width, signed, msb, as } = plan;
  if (as === 'bigint')
    return signed
      ? (view, at) => BigInt.asIntN(width, readBigBits(view, at, shift, width, msb))
      : (view, at) => readBigBits(view, at, shift, width, msb);
  if (signed) {
    const sign = 2 ** (width - 1);
    return (view, at) => {
      const value = readBits(view, at, shift, width, msb);
      return value >= sign ? value - 2 * sign : value;
    };
  }
  // Read in the order of the bits, the field ends so many bits above the word's lowest one.
  const low = msb ? size * 8 - shift - width : shift;
  const mask = 2 ** width - 1;
  switch (size) {
    case 1:
      return (view, at) => (view.getUint8(at) >>> low) & mask;
    case 2:
      return (view, at) => (view.getUint16(at, !msb) >>> low) & mask;
    case 4:
      return (view, at) => ((view.getUint32(at, !msb) >>> low) & mask) >>> 0;
    case 5:
    case 6:
    case 7:
    case 8: {
      const { above, highMask, scale, lowAt, highAt } = wideBits(plan);
      return (view, at) =>
        ((view.getUint32(at + highAt, !msb) >>> above) & highMask) * scale +
        (view.getUint32(at + lowAt, !msb) >>> low);
    }
    default:
      return (view, at) => readBits(view, at, shift, width, msb);
  }
}

/** How to read bits that touch 5 to 8 bytes: the low 32 bits, and what is above them from the other end. */
function wideBits({ size, shift, width, msb }: BitsPlan) {
  const low = msb ? size * 8 - shift - width : shift;
  return {
    low,
    above: 8 * (8 - size),
    highMask: 2 ** (width + low - 32) - 1,
    scale: 2 ** (32 - low),
    lowAt: msb ? size - 4 : 0,
    highAt: msb ? 0 : size - 4,
  };
}

// --- writing one -------------------------------------------------------------------------------------------

export function scalarWriter(plan: ScalarPlan): WriteScalar {
  return plan.kind === 'int' ? intWriter(plan) : bitsWriter(plan);
}

/** A bigint on its way to two 32-bit words: four times as fast as setBigUint64 on V8 11 and 12. */
const carrier = new BigUint64Array(1);
const words = new Uint32Array(carrier.buffer);
/** Which of the two words is the low one on this machine. */
const LOW = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;

function intWriter({ size, signed, little, as }: IntPlan): WriteScalar {
  if (size === 8) return as === 'number' ? numberWriter64(signed, little) : bigWriter64(signed, little);
  const [least, most] = signed ? [-(2 ** (size * 8 - 1)), 2 ** (size * 8 - 1) - 1] : [0, 2 ** (size * 8) - 1];
  if (as === 'bigint')
    return (view, at, value) => {
      if (typeof value !== 'bigint' || value < least || value > most) return false;
      const small = Number(value);
      if (size === 4) view.setUint32(at, small, little);
      else if (size === 2) view.setUint16(at, small, little);
      else view.setUint8(at, small);
      return true;
    };
  const fits = (value: unknown): value is number =>
    typeof value === 'number' && value >= least && value <= most && Math.floor(value) === value;
  switch (size) {
    case 1:
      return (view, at, value) => {
        if (!fits(value)) return false;
        view.setUint8(at, value);
        return true;
      };
    case 2:
      return (view, at, value) => {
        if (!fits(value)) return false;
        view.setUint16(at, value, little);
        return true;
      };
    case 4:
      return (view, at, value) => {
        if (!fits(value)) return false;
        view.setUint32(at, value, little);
        return true;
      };
  }
}

function numberWriter64(signed: boolean, little: boolean): WriteScalar {
  const least = signed ? -Number.MAX_SAFE_INTEGER : 0;
  const [low, high] = little ? [0, 4] : [4, 0];
  return (view, at, value) => {
    if (typeof value !== 'number' || !(value >= least && value <= Number.MAX_SAFE_INTEGER)) return false;
    if (Math.floor(value) !== value) return false;
    view.setUint32(at + low, value, little);
    view.setInt32(at + high, Math.floor(value / 4294967296), little);
    return true;
  };
}

function bigWriter64(signed: boolean, little: boolean): WriteScalar {
  const [low, high] = little ? [0, 4] : [4, 0];
  return (view, at, value) => {
    if (typeof value !== 'bigint') return false;
    if ((signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) !== value) return false;
    carrier[0] = value;
    view.setUint32(at + low, words[LOW] ?? 0, little);
    view.setUint32(at + high, words[1 - LOW] ?? 0, little);
    return true;
  };
}

function bitsWriter({ shift, width, signed, msb, as }: BitsPlan): WriteScalar {
  if (as === 'bigint') return () => false;
  const [least, most] = signed ? [-(2 ** (width - 1)), 2 ** (width - 1) - 1] : [0, 2 ** width - 1];
  return (view, at, value) => {
    if (typeof value !== 'number' || !(value >= least && value <= most) || Math.floor(value) !== value)
      return false;
    writeBits(view, at, shift, width, msb, value);
    return true;
  };
}

// --- reading many ------------------------------------------------------------------------------------------

/** Integers as a typed array: of the field's own width, or of doubles where a number has up to 53 bits. */
export type NumberColumn =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float64Array;
export type BigIntColumn = BigUint64Array | BigInt64Array;
export type Column = NumberColumn | BigIntColumn;

type ColumnMaker = {
  new (length: number): Column;
  readonly name: string;
};

/** Which typed array holds the values of a field. */
export function columnType(plan: ScalarPlan): ColumnMaker {
  const { signed, as } = plan;
  if (as === 'bigint') return signed ? BigInt64Array : BigUint64Array;
  const width = plan.kind === 'int' ? plan.size * 8 : plan.width;
  if (width > 32) return Float64Array;
  if (width > 16) return signed ? Int32Array : Uint32Array;
  if (width > 8) return signed ? Int16Array : Uint16Array;
  return signed ? Int8Array : Uint8Array;
}

/**
 * Reads `count` values that are `step` bytes apart into a column of the {@link columnType}, from index `from`
 * on. Says whether some were not exact as a number; those are NaN in the column.
 */
export type FillColumn = (
  column: Column,
  view: DataView,
  at: number,
  step: number,
  count: number,
  from: number,
) => boolean;

/** A loop for columns of one type. */
type Fill<C extends Column> = (
  column: C,
  view: DataView,
  at: number,
  step: number,
  count: number,
  from: number,
) => boolean;

/**
 * The loop that fills a column of the plan's {@link columnType}.
 *
 * The columns that are common in large arrays have a loop with a constant byte order, four values per turn:
 * together that is three times as fast as one value per turn in an order that is looked up.
 */
export function columnFiller(plan: ScalarPlan): FillColumn {
  // Each loop is chosen by the same width, sign and kind of value as columnType chooses the column.
  return filler(plan) as FillColumn;
}
function filler(plan: ScalarPlan): Fill<never> {
  if (plan.kind === 'bits') return bitsFiller(plan);
  const { size, little, signed, as } = plan;
  if (size === 8 && as === 'number') return signed ? fillI64(little) : little ? fillU64Little : fillU64Big;
  if (size === 8) return little ? fill64Little : fill64Big;
  if (as === 'number' && !signed) {
    if (size === 4) return little ? fillU32Little : fillU32Big;
    return size === 2 ? fillU16(little) : fillU8;
  }
  return fillAny(scalarReader(plan));
}

const fillU8: Fill<Uint8Array> = (column, view, at, step, count, from) => {
  for (let i = from, p = at; i < from + count; i++, p += step) column[i] = view.getUint8(p);
  return false;
};
function fillU16(little: boolean): Fill<Uint16Array> {
  return (column, view, at, step, count, from) => {
    for (let i = from, p = at; i < from + count; i++, p += step) column[i] = view.getUint16(p, little);
    return false;
  };
}
const fillU32Little: Fill<Uint32Array> = (column, view, at, step, count, from) => {
  const end = from + count;
  let i = from;
  let p = at;
  for (; i + 4 <= end; i += 4, p += 4 * step) {
    column[i] = view.getUint32(p, true);
    column[i + 1] = view.getUint32(p + step, true);
    column[i + 2] = view.getUint32(p + 2 * step, true);
    column[i + 3] = view.getUint32(p + 3 * step, true);
  }
  for (; i < end; i++, p += step) column[i] = view.getUint32(p, true);
  return false;
};
const fillU32Big: Fill<Uint32Array> = (column, view, at, step, count, from) => {
  for (let i = from, p = at; i < from + count; i++, p += step) column[i] = view.getUint32(p, false);
  return false;
};

/** The column's memory as 32-bit words: a 64-bit integer that is copied as two needs no bigint. */
function halvesOf(column: BigIntColumn): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.length * 2);
}
const fill64Little: Fill<BigIntColumn> = (column, view, at, step, count, from) => {
  // Where everything is aligned as this machine wants it, they are its own 64-bit integers.
  if (LOW === 0 && ((view.byteOffset + at) & 7) === 0 && (step & 7) === 0 && count > 0) {
    copy64(
      column,
      new BigUint64Array(view.buffer, view.byteOffset + at, ((count - 1) * step) / 8 + 1),
      step / 8,
      count,
      from,
    );
    return false;
  }
  const halves = halvesOf(column);
  const high = 1 - LOW;
  const end = 2 * (from + count);
  for (let i = 2 * from, p = at; i < end; i += 2, p += step) {
    halves[i + LOW] = view.getUint32(p, true);
    halves[i + high] = view.getUint32(p + 4, true);
  }
  return false;
};
function copy64(
  column: BigIntColumn,
  input: BigUint64Array,
  step: number,
  count: number,
  from: number,
): void {
  const end = from + count;
  let i = from;
  let p = 0;
  // All of these are inside of the input; a `?? 0n` would have V8 make bigints of them.
  for (; i + 4 <= end; i += 4, p += 4 * step) {
    column[i] = input[p] as bigint;
    column[i + 1] = input[p + step] as bigint;
    column[i + 2] = input[p + 2 * step] as bigint;
    column[i + 3] = input[p + 3 * step] as bigint;
  }
  for (; i < end; i++, p += step) column[i] = input[p] as bigint;
}
const fill64Big: Fill<BigIntColumn> = (column, view, at, step, count, from) => {
  const halves = halvesOf(column);
  const high = 1 - LOW;
  const end = 2 * (from + count);
  for (let i = 2 * from, p = at; i < end; i += 2, p += step) {
    halves[i + high] = view.getUint32(p, false);
    halves[i + LOW] = view.getUint32(p + 4, false);
  }
  return false;
};

const fillU64Little: Fill<Float64Array> = (column, view, at, step, count, from) => {
  let tops = 0;
  const end = from + count;
  let i = from;
  let p = at;
  for (; i + 2 <= end; i += 2, p += 2 * step) {
    const first = view.getUint32(p + 4, true);
    const second = view.getUint32(p + step + 4, true);
    tops |= first | second;
    column[i] = first * 4294967296 + view.getUint32(p, true);
    column[i + 1] = second * 4294967296 + view.getUint32(p + step, true);
  }
  if (i < end) {
    const top = view.getUint32(p + 4, true);
    tops |= top;
    column[i] = top * 4294967296 + view.getUint32(p, true);
  }
  return tops >>> 21 !== 0 && markUnsafe(column, count, from);
};
const fillU64Big: Fill<Float64Array> = (column, view, at, step, count, from) => {
  let tops = 0;
  for (let i = from, p = at; i < from + count; i++, p += step) {
    const top = view.getUint32(p, false);
    tops |= top;
    column[i] = top * 4294967296 + view.getUint32(p + 4, false);
  }
  return tops >>> 21 !== 0 && markUnsafe(column, count, from);
};
/** What was 2^53 or more before rounding is so after it. */
function markUnsafe(column: Float64Array, count: number, from: number): boolean {
  let some = false;
  for (let i = from; i < from + count; i++)
    if (!((column[i] ?? 0) <= Number.MAX_SAFE_INTEGER)) {
      column[i] = Number.NaN;
      some = true;
    }
  return some;
}
function fillI64(little: boolean): Fill<Float64Array> {
  return (column, view, at, step, count, from) => {
    let unsafe = false;
    for (let i = from, p = at; i < from + count; i++, p += step) {
      const value = readI64Number(view, p, little);
      if (Number.isNaN(value)) unsafe = true;
      column[i] = value;
    }
    return unsafe;
  };
}

function bitsFiller(plan: BitsPlan): Fill<never> {
  const { size, shift, width, signed, msb, as } = plan;
  if (signed || as === 'bigint') return fillAny(scalarReader(plan));
  if (size === 2 && width > 8) {
    const low = msb ? 16 - shift - width : shift;
    const mask = 2 ** width - 1;
    const fill: Fill<Uint16Array> = (column, view, at, step, count, from) => {
      for (let i = from, p = at; i < from + count; i++, p += step)
        column[i] = (view.getUint16(p, !msb) >>> low) & mask;
      return false;
    };
    return fill;
  }
  if (size < 5 || size > 8 || width < 33) return fillAny(scalarReader(plan));
  const { low, above, highMask, scale, lowAt, highAt } = wideBits(plan);
  const fill: Fill<Float64Array> = (column, view, at, step, count, from) => {
    for (let i = from, p = at; i < from + count; i++, p += step)
      column[i] =
        ((view.getUint32(p + highAt, !msb) >>> above) & highMask) * scale +
        (view.getUint32(p + lowAt, !msb) >>> low);
    return false;
  };
  return fill;
}

function fillAny(read: ReadScalar): Fill<Column> {
  return (column, view, at, step, count, from) => {
    // The column is of the plan's columnType, so it takes what the plan's reader gives: numbers or bigints.
    const cells = column as { [index: number]: number | bigint };
    for (let i = from, p = at; i < from + count; i++, p += step) cells[i] = read(view, p);
    return false;
  };
}
