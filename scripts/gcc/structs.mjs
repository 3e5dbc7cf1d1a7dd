// Which structs the golden files hold: a systematic part and a random part.
import { BIT_BASES, commonBits, INTS, Random, randomValue } from './model.mjs';

/**
 * @typedef {import('./model.mjs').Int} Int
 * @typedef {import('./model.mjs').Type} Type
 * @typedef {import('./model.mjs').Field} Field
 * @typedef {import('./model.mjs').Aggregate} Aggregate
 * @typedef {import('./model.mjs').Value} Value
 * @typedef {{ name: string, group: string, type: Type, value: Value }} Case
 */

// ---------------------------------------------------------------------------
// Shorthand

/**
 * @param {string | Type} type an integer, "char:N", or a type
 * @returns {Type}
 */
function T(type) {
  if (typeof type !== 'string') return type;
  if (type.startsWith('char:')) return { char: Number(type.slice(5)) };
  return { int: /** @type {Int} */ (type) };
}

/**
 * @param {string | null} name
 * @param {string | Type} type
 * @param {{ bits?: number, packed?: true, aligned?: number }} [more]
 * @returns {Field}
 */
const F = (name, type, more = {}) => ({ name, type: T(type), ...more });

/**
 * @param {string | null} name
 * @param {string} type
 * @param {number} bits
 * @param {{ packed?: true, aligned?: number }} [more]
 * @returns {Field}
 */
const B = (name, type, bits, more = {}) => ({ name, type: T(type), bits, ...more });

/**
 * @param {string | Type} type
 * @param {number} count
 * @returns {Type}
 */
const A = (type, count) => ({ array: T(type), count });

/**
 * @param {Field[]} fields
 * @param {{ packed?: true, aligned?: number }} [more]
 * @returns {Type}
 */
const S = (fields, more = {}) => ({ struct: { ...more, fields } });

/**
 * @param {Field[]} fields
 * @param {{ packed?: true, aligned?: number }} [more]
 * @returns {Type}
 */
const U = (fields, more = {}) => ({ union: { ...more, fields } });

/** @type {{ packed: true }} */
const PACKED = { packed: true };
const ALIGNMENTS = [1, 2, 4, 8, 16, 32];

// ---------------------------------------------------------------------------
// Systematic part

/**
 * @param {Random} random
 * @returns {Generator<[string, Type]>}
 */
function* systematic(random) {
  // Every width of every base.
  for (const [base, widest] of BIT_BASES) {
    for (let w = 1; w <= widest; w++) {
      const middle = () => [F('a', 'u8'), B('b', base, w), F('c', 'u8')];
      yield ['bits-natural', S(middle())];
      yield ['bits-packed', S(middle(), PACKED)];
      yield ['bits-run', S([B('a', base, w), B('b', base, w), B('c', base, w)])];
    }
  }

  // Every pair of bases, random widths.
  for (const [first, widest] of BIT_BASES) {
    for (const [second, other] of BIT_BASES) {
      const fields = () => [
        B('a', first, random.int(1, widest)),
        B('b', second, random.int(1, other)),
        B('c', first, random.int(1, widest)),
        B('d', second, random.int(1, other)),
      ];
      yield ['bits-pair', S(fields())];
      yield ['bits-pair', S(fields(), PACKED)];
    }
  }

  // Unnamed and zero-width bit-fields.
  for (const [base] of BIT_BASES) {
    for (const bits of [0, 5]) {
      for (const more of [{}, PACKED]) {
        yield ['bits-unnamed', S([F('a', 'u8'), B(null, base, bits), F('b', 'u8')], more)];
        yield ['bits-unnamed', S([B(null, base, bits), F('a', 'u8')], more)];
        yield ['bits-unnamed', S([F('a', 'u8'), B(null, base, bits)], more)];
        yield ['bits-unnamed', S([B('a', 'u8', 3), B(null, base, bits), B('b', 'u8', 2)], more)];
        yield [
          'bits-unnamed',
          S([B('a', 'u32', 3), B(null, base, bits), B('b', 'u32', 9), F('c', 'u8')], more),
        ];
        yield ['bits-unnamed', S([F('a', 'u16'), B(null, base, bits), B('b', base, 3)], more)];
        yield ['bits-unnamed', U([B(null, base, bits), F('a', 'u8')], more)];
        yield ['bits-unnamed', U([B('a', base, 6), F('b', 'u8')], more)];
        yield [
          'bits-unnamed',
          S([F('a', 'u8'), F('b', S([B(null, base, bits), F('c', 'u8')], more)), F('d', 'u8')]),
        ];
      }
    }
    yield ['bits-unnamed', S([F('a', 'u8'), B(null, base, 0), B(null, base, 0), B('b', base, 1)])];
    yield [
      'bits-unnamed',
      S([B('a', base, 1), B(null, 'u8', 0), B('b', base, 1), B(null, 'u64', 0), F('c', 'u8')]),
    ];
  }

  // Attributes on bit-fields.
  for (const [base, widest] of BIT_BASES) {
    for (const aligned of [1, 2, 4, 8, 16]) {
      yield ['bits-aligned', S([F('a', 'u8'), B('b', base, 3, { aligned }), B('c', base, 4), F('d', 'u8')])];
      yield [
        'bits-aligned',
        S([F('a', 'u8'), B('b', base, 3, { aligned }), B('c', base, 4), F('d', 'u8')], PACKED),
      ];
      yield ['bits-aligned', S([B('a', base, 2), B('b', base, widest, { aligned }), B('c', base, 1)])];
    }
    yield ['bits-field-packed', S([F('a', 'u8'), B('b', base, widest, PACKED), B('c', base, 3)])];
    yield ['bits-field-packed', S([B('a', 'u8', 3), B('b', base, widest - 1, PACKED), F('c', 'u8')])];
    yield ['bits-field-packed', S([B('a', base, 3), B('b', base, widest, PACKED), B('c', base, widest)])];
    yield [
      'bits-field-packed',
      S([B('a', base, 3), B('b', base, widest, { packed: true, aligned: 2 }), F('c', 'u8')]),
    ];
  }

  // Every scalar in every simple place.
  for (const int of INTS) {
    yield ['scalar', S([F('a', int)])];
    yield ['scalar', S([F('a', int)], PACKED)];
    yield ['scalar', S([F('a', 'u8'), F('b', int)])];
    yield ['scalar', S([F('a', int), F('b', 'u8')])];
    yield ['scalar', S([F('a', int), F('b', 'u32')])];
    yield ['scalar', S([F('a', 'u8'), F('b', int), F('c', 'u8')], PACKED)];
    yield ['scalar', S([F('a', 'u8'), F('b', int, PACKED), F('c', int)])];
    yield ['scalar', S([F('a', 'u8'), F('b', A(int, 3)), F('c', 'u8')])];
    yield ['scalar', S([F('a', 'u8'), F('b', A(A(int, 2), 2), PACKED), F('c', 'u8')])];
    yield ['scalar', S([F('a', 'u8'), F('b', S([F('c', int)])), F('d', 'u8')])];
    yield ['scalar', S([F('a', 'u8'), F('b', S([F('c', int)]), PACKED), F('d', 'u8')])];
    yield ['scalar', S([F('a', 'u8'), F('b', S([F('c', 'u8'), F('d', int)])), F('e', 'u8')], PACKED)];
    yield ['scalar', S([F('a', 'u8'), F('b', A(S([F('c', int), F('d', 'u8')]), 2)), F('e', 'u8')])];
    yield [
      'scalar',
      S([F('a', 'u8'), F(null, S([F('b', int)])), F(null, U([F('c', int), F('d', 'char:5')]))]),
    ];
    yield ['scalar', U([F('a', 'u8'), F('b', int)])];
    yield ['scalar', U([F('a', int), F('b', 'char:11')])];
    yield ['scalar', U([F('a', int), F('b', 'char:11')], PACKED)];
    for (const aligned of ALIGNMENTS) {
      yield ['scalar-aligned', S([F('a', 'u8'), F('b', int, { aligned }), F('c', 'u8')])];
      yield ['scalar-aligned', S([F('a', 'u8'), F('b', int, { aligned }), F('c', 'u8')], PACKED)];
      yield ['scalar-aligned', S([F('a', 'u8'), F('b', int, { packed: true, aligned }), F('c', 'u8')])];
      yield ['scalar-aligned', S([F('a', 'u8'), F('b', int)], { aligned })];
      yield ['scalar-aligned', S([F('a', 'u8'), F('b', int)], { packed: true, aligned })];
      yield ['scalar-aligned', S([F('a', 'u8'), F('b', S([F('c', int)], { aligned })), F('d', 'u8')])];
    }
  }

  // Shapes that real formats and odd ABIs ask for.
  const flags = (/** @type {string} */ base) => ['a', 'b', 'c', 'd', 'e'].map((name) => B(name, base, 1));
  for (const base of ['u8', 'u16', 'u32', 'u64', 'ulong', 'i32']) {
    yield ['special', S(flags(base))];
    yield ['special', S(flags(base), PACKED)];
    yield ['special', S([F('x', 'u64'), F('y', 'u64'), F('z', 'u32'), ...flags(base)], PACKED)];
    yield ['special', S([F('x', 'u64'), F('y', 'u64'), F('z', 'u32'), ...flags(base)])];
    yield ['special', S([F('x', 'char:3'), ...flags(base), F('y', 'char:3')])];
  }
  yield ['special', S([F('a', 'u64'), F('b', 'u32')])];
  yield ['special', S([F('a', 'u64'), F('b', 'u32')], PACKED)];
  yield ['special', S([F('a', 'u8'), F('b', 'u64')])];
  yield ['special', S([F('a', 'u64', { aligned: 8 }), F('b', 'u32')])];
  yield ['special', S([F('a', 'u8'), F('b', S([F('x', 'u64', { aligned: 8 })])), F('c', 'u8')])];
  yield ['special', S([F('a', 'u8'), F('b', A(S([F('x', 'u64', { aligned: 8 }), F('y', 'u8')]), 2))])];
  yield ['special', S([F('a', 'u8'), F('b', U([F('x', 'u64'), F('y', 'u32')])), F('c', 'u8')])];
  yield ['special', S([F('a', 'u8')])];
  yield ['special', S([F('a', 'char:1')])];
  yield ['special', S([F('a', 'char:3')])];
  yield ['special', S([F('a', 'u8'), F('b', 'u8'), F('c', 'u8')])];
  yield ['special', S([F('a', 'u8'), F('b', 'u8'), F('c', 'u8')], PACKED)];
  yield ['special', S([F('a', A('u8', 5))])];
  yield ['special', S([F('a', A(S([F('b', 'u8')]), 5))])];
  yield ['special', S([F('a', A(S([F('b', 'u8')], PACKED), 5))])];
  yield [
    'special',
    S([F('x', 'u8'), F('a', A(S([F('b', 'u8'), F('c', 'u8'), F('d', 'u8')]), 3)), F('y', 'u8')]),
  ];
  yield ['special', S([F('x', 'u8'), F('a', A(S([F('b', 'u16'), F('c', 'u8')]), 3)), F('y', 'u32')])];
  yield ['special', S([F('x', 'u8'), F('a', A(U([F('b', 'u8'), F('c', 'char:3')]), 3)), F('y', 'u8')])];
  yield ['special', S([F('x', 'u8'), F('a', U([F('b', 'u8'), F('c', 'char:3')], PACKED)), F('y', 'u8')])];
  yield ['special', S([F('x', 'u8'), F('a', S([F('b', 'u8')], { aligned: 1 })), F('y', 'u8')])];
  yield [
    'special',
    S([F('x', 'u8'), F('a', S([F('b', 'char:3')], { packed: true, aligned: 4 })), F('y', 'u8')]),
  ];
  yield ['special', S([F('x', 'u8'), F('a', S([F('b', 'u32')])), F('y', 'u16'), F('z', 'u32')])];
  yield ['special', S([F('x', 'u8'), F('a', S([F('b', 'u32')])), F('y', 'u16'), F('z', 'u32')], PACKED)];
  yield ['special', S([F('a', S([F('b', S([F('c', S([F('d', S([F('e', 'u8')]))]))]))])), F('f', 'u8')])];
  yield ['special', S([B('a', 'u8', 1)])];
  yield ['special', S([B('a', 'u64', 1)])];
  yield ['special', S([B('a', 'u64', 1)], PACKED)];
  yield ['special', U([B('a', 'u64', 1)])];
  yield ['special', U([B('a', 'u64', 1)], PACKED)];
  yield ['special', U([B('a', 'u32', 9), B('b', 'i32', 24), F('c', 'u8')])];
  yield ['special', U([B('a', 'u32', 9), B('b', 'i32', 24), F('c', 'u8')], PACKED)];
  yield [
    'special',
    S([
      B('a', 'u8', 1),
      B('b', 'u32', 3),
      B('c', 'u32', 4),
      B('d', 'u32', 4),
      B('e', 'u32', 14),
      B('f', 'i32', 24),
      F('g', 'u8'),
      B('h', 'i32', 24),
      F('i', 'u8'),
      B('j', 'u32', 24),
      F('k', 'u8'),
    ]),
  ];
  yield ['special', S([B('a', 'u32', 1), B('b', 'u32', 17)])];
  yield ['special', S([F('a', A('ulong', 2)), F('b', 'pointer'), F('c', 'size_t'), F('d', 'u8')])];
  yield ['special', S([F('a', A(A('u16', 3), 2)), F('b', A('char:3', 2)), F('c', A(A(A('u8', 2), 2), 2))])];
  for (const aligned of ALIGNMENTS) {
    yield [
      'special',
      S([F('a', 'u8'), F('b', A(S([F('c', 'u8'), F('d', 'u16')], { aligned }), 2)), F('e', 'u8')], PACKED),
    ];
    yield ['special', S([F('a', 'u8'), F('b', A('u8', 3), { aligned }), F('c', 'u8')])];
    yield [
      'special',
      S([F('a', 'u8'), F(null, S([F('b', 'u16'), F('c', 'u64')], { packed: true, aligned })), F('d', 'u8')]),
    ];
    yield [
      'special',
      S([F('a', 'u8'), F(null, U([F('b', 'u16'), F('c', 'char:5')], { aligned })), F('d', 'u8')]),
    ];
    yield [
      'special',
      S([F('a', 'u8'), F('b', S([F('c', 'u32'), F('d', 'u8')]), { packed: true, aligned }), F('e', 'u8')]),
    ];
    yield [
      'special',
      S([F('a', 'u8'), F('b', S([B('c', 'u32', 7), B('d', 'u32', 20)], { aligned })), B('e', 'u32', 5)]),
    ];
  }
}

// ---------------------------------------------------------------------------
// Random part

/**
 * Probabilities of one kind of random struct.
 * @typedef {object} Profile
 * @property {number} packed a struct or union is packed
 * @property {number} aligned a struct or union has an alignment
 * @property {number} fieldPacked
 * @property {number} fieldAligned
 * @property {number} bits a member is a run of bit-fields
 * @property {number} bitPacked
 * @property {number} bitAligned
 * @property {number} nest a member is a struct or union
 * @property {number} array a member is an array
 */

/** @type {Record<string, Profile>} */
const PROFILES = {
  'random-plain': {
    packed: 0,
    aligned: 0,
    fieldPacked: 0,
    fieldAligned: 0,
    bits: 0,
    bitPacked: 0,
    bitAligned: 0,
    nest: 0.3,
    array: 0.25,
  },
  'random-bits': {
    packed: 0.2,
    aligned: 0,
    fieldPacked: 0,
    fieldAligned: 0,
    bits: 0.6,
    bitPacked: 0,
    bitAligned: 0,
    nest: 0.12,
    array: 0.1,
  },
  'random-attributes': {
    packed: 0.35,
    aligned: 0.25,
    fieldPacked: 0.15,
    fieldAligned: 0.2,
    bits: 0,
    bitPacked: 0,
    bitAligned: 0,
    nest: 0.3,
    array: 0.2,
  },
  'random-mixed': {
    packed: 0.25,
    aligned: 0.12,
    fieldPacked: 0.08,
    fieldAligned: 0.08,
    bits: 0.3,
    bitPacked: 0.06,
    bitAligned: 0.04,
    nest: 0.25,
    array: 0.18,
  },
};

/**
 * Names of one scope: a, b, .. z, a1, ..
 * @typedef {{ next: number }} Scope
 * @param {Scope} scope
 */
function nameIn(scope) {
  const n = scope.next++;
  return String.fromCharCode(97 + (n % 26)) + (n < 26 ? '' : String(Math.floor(n / 26)));
}

/**
 * @param {Random} random
 * @param {Profile} p
 * @param {boolean} union
 * @param {number} depth
 * @param {Scope} scope
 * @returns {Type}
 */
function randomAggregate(random, p, union, depth, scope) {
  /** @type {Field[]} */
  const fields = [];
  const wanted = random.chance(0.1) ? 1 : random.int(2, depth === 0 ? 7 : 4);
  while (fields.length < wanted) {
    if (random.chance(p.bits)) randomBits(random, p, union, scope, fields);
    else if (depth < 4 && random.chance(p.nest)) {
      const inner = random.chance(0.35);
      if (random.chance(0.3)) {
        fields.push({ name: null, type: randomAggregate(random, p, inner, depth + 1, scope) });
      } else {
        let type = randomAggregate(random, p, inner, depth + 1, { next: 0 });
        if (random.chance(p.array)) type = { array: type, count: random.int(1, 3) };
        fields.push(decorate(random, p, { name: nameIn(scope), type }));
      }
    } else {
      /** @type {Type} */
      let type;
      if (random.chance(0.12)) type = { char: random.int(1, random.chance(0.2) ? 20 : 8) };
      else type = { int: random.pick(INTS) };
      if (random.chance(p.array)) {
        type = { array: type, count: random.int(1, 4) };
        if (random.chance(0.25)) type = { array: type, count: random.int(1, 3) };
      }
      fields.push(decorate(random, p, { name: nameIn(scope), type }));
    }
  }
  if (!fields.some((f) => f.name !== null || f.bits === undefined)) {
    fields.splice(random.int(0, fields.length), 0, {
      name: nameIn(scope),
      type: { int: random.chance(0.6) ? 'u8' : random.pick(INTS) },
    });
  }
  /** @type {Aggregate} */
  const aggregate = { fields };
  const attributes = /** @type {Pick<Aggregate, 'packed' | 'aligned'>} */ ({});
  if (random.chance(p.packed)) attributes.packed = true;
  if (random.chance(p.aligned)) attributes.aligned = random.pick(ALIGNMENTS);
  const whole = { ...attributes, ...aggregate };
  return union ? { union: whole } : { struct: whole };
}

/**
 * @param {Random} random
 * @param {Profile} p
 * @param {Field} field
 */
function decorate(random, p, field) {
  if (random.chance(p.fieldPacked)) field.packed = true;
  if (random.chance(p.fieldAligned)) field.aligned = random.pick(ALIGNMENTS);
  return field;
}

/**
 * A run of bit-fields, mostly of one base.
 * @param {Random} random
 * @param {Profile} p
 * @param {boolean} union
 * @param {Scope} scope
 * @param {Field[]} fields
 */
function randomBits(random, p, union, scope, fields) {
  let [base, widest] = random.pick(BIT_BASES);
  const run = random.int(1, union ? 2 : 5);
  for (let i = 0; i < run; i++) {
    if (random.chance(0.3)) [base, widest] = random.pick(BIT_BASES);
    /** @type {Type} */
    const type = { int: base };
    if (random.chance(0.15)) {
      fields.push({ name: null, type, bits: random.chance(0.5) ? 0 : random.int(1, widest) });
      continue;
    }
    const bits = random.chance(0.15)
      ? widest
      : random.chance(0.5)
        ? random.int(1, Math.min(widest, 9))
        : random.int(1, widest);
    /** @type {Field} */
    const field = { name: nameIn(scope), type, bits };
    if (random.chance(p.bitPacked)) field.packed = true;
    if (random.chance(p.bitAligned)) field.aligned = random.pick([1, 2, 4, 8, 16]);
    fields.push(field);
  }
}

/**
 * About how many bytes of values a type has.
 * @param {Type} type
 * @returns {number}
 */
function weight(type) {
  if ('int' in type) return commonBits(type.int) / 8;
  if ('char' in type) return type.char;
  if ('array' in type) return type.count * weight(type.array);
  const fields = 'struct' in type ? type.struct.fields : type.union.fields;
  return fields.reduce((sum, field) => sum + weight(field.type), 0);
}

/**
 * All cases of the golden files.
 * @param {number} seed
 * @param {number} count how many random structs
 * @returns {{ systematic: Case[], random: Case[] }}
 */
export function allCases(seed, count) {
  const seen = new Set();
  /** @param {Type} type */
  const isNew = (type) => {
    const key = JSON.stringify(type);
    return !seen.has(key) && seen.add(key) !== undefined;
  };
  let random = new Random(seed);
  /** @type {Case[]} */
  const first = [];
  for (const [group, type] of systematic(random)) {
    if (!isNew(type)) continue;
    first.push({ name: `s${first.length}`, group, type, value: randomValue(random, type, true) });
  }
  random = new Random(seed + 1);
  /** @type {Case[]} */
  const second = [];
  const groups = Object.entries(PROFILES);
  while (second.length < count) {
    const [group, profile] = /** @type {[string, Profile]} */ (groups[second.length % groups.length]);
    const type = randomAggregate(random, profile, random.chance(0.08), 0, { next: 0 });
    if (weight(type) > 160 || !isNew(type)) continue;
    second.push({ name: `r${second.length}`, group, type, value: randomValue(random, type) });
  }
  return { systematic: first, random: second };
}
