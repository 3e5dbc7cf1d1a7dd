/**
 * Text that decodes: straight-line code over constant offsets, one check of bounds per segment, literals with
 * all fields. What is not regular leaves through `bail`.
 *
 * A value is told as an expression. It may be evaluated later than the statements that were emitted for it,
 * because it reads at offsets that do not change.
 */
import {
  at,
  bindRef,
  type Cell,
  cellsBetween,
  cellsOf,
  conditionText,
  dirtyText,
  gapMask,
  type Known,
  keyText,
  lookUp,
  memberText,
  moved,
  type Names,
  NotGenerated,
  onesText,
  type Place,
  piecesOf,
  type Text,
} from './emit.js';
import type {
  BitsPlan,
  BlockPlan,
  FieldPlan,
  IntPlan,
  Plan,
  PlanKind,
  PlanLength,
  PlanOf,
  PlanRule,
  Segment,
  StructPlan,
  TaggedPlan,
  UnionPlan,
  VersionedPlan,
} from './plan.js';

export interface DecodeContext {
  readonly text: Text;
  /** The statement that gives up. */
  readonly bail: string;
  /** The name that holds where the input, or the innermost block, ends. */
  readonly end: string;
  readonly frames: readonly Names[];
  /** First names of all references. */
  readonly referred: ReadonlySet<string>;
  /** Inside a union no bit has to be zero that another member tells: which, by place. */
  readonly union: { readonly place: Place; readonly told: Uint8Array } | undefined;
  /** The struct's derived fields, to be checked at its end, and sizes of its fields that depend on the data. */
  readonly checks: (() => void)[];
  readonly sizes: Map<string, string>;
}

/** An expression for a value, and what references may ask of it. */
interface Value {
  readonly value: string;
  /** How many elements or bytes. */
  readonly count?: string | undefined;
  readonly fields?: Names | undefined;
  /** Whether the value is a constant with which the bytes were compared. */
  readonly constant?: boolean;
}

const MAX_UNROLLED = 16;
const MAX_UNION = 4096;

/** Decodes what has a fixed size, which is known to be there. */
export function decodeFixed(plan: Plan, place: Place, cx: DecodeContext): Value {
  return (fixed[plan.kind] as (plan: Plan, place: Place, cx: DecodeContext) => Value)(plan, place, cx);
}

/** Decodes what begins at the variable `p`, and moves `p` to where it ends. */
export function decodeRunning(plan: Plan, p: string, cx: DecodeContext): Value {
  const { text } = cx;
  if (plan.size !== undefined) {
    const base = text.bind('s', p);
    if (plan.size > 0) text.line(`if (${base} + ${plan.size} > ${cx.end}) ${cx.bail}`);
    text.line(`${p} = ${base} + ${plan.size};`);
    return decodeFixed(plan, { base, offset: 0 }, cx);
  }
  return (running[plan.kind] as (plan: Plan, p: string, cx: DecodeContext) => Value)(plan, p, cx);
}

const fixed: { [K in PlanKind]: (plan: PlanOf<K>, place: Place, cx: DecodeContext) => Value } = {
  int: (plan, place, cx) => ({ value: intText(plan, place, cx) }),
  bits: (plan, place, cx) => ({
    value: bitsText(plan, place, 0, cellsBetween(0, plan.size), new Map(), cx),
  }),
  chars: (plan, place, cx) => fixedChars(place, plan.size ?? 0, cx),
  bytes: (plan, place) => ({
    value: `copyBytes(d, ${at(place)}, ${plan.size ?? 0})`,
    count: `${plan.size ?? 0}`,
  }),
  array: (plan, place, cx) => {
    const { element } = plan;
    const count = plan.length.length === 'fixed' ? plan.length.count : 0;
    const step = element.size ?? 0;
    if (step === 0 && count > MAX_UNROLLED) throw new NotGenerated('many elements take no bytes');
    const inner = { ...cx, union: undefinedUnlessUnion(cx) };
    if (count <= (element.kind === 'int' || element.kind === 'bits' ? MAX_UNROLLED : 2)) {
      const all: string[] = [];
      for (let i = 0; i < count; i++) all.push(decodeFixed(element, moved(place, i * step), cx).value);
      return { value: `[${all.join(', ')}]`, count: `${count}` };
    }
    const base = cx.text.bind('s', at(place));
    return { value: elementsText(element, base, `${count}`, step, inner), count: `${count}` };
  },
  struct: (plan, place, cx) => {
    const object = new ObjectText();
    const fields: Names = new Map();
    const inner = within(cx, fields);
    const [segment] = plan.segments;
    if (segment !== undefined) decodeSegment(segment, place, object, inner);
    checkLater(plan, fields, inner, `${plan.size ?? 0}`);
    for (const check of inner.checks) check();
    return { value: object.finish(cx.text), fields };
  },
  union: (plan, place, cx) => {
    const object = new ObjectText();
    decodeUnion(plan, place, object, cx);
    return { value: object.finish(cx.text) };
  },
  tagged: (plan, place, cx) => ({ value: decodeTagged(plan, place, cx) }),
  versioned: (plan, place, cx) => decodeVersions(plan, cx, (chosen) => decodeFixed(chosen, place, cx)),
  block: (plan, place, cx) => {
    const { text } = cx;
    notInUnion(cx);
    const end = text.bind('e', at(place, plan.size ?? 0));
    if (plan.type.size !== undefined) {
      const value = decodeFixed(plan.type, place, cx);
      text.line(`if (!areZero(d, ${at(place, plan.type.size)}, ${end})) ${cx.bail}`);
      return value;
    }
    const p = text.name('p');
    text.line(`let ${p} = ${at(place)};`);
    return blockText(plan, p, end, cx);
  },
  foreign: () => {
    throw new NotGenerated('a type of another library');
  },
};

const running: { [K in PlanKind]: (plan: PlanOf<K>, p: string, cx: DecodeContext) => Value } = {
  int: neverRuns,
  bits: neverRuns,
  union: neverRuns,
  tagged: neverRuns,
  foreign: neverRuns,
  chars: (plan, p, cx) => {
    // All of the bytes are the text: one that ends before says by its NUL how long it is, which is slack.
    const { text } = cx;
    const size = sizeText(plan.length, p, cx);
    const base = text.bind('s', p);
    text.line(`${p} = ${base} + ${size};`);
    const value = loopText(base, p, cx);
    text.line(`if (${value.end} < ${p}) ${cx.bail}`);
    return { value: value.name, count: size };
  },
  bytes: (plan, p, cx) => {
    const size = sizeText(plan.length, p, cx);
    const base = cx.text.bind('s', p);
    cx.text.line(`${p} = ${base} + ${size};`);
    return { value: `copyBytes(d, ${base}, ${size})`, count: size };
  },
  array: (plan, p, cx) => {
    const { text } = cx;
    const { element } = plan;
    if (element.minSize === 0) throw new NotGenerated('elements may take no bytes');
    if (plan.length.length === 'rest' && element.size === undefined) {
      const out = text.bind('a', '[]');
      text.line(`while (${p} < ${cx.end}) {`);
      text.line(`${out}.push(${decodeRunning(element, p, cx).value});`);
      text.line('}');
      return { value: out, count: `${out}.length` };
    }
    let count: string;
    if (plan.length.length === 'rest') {
      const left = text.bind('n', `(${cx.end} - ${p}) / ${element.size}`);
      // Also not a whole number where the position is beyond the end.
      text.line(`if (${left} < 0 || ${left} % 1 !== 0) ${cx.bail}`);
      count = left;
    } else {
      count = countText(plan.length, cx);
      text.line(`if (!(${count} * ${element.minSize} <= ${cx.end} - ${p})) ${cx.bail}`);
    }
    if (element.size !== undefined) {
      const base = text.bind('s', p);
      text.line(`${p} = ${base} + ${count} * ${element.size};`);
      return { value: elementsText(element, base, count, element.size, cx), count };
    }
    const out = text.bind('a', `new Array(${count})`);
    const i = text.name('i');
    text.line(`for (let ${i} = 0; ${i} < ${count}; ${i}++) {`);
    text.line(`${out}[${i}] = ${decodeRunning(element, p, cx).value};`);
    text.line('}');
    return { value: out, count };
  },
  struct: (plan, p, cx) => {
    const object = new ObjectText();
    const fields: Names = new Map();
    const inner = within(cx, fields);
    decodeSegments(plan, p, object, inner, fields);
    for (const check of inner.checks) check();
    return { value: object.finish(cx.text), fields };
  },
  versioned: (plan, p, cx) => decodeVersions(plan, cx, (chosen) => decodeRunning(chosen, p, cx)),
  block: (plan, p, cx) => {
    const { text } = cx;
    notInUnion(cx);
    const size = sizeText(plan.length, p, cx);
    const end = text.bind('e', `${p} + ${size}`);
    return blockText(plan, p, end, cx);
  },
};

/** The context of the fields of a struct. */
function within(cx: DecodeContext, fields: Names): DecodeContext {
  return { ...cx, frames: [...cx.frames, fields], checks: [], sizes: new Map() };
}
function neverRuns(): never {
  throw new NotGenerated('its size does not depend on the data');
}
function notInUnion(cx: DecodeContext): void {
  if (cx.union !== undefined) throw new NotGenerated('its size or bits depend on the data, in a union');
}
/** Inside a loop places are not known as those of the union; then tails of texts are all looked at. */
function undefinedUnlessUnion(cx: DecodeContext): DecodeContext['union'] {
  return cx.union === undefined ? undefined : { place: { base: '', offset: 0 }, told: new Uint8Array() };
}

// --- scalars -----------------------------------------------------------------------------------------------

export function intText(plan: IntPlan, place: Place, cx: Pick<DecodeContext, 'text' | 'bail'>): string {
  const { size, signed, little } = plan;
  const sign = signed ? 'Int' : 'Uint';
  if (size !== 8) {
    const read = `d.get${sign}${size * 8}(${at(place)}${size === 1 ? '' : `, ${little}`})`;
    return plan.as === 'bigint' ? `BigInt(${read})` : read;
  }
  if (plan.as === 'bigint') return `d.getBig${sign}64(${at(place)}, ${little})`;
  const high = cx.text.bind('h', `d.get${sign}32(${at(place, little ? 4 : 0)}, ${little})`);
  const value = `${high} * 4294967296 + d.getUint32(${at(place, little ? 0 : 4)}, ${little})`;
  if (!signed) {
    cx.text.line(`if (${high} > 0x1fffff) ${cx.bail}`);
    return value;
  }
  const name = cx.text.bind('v', value);
  cx.text.line(
    `if (!(${name} >= ${Number.MIN_SAFE_INTEGER} && ${name} <= ${Number.MAX_SAFE_INTEGER})) ${cx.bail}`,
  );
  return name;
}

/** `read` holds the cells of the segment that are read already, by offset. */
export function bitsText(
  plan: BitsPlan,
  place: Place,
  offset: number,
  cells: readonly Cell[],
  read: Map<number, string>,
  cx: Pick<DecodeContext, 'text'>,
): string {
  const { width, shift, msb, signed } = plan;
  if (plan.as === 'bigint') {
    const here = at(place, offset);
    if (shift === 0 && width === 64) return `d.getBig${signed ? 'Int' : 'Uint'}64(${here}, ${!msb})`;
    const value = `readBigBits(d, ${here}, ${shift}, ${width}, ${msb})`;
    return signed ? `BigInt.asIntN(${width}, ${value})` : value;
  }
  const parts = piecesOf(plan, offset, cells)
    .sort((a, b) => b.taken - a.taken)
    .map(({ cell, low, count, taken }) => {
      let name = read.get(cell.offset);
      if (name === undefined) {
        const type = cell.size === 4 ? 'Int32' : `Uint${cell.size * 8}`;
        name = cx.text.bind(
          'w',
          `d.get${type}(${at(place, cell.offset)}${cell.size === 1 ? '' : `, ${!msb}`})`,
        );
        read.set(cell.offset, name);
      }
      const part =
        low + count === cell.size * 8
          ? `(${name} >>> ${low})`
          : `((${name} >>> ${low}) & ${onesText(count)})`;
      return taken === 0 ? part : `${part} * ${2 ** taken}`;
    });
  const value = parts.join(' + ');
  if (!signed) return parts.length === 1 ? value : `(${value})`;
  if (width <= 32) return `((${value}) << ${32 - width} >> ${32 - width})`;
  const name = cx.text.bind('v', value);
  return `(${name} >= ${2 ** (width - 1)} ? ${name} - ${2 ** width} : ${name})`;
}

/**
 * Text up to a NUL: ASCII by pairs of characters, which makes half as many strings as one by one; all else by
 * a function.
 */
function loopText(from: string, to: string, cx: DecodeContext): { name: string; end: string } {
  const { text } = cx;
  const name = text.name('v');
  const end = text.name('c');
  const byte = text.name('b');
  const pairs = text.constant('pairTable()');
  const pair = text.name('w');
  text.line(`let ${name} = '', ${end} = ${from};`);
  text.line(`for (; ${end} + 1 < ${to}; ${end} += 2) {`);
  text.line(`let ${pair} = d.getUint16(${end}, true);`);
  text.line(`if ((${pair} & 0x8080) !== 0 || ${pair} < 256 || (${pair} & 255) === 0) break;`);
  text.line(`${pair} = (${pair} & 127) | ((${pair} >>> 1) & 16256);`);
  text.line(`${name} += ${pairs}[${pair}] ?? pairOf(${pair});`);
  text.line('}');
  text.line(`for (; ${end} < ${to}; ${end}++) {`);
  text.line(`const ${byte} = d.getUint8(${end});`);
  text.line(`if (${byte} === 0) break;`);
  text.line(`if (${byte} > 127) {`);
  text.line(`while (${end} < ${to} && d.getUint8(${end}) !== 0) ${end}++;`);
  text.line(`${name} = readText(d, ${from}, ${end}); break;`);
  text.line('}');
  text.line(`${name} += String.fromCharCode(${byte});`);
  text.line('}');
  return { name, end };
}

function fixedChars(place: Place, size: number, cx: DecodeContext): Value {
  if (size === 0) return { value: "''" };
  const { text } = cx;
  const from = text.bind('s', at(place));
  const to = text.bind('e', `${from} + ${size}`);
  const { name, end } = loopText(from, to, cx);
  // What other members of the union tell may be anything.
  const { union } = cx;
  const covered =
    union !== undefined &&
    union.place.base === place.base &&
    union.told
      .subarray(place.offset - union.place.offset, place.offset - union.place.offset + size)
      .every((bits) => bits === 0xff);
  if (!covered) tailText(from, end, to, size, cx);
  return { value: name };
}

/** Checks that no bit is set from the NUL of a text to its end: by words, the first of which it may be amid. */
function tailText(from: string, end: string, to: string, size: number, cx: DecodeContext): void {
  const { text } = cx;
  if (size % 4 !== 0 || size > 256) {
    text.line(`if (!areZero(d, ${end}, ${to})) ${cx.bail}`);
    return;
  }
  const used = text.name('n');
  const rest = text.name('z');
  const at = text.name('q');
  text.line(`if (${end} < ${to}) {`);
  text.line(`const ${used} = (${end} - ${from}) & 3;`);
  text.line(`let ${at} = ${end} - ${used};`);
  text.line(`let ${rest} = d.getInt32(${at}, true) >>> (${used} << 3);`);
  text.line(`for (${at} += 4; ${at} < ${to}; ${at} += 4) ${rest} |= d.getInt32(${at}, true);`);
  text.line(`if (${rest} !== 0) ${cx.bail}`);
  text.line('}');
}

// --- lengths -----------------------------------------------------------------------------------------------

/** A count as a number that is not negative. */
function countText(length: PlanLength, cx: DecodeContext): string {
  if (length.length === 'fixed') return `${length.count}`;
  if (length.length === 'rest') throw new NotGenerated('the rest is not counted');
  const found = bindRef(cx.text, length.ref, cx.frames, 'params');
  if (found.maybe) cx.text.line(`if (${found.integer} === undefined) ${cx.bail}`);
  if (found.small) return found.integer ?? '';
  const count = cx.text.bind('n', `Number(${found.integer})`);
  cx.text.line(`if (${count} < 0) ${cx.bail}`);
  return count;
}
/** How many bytes there are from `p` on; they are known to be there. */
function sizeText(length: PlanLength, p: string, cx: DecodeContext): string {
  if (length.length === 'rest') {
    const left = cx.text.bind('n', `${cx.end} - ${p}`);
    cx.text.line(`if (${left} < 0) ${cx.bail}`);
    return left;
  }
  const size = countText(length, cx);
  cx.text.line(`if (!(${size} <= ${cx.end} - ${p})) ${cx.bail}`);
  return size;
}

function elementsText(element: Plan, base: string, count: string, step: number, cx: DecodeContext): string {
  const { text } = cx;
  const out = text.bind('a', `new Array(${count})`);
  const i = text.name('i');
  const p = text.name('p');
  text.line(`for (let ${i} = 0, ${p} = ${base}; ${i} < ${count}; ${i}++, ${p} += ${step}) {`);
  text.line(`${out}[${i}] = ${decodeFixed(element, { base: p, offset: 0 }, cx).value};`);
  text.line('}');
  return out;
}

function blockText(plan: BlockPlan, p: string, end: string, cx: DecodeContext): Value {
  const { text } = cx;
  const value = decodeRunning(plan.type, p, { ...cx, end });
  text.line(`if (!areZero(d, ${p}, ${end})) ${cx.bail}`);
  text.line(`${p} = ${end};`);
  return value;
}

// --- aggregates --------------------------------------------------------------------------------------------

/** An object literal in the making. What is not always there is added to it by statements. */
class ObjectText {
  private readonly always: string[] = [];
  private readonly added: ((object: string) => string)[] = [];

  add(key: string, value: string): void {
    if (this.added.length === 0) this.always.push(`${keyText(key)}: ${value}`);
    else this.added.push((object) => `${memberText(object, key)} = ${value};`);
  }
  addIfThere(key: string, name: string): void {
    this.added.push((object) => `if (${name} !== undefined) ${memberText(object, key)} = ${name};`);
  }
  merge(name: string): void {
    this.added.push((object) => `Object.assign(${object}, ${name});`);
  }
  finish(text: Text): string {
    const literal = `{ ${this.always.join(', ')} }`;
    if (this.added.length === 0) return literal;
    const object = text.bind('o', literal);
    for (const line of this.added) text.line(line(object));
    return object;
  }
}

function decodeSegments(
  plan: StructPlan,
  p: string,
  object: ObjectText,
  cx: DecodeContext,
  names: Names,
): void {
  const { text } = cx;
  const start = text.bind('s', p);
  for (const [index, segment] of plan.segments.entries()) {
    if (index > 0) alignText(start, p, segment.align, cx);
    const base = text.bind('s', p);
    if (segment.size > 0) {
      text.line(`if (${base} + ${segment.size} > ${cx.end}) ${cx.bail}`);
      text.line(`${p} = ${base} + ${segment.size};`);
    }
    decodeSegment(segment, { base, offset: 0 }, object, cx);
    const { variable } = segment;
    if (variable !== undefined) decodeVariable(variable, start, p, object, cx, names);
  }
  if (plan.derives) checkLater(plan, names, cx, text.bind('n', `${p} - ${start}`));
}

/** Moves on to a multiple of so many bytes from the start of the struct. The padding is zero. */
function alignText(start: string, p: string, align: number, cx: DecodeContext): void {
  if (align <= 1) return;
  const next = cx.text.bind('s', `${start} + Math.ceil((${p} - ${start}) / ${align}) * ${align}`);
  cx.text.line(`if (${next} > ${cx.end} || !areZero(d, ${p}, ${next})) ${cx.bail}`);
  cx.text.line(`${p} = ${next};`);
}

/** The part of variable size, or that is not always there, at the end of a segment. */
function decodeVariable(
  field: FieldPlan,
  start: string,
  p: string,
  object: ObjectText,
  cx: DecodeContext,
  names: Names,
): void {
  const { text } = cx;
  const { when, plan } = field;
  if (field.inline) {
    if (when !== undefined || plan.kind !== 'struct' || !plan.shares)
      throw new NotGenerated('an anonymous member that is not always there');
    alignText(start, p, plan.align, cx);
    const from = text.bind('s', p);
    decodeSegments(plan, p, object, cx, names);
    cx.sizes.set(field.key, text.bind('n', `${p} - ${from}`));
    return;
  }
  if (when === undefined) {
    alignText(start, p, plan.align, cx);
    const from = text.bind('s', p);
    decodeField(field, () => decodeRunning(plan, p, cx), object, cx);
    if (plan.size === undefined) cx.sizes.set(field.key, text.bind('n', `${p} - ${from}`));
    return;
  }
  const found = bindRef(text, when.ref, cx.frames, 'params');
  if (found.maybe) text.line(`if (${found.integer} === undefined) ${cx.bail}`);
  const name = text.name('v');
  text.line(`let ${name};`);
  text.line(`if (${conditionText(when, found)}) {`);
  alignText(start, p, plan.align, cx);
  const { value } = decodeRunning(plan, p, cx);
  text.line(`${name} = ${value};`);
  magicText(field, name, cx);
  text.line('}');
  if (field.derived !== undefined) throw new NotGenerated('a derived field that is not always there');
  object.addIfThere(field.key, name);
  names.set(field.key, scalarKnown(plan, name, true));
}

function scalarKnown(plan: Plan, value: string, maybe: boolean): Known {
  const isInteger = plan.kind === 'int' || plan.kind === 'bits';
  return {
    integer: isInteger ? value : undefined,
    maybe,
    small: !maybe && isSmall(plan),
  };
}
export function isSmall(plan: Plan): boolean {
  if (plan.kind === 'int') return plan.size < 8 && !plan.signed && plan.as === 'number';
  return plan.kind === 'bits' && plan.width <= 32 && !plan.signed;
}

function decodeSegment(segment: Segment, place: Place, object: ObjectText, cx: DecodeContext): void {
  const { text } = cx;
  const { items } = segment;
  if (cx.union === undefined)
    for (const dirty of dirtyText(place, gapMask(items, segment.size))) text.line(`if (${dirty}) ${cx.bail}`);
  const cells = cellsOf(items);
  const read = new Map<number, string>();
  for (const item of items) {
    if (item.item === 'gap') continue;
    const { plan } = item;
    const here = moved(place, item.offset);
    if (item.inline) decodeInline(item, here, object, cx);
    else if (plan.kind === 'bits')
      decodeField(item, () => ({ value: bitsText(plan, place, item.offset, cells, read, cx) }), object, cx);
    else decodeField(item, () => constantWide(item, here, cx) ?? decodeFixed(plan, here, cx), object, cx);
  }
}

/** An anonymous union, or an anonymous struct that is a member of a union and hence of fixed size. */
function decodeInline(field: FieldPlan, place: Place, object: ObjectText, cx: DecodeContext): void {
  const { plan } = field;
  if (plan.kind === 'union') decodeUnion(plan, place, object, cx);
  else if (plan.kind === 'tagged') object.merge(decodeTagged(plan, place, cx));
  else if (plan.kind === 'struct') {
    if (plan.shares) throw new NotGenerated('an anonymous struct in an odd place');
    const names: Names = new Map();
    const inner = within(cx, names);
    const [segment] = plan.segments;
    if (segment !== undefined) decodeSegment(segment, place, object, inner);
    checkLater(plan, names, inner, `${plan.size ?? 0}`);
    for (const check of inner.checks) check();
  }
}

function decodeField(field: FieldPlan, make: () => Value, object: ObjectText, cx: DecodeContext): void {
  const { key, plan } = field;
  const made = make();
  let { value } = made;
  if (made.constant !== true) {
    if (cx.referred.has(key) || field.derived !== undefined || field.magic !== undefined)
      value = cx.text.bind('v', value);
    magicText(field, value, cx);
  }
  object.add(key, value);
  cx.frames[cx.frames.length - 1]?.set(key, {
    ...scalarKnown(plan, value, false),
    count: made.count,
    ...(made.fields && { fields: made.fields }),
  });
}

/**
 * A 64-bit field that has one right value: its halves are compared, and the value is the constant, because
 * making a bigint of the bytes costs more than all the rest of a header.
 */
function constantWide(
  { plan, magic, derived }: FieldPlan,
  place: Place,
  cx: DecodeContext,
): Value | undefined {
  const value = derived?.rule === 'abi' ? derived.value : magic;
  if (plan.kind !== 'int' || plan.size !== 8 || plan.as !== 'bigint' || cx.union !== undefined)
    return undefined;
  if (typeof value !== 'bigint' || BigInt[plan.signed ? 'asIntN' : 'asUintN'](64, value) !== value)
    return undefined;
  const low = Number(BigInt.asUintN(32, value));
  const high = Number(BigInt.asUintN(32, value >> 32n));
  const [first, second] = plan.little ? [low, high] : [high, low];
  cx.text.line(`if (d.getUint32(${at(place)}, ${plan.little}) !== ${first}) ${cx.bail}`);
  cx.text.line(`if (d.getUint32(${at(place, 4)}, ${plan.little}) !== ${second}) ${cx.bail}`);
  return { value: cx.text.constant(`${value}n`), constant: true };
}

function magicText(field: FieldPlan, value: string, cx: DecodeContext): void {
  const { magic, plan } = field;
  if (magic === undefined) return;
  if (magic instanceof Uint8Array) {
    const wanted = cx.text.constant(`Uint8Array.of(${[...magic].join(', ')})`);
    cx.text.line(`if (!sameScalar(${wanted}, ${value})) ${cx.bail}`);
  } else if (typeof magic === 'string') cx.text.line(`if (${value} !== ${JSON.stringify(magic)}) ${cx.bail}`);
  else cx.text.line(`if (${value} !== ${constantText(magic, plan)}) ${cx.bail}`);
}

/** An integer as the field's own type has it; NaN, which equals nothing, if it can have none such. */
function constantText(value: number | bigint, plan: Plan): string {
  const isBig = 'as' in plan && plan.as === 'bigint';
  if (typeof value === 'number' && !Number.isInteger(value)) return 'NaN';
  if (isBig) return `${BigInt(value)}n`;
  return Number.isSafeInteger(Number(value)) ? `${Number(value)}` : 'NaN';
}

/** Puts the checks of a struct's derived fields off until all of the fields are there. */
function checkLater(plan: StructPlan, names: Names, cx: DecodeContext, size: string): void {
  for (const { items, variable } of plan.segments)
    for (const item of variable === undefined ? items : [...items, variable]) {
      if (item.item !== 'field' || item.derived === undefined) continue;
      const { derived, key } = item;
      cx.checks.push(() => {
        // A constant was compared when it was read.
        const integer = names.get(key)?.integer;
        if (derived.rule === 'abi' && integer !== undefined && cx.text.isConstant(integer)) return;
        const expected = derivedText(derived, item.plan, plan, names, cx, size);
        cx.text.line(`if (${integer} != ${expected}) ${cx.bail}`);
      });
    }
}

function derivedText(
  rule: PlanRule,
  own: Plan,
  plan: StructPlan,
  names: Names,
  cx: DecodeContext,
  size: string,
): string {
  switch (rule.rule) {
    case 'abi':
      return constantText(rule.value, own);
    case 'size-of-struct':
      return size;
    case 'count': {
      const { count } = lookUp(names, rule.of.split('.')) ?? {};
      if (count === undefined) throw new NotGenerated('what is counted is not always there');
      return count;
    }
    case 'size': {
      const known = cx.sizes.get(rule.of) ?? fixedSizeOf(plan, rule.of);
      if (known === undefined) throw new NotGenerated('what is measured is not always there');
      return `${known}`;
    }
    case 'checksum':
      throw new NotGenerated('a checksum');
  }
}
/** The size of a field that always has the same. */
export function fixedSizeOf(plan: StructPlan, key: string): number | undefined {
  for (const { items, variable } of plan.segments)
    for (const item of variable === undefined ? items : [...items, variable])
      if (item.item === 'field' && item.key === key && item.when === undefined) return item.plan.size;
  return undefined;
}

// --- alternatives ------------------------------------------------------------------------------------------

function decodeVersions(plan: VersionedPlan, cx: DecodeContext, decode: (plan: Plan) => Value): Value {
  const { text } = cx;
  notInUnion(cx);
  const found = bindRef(text, plan.by, cx.frames, 'params');
  const name = text.name('v');
  text.line(`let ${name};`);
  for (const [tag, chosen] of plan.cases) {
    text.line(`if (${found.integer} == ${bigText(tag)}) {`);
    text.line(`${name} = ${decode(chosen).value};`);
    text.line('} else');
  }
  text.line(cx.bail);
  return { value: name };
}
/** A tag in decimal as a constant that compares exactly with numbers and bigints. */
export function bigText(tag: string): string {
  return Number.isSafeInteger(Number(tag)) ? tag : `${tag}n`;
}

function decodeTagged(plan: TaggedPlan, place: Place, cx: DecodeContext): string {
  const { text } = cx;
  notInUnion(cx);
  const found = bindRef(text, plan.by, cx.frames, 'params');
  const name = text.name('v');
  text.line(`let ${name};`);
  for (const [member, tags] of armsOf(plan)) {
    text.line(`if (${tags.map((tag) => `${found.integer} == ${bigText(tag)}`).join(' || ')}) {`);
    const object = new ObjectText();
    decodeMembers([member], plan.size, place, object, cx);
    text.line(`${name} = ${object.finish(text)};`);
    text.line('} else');
  }
  text.line(`${name} = { $raw: copyBytes(d, ${at(place)}, ${plan.size}) };`);
  return name;
}
/** The tags of each member. */
export function armsOf(plan: TaggedPlan): Map<FieldPlan, string[]> {
  const arms = new Map<FieldPlan, string[]>();
  for (const [tag, member] of plan.arms) arms.set(member, [...(arms.get(member) ?? []), tag]);
  return arms;
}

function decodeUnion(plan: UnionPlan, place: Place, object: ObjectText, cx: DecodeContext): void {
  if (cx.union === undefined) decodeMembers(plan.members, plan.size, place, object, cx);
  else for (const member of plan.members) decodeMember(member, place, object, cx);
}

/** Members of a union, and the check that no bit is set which none of them tells. */
function decodeMembers(
  members: readonly FieldPlan[],
  size: number,
  place: Place,
  object: ObjectText,
  cx: DecodeContext,
): void {
  if (size > MAX_UNION) throw new NotGenerated('a large union');
  const told = new Uint8Array(size);
  const texts = new Uint8Array(size);
  for (const member of members) tell(member.plan, member.offset, told, texts);
  const inner = { ...cx, union: { place, told } };
  for (const member of members) decodeMember(member, place, object, inner);
  const untold = told.map((bits, i) => ~(bits | (texts[i] ?? 0)));
  for (const dirty of dirtyText(place, untold)) cx.text.line(`if (${dirty}) ${cx.bail}`);
}

function decodeMember(member: FieldPlan, place: Place, object: ObjectText, cx: DecodeContext): void {
  const here = moved(place, member.offset);
  if (member.inline) {
    decodeInline(member, here, object, cx);
    return;
  }
  // Fields of the enclosing struct stay in sight, but do not get the union's members among them.
  const outer = cx.frames[cx.frames.length - 1];
  const frames = outer === undefined ? [] : [...cx.frames.slice(0, -1), new Map(outer)];
  decodeField(member, () => decodeFixed(member.plan, here, cx), object, { ...cx, frames });
}

/**
 * Marks the bits that a member of a union tells whatever they are. Texts are marked apart: their tails are
 * told only if they are zero, which is checked.
 */
function tell(plan: Plan, offset: number, told: Uint8Array, texts: Uint8Array): void {
  const size = plan.size ?? 0;
  switch (plan.kind) {
    case 'int':
    case 'bytes':
      told.fill(0xff, offset, offset + size);
      break;
    case 'chars':
      texts.fill(0xff, offset, offset + size);
      break;
    case 'bits':
      for (let bit = plan.shift; bit < plan.shift + plan.width; bit++) {
        const byte = offset + (bit >> 3);
        told[byte] = (told[byte] ?? 0) | (plan.msb ? 0x80 >> (bit & 7) : 1 << (bit & 7));
      }
      break;
    case 'array': {
      const count = plan.length.length === 'fixed' ? plan.length.count : 0;
      const step = plan.element.size ?? 0;
      if (step > 0) for (let i = 0; i < count; i++) tell(plan.element, offset + i * step, told, texts);
      break;
    }
    case 'struct':
      for (const item of plan.segments[0]?.items ?? [])
        if (item.item === 'field') tell(item.plan, offset + item.offset, told, texts);
      break;
    case 'union':
      for (const member of plan.members) tell(member.plan, offset + member.offset, told, texts);
      break;
    default:
      throw new NotGenerated('its bits depend on the data, in a union');
  }
}
