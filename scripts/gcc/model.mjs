// The struct model of the golden files: a tiny JSON syntax tree, the C text it
// stands for, and the values that go with it.

/**
 * @typedef {'u8'|'i8'|'u16'|'i16'|'u32'|'i32'|'u64'|'i64'|'ulong'|'long'|'size_t'|'pointer'} Int
 * @typedef {{ int: Int } | { char: number } | { array: Type, count: number }
 *   | { struct: Aggregate } | { union: Aggregate }} Type
 * @typedef {{ name: string | null, type: Type, bits?: number, packed?: true, aligned?: number }} Field
 * @typedef {{ packed?: true, aligned?: number, fields: Field[] }} Aggregate
 * @typedef {{ [field: string]: number | string | Members | List }} Members
 * @typedef {{ [index: number]: number | string | Members | List, length: number }} List
 * @typedef {number | string | Members | List} Value
 */

/** @type {Record<Int, string>} */
export const C_TYPES = {
  u8: 'unsigned char',
  i8: 'signed char',
  u16: 'unsigned short',
  i16: 'signed short',
  u32: 'unsigned int',
  i32: 'signed int',
  u64: 'unsigned long long',
  i64: 'signed long long',
  ulong: 'unsigned long',
  long: 'signed long',
  size_t: '__SIZE_TYPE__',
  pointer: 'void *',
};

/** @type {readonly Int[]} */
export const INTS = /** @type {Int[]} */ (Object.keys(C_TYPES));

/**
 * Types a bit-field can have, with the widest bit-field that is legal on all
 * ABIs.
 * @type {readonly [Int, number][]}
 */
export const BIT_BASES = [
  ['u8', 8],
  ['i8', 8],
  ['u16', 16],
  ['i16', 16],
  ['u32', 32],
  ['i32', 32],
  ['u64', 64],
  ['i64', 64],
  ['ulong', 32],
  ['long', 32],
];

/** @param {Int} int */
export const isSigned = (int) => int.startsWith('i') || int === 'long';

/**
 * Bits of an integer that can be used on every ABI.
 * @param {Int} int
 */
export function commonBits(int) {
  const match = /\d+$/.exec(int);
  return match ? Number(match[0]) : 32;
}

/**
 * Whether values are written as decimal strings rather than JSON numbers.
 * @param {Int} int
 */
export const isText = (int) => /64|long|size_t|pointer/.test(int);

/**
 * @param {Type} type
 * @returns {Aggregate | undefined}
 */
export function aggregateOf(type) {
  if ('struct' in type) return type.struct;
  if ('union' in type) return type.union;
  return undefined;
}

// ---------------------------------------------------------------------------
// C text

/** @param {{ packed?: true, aligned?: number }} item */
function attributes(item) {
  const list = [];
  if (item.packed) list.push('packed');
  if (item.aligned) list.push(`aligned(${item.aligned})`);
  return list.length > 0 ? ` __attribute__((${list.join(', ')}))` : '';
}

/**
 * The C text of a struct or union type: attributes of the type stand after the
 * closing brace.
 * @param {Type} type
 * @param {string} tag
 * @param {string} indent
 * @returns {string}
 */
function aggregateText(type, tag, indent) {
  const aggregate = aggregateOf(type);
  if (!aggregate) throw new Error('not a struct or union');
  const keyword = 'struct' in type ? 'struct' : 'union';
  const inner = `${indent}  `;
  const lines = aggregate.fields.map((field) => `${inner + fieldText(field, inner)};\n`);
  return `${keyword}${tag && ` ${tag}`} {\n${lines.join('')}${indent}}${attributes(aggregate)}`;
}

/**
 * The C text of one member: attributes of the member stand after its declarator.
 * @param {Field} field
 * @param {string} indent
 */
function fieldText(field, indent) {
  let base = field.type;
  let suffix = '';
  while ('array' in base) {
    suffix += `[${base.count}]`;
    base = base.array;
  }
  let text;
  if ('int' in base) text = C_TYPES[base.int];
  else if ('char' in base) {
    text = 'char';
    suffix += `[${base.char}]`;
  } else text = aggregateText(base, '', indent);
  if (field.bits !== undefined) suffix = ` : ${field.bits}`;
  return `${text} ${field.name ?? ''}${suffix}${attributes(field)}`.replace(/ +(?=$)/, '');
}

/**
 * @param {Type} type
 * @param {string} tag
 */
export const definition = (type, tag) => `${aggregateText(type, tag, '')};\n`;

/**
 * @param {Type} type
 * @param {Value} value
 * @returns {string}
 */
export function initialiser(type, value) {
  if ('int' in type) {
    const n = BigInt(/** @type {number | string} */ (value));
    if (type.int === 'pointer') return `(void *)(__UINTPTR_TYPE__)${n}ULL`;
    if (!isSigned(type.int)) return `${n}ULL`;
    return n === -(1n << 63n) ? '(-9223372036854775807LL - 1)' : `${n}LL`;
  }
  if ('char' in type) return `"${String(value).replace(/["\\?]/g, '\\$&')}"`;
  if ('array' in type) {
    const items = /** @type {Value[]} */ (value);
    return `{ ${items.map((item) => initialiser(type.array, item)).join(', ')} }`;
  }
  const parts = [];
  for (const [name, inner, item] of members(type, /** @type {Members} */ (value))) {
    parts.push(`.${name} = ${initialiser(inner, item)}`);
  }
  return `{ ${parts.join(', ')} }`;
}

/**
 * The initialised members of a value with their types, anonymous structs and
 * unions flattened.
 * @param {Type} type
 * @param {Members} value
 * @returns {Generator<[string, Type, Value]>}
 */
export function* members(type, value) {
  const aggregate = aggregateOf(type);
  if (!aggregate) throw new Error('not a struct or union');
  for (const field of aggregate.fields) {
    if (field.name !== null) {
      const item = value[field.name];
      if (item !== undefined) yield [field.name, field.type, item];
    } else if (field.bits === undefined) {
      yield* members(field.type, value);
    }
  }
}

/**
 * Paths of all named members that are not bit-fields; element 0 stands for an
 * array of structs or unions.
 * @param {Type} type
 * @param {string} [prefix]
 * @returns {Generator<string>}
 */
export function* paths(type, prefix = '') {
  const aggregate = aggregateOf(type);
  if (!aggregate) return;
  for (const field of aggregate.fields) {
    if (field.bits !== undefined) continue;
    if (field.name === null) {
      yield* paths(field.type, prefix);
      continue;
    }
    let path = prefix + field.name;
    yield path;
    let inner = field.type;
    while ('array' in inner) {
      inner = inner.array;
      path += '[0]';
    }
    yield* paths(inner, `${path}.`);
  }
}

// ---------------------------------------------------------------------------
// Random numbers and values

export class Random {
  /** @param {number} seed */
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** A 32-bit number (the "mulberry32" generator). */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /**
   * A whole number from low to high, both included.
   * @param {number} low
   * @param {number} high
   */
  int(low, high) {
    return low + (this.next() % (high - low + 1));
  }

  /** @param {number} probability */
  chance(probability) {
    return this.next() < probability * 2 ** 32;
  }

  /**
   * @template T
   * @param {readonly T[]} list
   * @returns {T}
   */
  pick(list) {
    return /** @type {T} */ (list[this.int(0, list.length - 1)]);
  }

  /** @param {number} bits */
  bits(bits) {
    const all = (BigInt(this.next()) << 32n) | BigInt(this.next());
    return BigInt.asUintN(bits, all);
  }
}

/**
 * A random integer with edge cases.
 * @param {Random} random
 * @param {Int} int
 * @param {number} bits
 * @param {boolean} [visible] never 0, and the highest and lowest bit set
 */
export function integer(random, int, bits, visible = false) {
  const ones = (1n << BigInt(bits)) - 1n;
  const top = 1n << BigInt(bits - 1);
  let raw;
  if (visible) {
    raw = random.chance(0.3) ? ones : random.bits(bits) | top | 1n;
  } else {
    switch (random.int(0, 9)) {
      case 0:
        raw = 0n;
        break;
      case 1:
        raw = ones;
        break;
      case 2:
        raw = top;
        break;
      case 3:
        raw = ones >> 1n;
        break;
      case 4:
        raw = 1n;
        break;
      case 5:
        raw = 1n << BigInt(random.int(0, bits - 1));
        break;
      default:
        raw = random.bits(bits);
    }
  }
  const n = isSigned(int) ? BigInt.asIntN(bits, raw) : raw;
  return isText(int) ? String(n) : Number(n);
}

const TEXT = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i));

/**
 * A value of a type; in a union one random member is initialised.
 * @param {Random} random
 * @param {Type} type
 * @param {boolean} [visible]
 * @returns {Value}
 */
export function randomValue(random, type, visible = false) {
  if ('int' in type) return integer(random, type.int, commonBits(type.int), visible);
  if ('char' in type) {
    const length = random.chance(0.3) ? type.char : random.int(visible ? 1 : 0, type.char);
    return Array.from({ length }, () => random.pick(TEXT)).join('');
  }
  if ('array' in type) {
    return Array.from({ length: type.count }, () => randomValue(random, type.array, visible));
  }
  /** @type {Members} */
  const value = {};
  fill(random, type, visible, value);
  return value;
}

/**
 * @param {Random} random
 * @param {Type} type
 * @param {boolean} visible
 * @param {Members} value
 */
function fill(random, type, visible, value) {
  const aggregate = aggregateOf(type);
  if (!aggregate) throw new Error('not a struct or union');
  let fields = aggregate.fields.filter((f) => f.name !== null || f.bits === undefined);
  if ('union' in type) fields = [random.pick(fields)];
  for (const field of fields) {
    if (field.name === null) fill(random, field.type, visible, value);
    else if (field.bits !== undefined && 'int' in field.type) {
      value[field.name] = integer(random, field.type.int, field.bits, visible);
    } else value[field.name] = randomValue(random, field.type, visible);
  }
}
