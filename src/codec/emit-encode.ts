/**
 * Text that encodes: range checks and stores in straight lines. What is not regular (a value of another type
 * or out of range, a key that is no field, kept slack, a bigint for a small field) leaves through `bail`.
 *
 * The bytes written to are zero before, so padding costs nothing. Properties of null, and the like, throw;
 * the callers of the text catch that and let the careful writer tell what is wrong.
 */
import {
  at,
  bindRef,
  type Cell,
  cellsBetween,
  cellsOf,
  conditionText,
  integerText,
  type Known,
  memberText,
  moved,
  type Names,
  NotGenerated,
  onesText,
  type Place,
  piecesOf,
  type Text,
} from './emit.js';
import { armsOf, bigText, fixedSizeOf } from './emit-decode.js';
import type {
  BitsPlan,
  BlockPlan,
  FieldPlan,
  IntPlan,
  Plan,
  PlanKind,
  PlanLength,
  PlanOf,
  Segment,
  StructPlan,
  TaggedPlan,
  UnionPlan,
  VersionedPlan,
} from './plan.js';

export interface EncodeContext {
  readonly text: Text;
  /** The statement that gives up. */
  readonly bail: string;
  readonly frames: readonly Names[];
  /** Where the plan is, as an expression: what is left to the careful writer asks for it by that. */
  readonly route: string;
  /** What a struct's derived fields need when all of it is written, and sizes that depend on the data. */
  readonly later: (() => void)[];
  readonly sizes: Map<string, string>;
  /** Whether to look for keys that are no fields. */
  readonly checkKeys: boolean;
}

/** What references may ask of a value that was written. */
interface Written {
  readonly fields?: Names;
}

/** Whether every byte is written whatever the value is, so that none has to be zero before. */
export function coversAll(plan: Plan): boolean {
  switch (plan.kind) {
    case 'int':
    case 'bytes':
      return plan.size !== undefined;
    case 'array':
      return plan.size !== undefined && coversAll(plan.element);
    case 'struct':
      return (
        plan.size !== undefined &&
        plan.segments.every(({ items }) =>
          items.every(
            (item) =>
              item.item === 'field' && !item.inline && (item.plan.kind === 'bits' || coversAll(item.plan)),
          ),
        )
      );
    default:
      return false;
  }
}

/** Names that every object has. */
const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));
/** More zeros than this are left to the careful writer, which refuses some of them. */
const MAX_FILL = 65536;

/** Writes the value that the name `x` holds to a place of fixed size, which is zero. */
export function encodeFixed(plan: Plan, place: Place, x: string, cx: EncodeContext): Written {
  return (fixed[plan.kind] as (plan: Plan, place: Place, x: string, cx: EncodeContext) => Written)(
    plan,
    place,
    x,
    cx,
  );
}

/** Writes it to where the variable `p` is, and moves `p` behind it. Makes room as it goes. */
export function encodeRunning(plan: Plan, p: string, x: string, cx: EncodeContext): Written {
  if (plan.size !== undefined) {
    const base = take(p, `${plan.size}`, cx);
    return encodeFixed(plan, { base, offset: 0 }, x, cx);
  }
  return (running[plan.kind] as (plan: Plan, p: string, x: string, cx: EncodeContext) => Written)(
    plan,
    p,
    x,
    cx,
  );
}

/** Takes so many bytes from `p` on; says where they begin. */
function take(p: string, size: string, cx: EncodeContext): string {
  const base = cx.text.bind('s', p);
  cx.text.line(`${p} = ${base} + ${size};`);
  room(p, base, cx);
  return base;
}
/** Room up to `p`; what is written so far ends at `used`. */
function room(p: string, used: string, cx: EncodeContext): void {
  cx.text.line(`if (${p} > d.byteLength) d = larger(d, ${used}, ${p});`);
}

const fixed: {
  [K in PlanKind]: (plan: PlanOf<K>, place: Place, x: string, cx: EncodeContext) => Written;
} = {
  int: (plan, place, x, cx) => {
    encodeInt(plan, place, x, cx);
    return {};
  },
  bits: (plan, place, x, cx) => {
    const cells = new Cells(cellsBetween(0, plan.size), plan.msb);
    cells.add(plan, place, 0, x, cx);
    cells.store(place, cx);
    return {};
  },
  chars: (plan, place, x, cx) => {
    const size = plan.size ?? 0;
    cx.text.line(`if (typeof ${x} !== 'string' || ${x}.length > ${size}) ${cx.bail}`);
    encodeText(at(place), x, cx);
    return {};
  },
  bytes: (plan, place, x, cx) => {
    cx.text.line(`if (!(${x} instanceof Uint8Array) || ${x}.length !== ${plan.size ?? 0}) ${cx.bail}`);
    cx.text.line(`putBytes(d, ${at(place)}, ${x});`);
    return {};
  },
  array: (plan, place, x, cx) => {
    const { text } = cx;
    const { element } = plan;
    const count = plan.length.length === 'fixed' ? plan.length.count : 0;
    const step = element.size ?? 0;
    const inner = { ...cx, route: `${cx.route}.element` };
    text.line(
      `if (!Array.isArray(${x}) || ${x}.length !== ${count} || slackOf(${x}) !== undefined) ${cx.bail}`,
    );
    if (count <= 4)
      for (let i = 0; i < count; i++)
        encodeFixed(element, moved(place, i * step), text.bind('x', `${x}[${i}]`), inner);
    else elements(element, text.bind('s', at(place)), `${count}`, step, x, inner);
    return {};
  },
  struct: (plan, place, x, cx) => {
    const fields: Names = new Map();
    checkObject(plan, x, cx);
    encodeContent(plan, place, x, within(cx, fields));
    return { fields };
  },
  union: (plan, place, x, cx) => {
    // A union decoded on its own has its slack beside it.
    cx.text.line(`if (slackOf(${x}) !== undefined) ${cx.bail}`);
    part(plan, place, x, cx);
    return {};
  },
  tagged: (plan, place, x, cx) => {
    const { text } = cx;
    const [first] = plan.members;
    if (first === undefined) throw new NotGenerated('a union without members');
    plainObject(x, cx);
    const keys = text.name('k');
    text.line(`let ${keys} = 0; for (const _ in ${x}) ${keys}++;`);
    text.line(`if (${keys} !== 1) ${cx.bail}`);
    encodeTagged(plan, place, x, cx);
    return {};
  },
  versioned: (plan, place, x, cx) =>
    encodeVersions(plan, cx, (chosen, inner) => encodeFixed(chosen, place, x, inner)),
  block: (plan, place, x, cx) => {
    const inner = { ...cx, route: `${cx.route}.type` };
    if (plan.type.size !== undefined) return encodeFixed(plan.type, place, x, inner);
    const { text } = cx;
    const p = text.name('p');
    text.line(`let ${p} = ${at(place)};`);
    const written = encodeRunning(plan.type, p, x, inner);
    text.line(`if (${p} > ${at(place, plan.size ?? 0)}) ${cx.bail}`);
    return written;
  },
  foreign: () => {
    throw new NotGenerated('a type of another library');
  },
};

const running: {
  [K in PlanKind]: (plan: PlanOf<K>, p: string, x: string, cx: EncodeContext) => Written;
} = {
  int: neverRuns,
  bits: neverRuns,
  union: neverRuns,
  tagged: neverRuns,
  foreign: neverRuns,
  chars: (plan, p, x, cx) => {
    const { text } = cx;
    text.line(`if (typeof ${x} !== 'string') ${cx.bail}`);
    const size = lengthText(plan.length, x, cx, (found) => {
      text.line(`if (!(${x}.length <= ${found} && ${found} - ${x}.length <= ${MAX_FILL})) ${cx.bail}`);
    });
    encodeText(take(p, size, cx), x, cx);
    return {};
  },
  bytes: (plan, p, x, cx) => {
    const { text } = cx;
    text.line(`if (!(${x} instanceof Uint8Array)) ${cx.bail}`);
    const size = lengthText(plan.length, x, cx, (found) =>
      text.line(`if (${x}.length !== ${found}) ${cx.bail}`),
    );
    const base = take(p, size, cx);
    text.line(`putBytes(d, ${base}, ${x});`);
    return {};
  },
  array: (plan, p, x, cx) => {
    const { text } = cx;
    const { element } = plan;
    const inner = { ...cx, route: `${cx.route}.element` };
    text.line(`if (!Array.isArray(${x}) || slackOf(${x}) !== undefined) ${cx.bail}`);
    const count = lengthText(plan.length, x, cx, (found) =>
      text.line(`if (${x}.length !== ${found}) ${cx.bail}`),
    );
    if (element.size !== undefined) {
      const base = take(p, `${count} * ${element.size}`, cx);
      elements(element, base, count, element.size, x, inner);
      return {};
    }
    const i = text.name('i');
    text.line(`for (let ${i} = 0; ${i} < ${count}; ${i}++) {`);
    encodeRunning(element, p, text.bind('x', `${x}[${i}]`), inner);
    text.line('}');
    return {};
  },
  struct: (plan, p, x, cx) => {
    const fields: Names = new Map();
    checkObject(plan, x, cx);
    encodeSegments(plan, p, x, within(cx, fields));
    return { fields };
  },
  versioned: (plan, p, x, cx) =>
    encodeVersions(plan, cx, (chosen, inner) => encodeRunning(chosen, p, x, inner)),
  block: encodeBlock,
};

function neverRuns(): never {
  throw new NotGenerated('its size does not depend on the data');
}
function within(cx: EncodeContext, fields: Names): EncodeContext {
  return { ...cx, frames: [...cx.frames, fields], later: [], sizes: new Map() };
}

function encodeBlock(plan: BlockPlan, p: string, x: string, cx: EncodeContext): Written {
  const { text } = cx;
  const start = text.bind('s', p);
  const written = encodeRunning(plan.type, p, x, { ...cx, route: `${cx.route}.type` });
  if (plan.length.length === 'rest') return written;
  const size = countText(plan.length, cx);
  const used = text.bind('n', `${p} - ${start}`);
  text.line(`if (!(${used} <= ${size} && ${size} - ${used} <= ${MAX_FILL})) ${cx.bail}`);
  text.line(`${p} = ${start} + ${size};`);
  room(p, `${start} + ${used}`, cx);
  return written;
}

// --- scalars -----------------------------------------------------------------------------------------------

/**
 * A condition that holds if a value is not an integer of so many bits as a number, or not an exact one. What
 * is no number is never strictly equal to the number made of it; a bigint makes it throw.
 */
function outOfRange(x: string, width: number, signed: boolean): string {
  if (width > 32) {
    const most = Math.min(2 ** (signed ? width - 1 : width) - 1, Number.MAX_SAFE_INTEGER);
    const least = signed ? Math.max(-(2 ** (width - 1)), Number.MIN_SAFE_INTEGER) : 0;
    return `!(${x} >= ${least} && ${x} <= ${most} && Math.floor(${x}) === ${x})`;
  }
  if (width === 32) return `(${x} ${signed ? '| 0' : '>>> 0'}) !== ${x}`;
  return signed
    ? `(${x} << ${32 - width} >> ${32 - width}) !== ${x}`
    : `(${x} & ${onesText(width)}) !== ${x}`;
}

function encodeInt(plan: IntPlan, place: Place, x: string, cx: EncodeContext): void {
  const { text, bail } = cx;
  const { size, signed, little } = plan;
  if (size !== 8) {
    let value = x;
    if (plan.as === 'bigint') {
      value = text.name('v');
      text.line(`let ${value} = ${x};`);
      text.line(`if (typeof ${x} === 'bigint') {`);
      text.line(`if (BigInt.as${signed ? 'Int' : 'Uint'}N(${size * 8}, ${x}) !== ${x}) ${bail}`);
      text.line(`${value} = Number(${x});`);
      text.line('}');
    }
    // What is stored is the integer made for the check: nothing has to be converted twice.
    const shift = 32 - size * 8;
    const whole = text.bind(
      'n',
      signed
        ? `${value} ${shift === 0 ? '| 0' : `<< ${shift} >> ${shift}`}`
        : size === 4
          ? `${value} >>> 0`
          : `${value} & ${onesText(size * 8)}`,
    );
    text.line(`if (${whole} !== ${value}) ${bail}`);
    value = whole;
    text.line(`d.setUint${size * 8}(${at(place)}, ${value}${size === 1 ? '' : `, ${little}`});`);
    return;
  }
  const low = at(place, little ? 0 : 4);
  const high = at(place, little ? 4 : 0);
  const asNumber = (): void => {
    text.line(`if (${outOfRange(x, 64, signed)}) ${bail}`);
    text.line(`d.setUint32(${low}, ${x}, ${little});`);
    text.line(
      `d.setUint32(${high}, ${signed ? `Math.floor(${x} / 4294967296)` : `${x} / 4294967296`}, ${little});`,
    );
  };
  if (plan.as === 'number') {
    asNumber();
    return;
  }
  text.line(`if (typeof ${x} === 'bigint') {`);
  text.line(`if (BigInt.as${signed ? 'Int' : 'Uint'}N(64, ${x}) !== ${x}) ${bail}`);
  text.line(`WIDE[0] = ${x};`);
  text.line(`d.setUint32(${low}, HALVES[LOW], ${little});`);
  text.line(`d.setUint32(${high}, HALVES[1 - LOW], ${little});`);
  text.line('} else {');
  asNumber();
  text.line('}');
}

/** Bit-fields on their way to the cells that hold them. */
class Cells {
  private readonly cells: readonly Cell[];
  private readonly parts = new Map<Cell, string[]>();
  private readonly wide: string[] = [];
  private readonly msb: boolean;

  constructor(cells: readonly Cell[], msb: boolean) {
    this.cells = cells;
    this.msb = msb;
  }
  add(plan: BitsPlan, place: Place, offset: number, x: string, cx: EncodeContext): void {
    const { text, bail } = cx;
    const { width, signed, shift, msb } = plan;
    if (plan.as === 'bigint') {
      text.line(
        `if (typeof ${x} !== 'bigint' || BigInt.as${signed ? 'Int' : 'Uint'}N(${width}, ${x}) !== ${x}) ${bail}`,
      );
      this.wide.push(`writeBigBits(d, ${at(place, offset)}, ${shift}, ${width}, ${msb}, ${x});`);
      return;
    }
    text.line(`if (${outOfRange(x, width, signed)}) ${bail}`);
    for (const { cell, low, count, taken } of piecesOf(plan, offset, this.cells)) {
      const moved = taken === 0 ? x : width <= 32 ? `${x} >>> ${taken}` : `Math.floor(${x} / ${2 ** taken})`;
      const bits = count === 32 ? `${moved} | 0` : `(${moved}) & ${onesText(count)}`;
      const parts = this.parts.get(cell) ?? [];
      parts.push(low === 0 ? `(${bits})` : `(${bits}) << ${low}`);
      this.parts.set(cell, parts);
    }
  }
  store(place: Place, { text }: EncodeContext): void {
    for (const [cell, parts] of this.parts) {
      const order = cell.size === 1 ? '' : `, ${!this.msb}`;
      text.line(`d.setUint${cell.size * 8}(${at(place, cell.offset)}, ${parts.join(' | ')}${order});`);
    }
    for (const line of this.wide) text.line(line);
  }
}

/** ASCII without NUL; other texts are left to the careful writer. */
function encodeText(base: string, x: string, cx: EncodeContext): void {
  const { text } = cx;
  const i = text.name('i');
  const char = text.name('c');
  text.line(`for (let ${i} = 0; ${i} < ${x}.length; ${i}++) {`);
  text.line(`const ${char} = ${x}.charCodeAt(${i});`);
  text.line(`if (${char} === 0 || ${char} > 127) ${cx.bail}`);
  text.line(`d.setUint8(${base} + ${i}, ${char});`);
  text.line('}');
}

// --- lengths -----------------------------------------------------------------------------------------------

function countText(length: PlanLength, cx: EncodeContext): string {
  if (length.length === 'fixed') return `${length.count}`;
  if (length.length === 'rest') throw new NotGenerated('the rest is not counted');
  const found = bindRef(cx.text, length.ref, cx.frames, 'undefined');
  if (found.maybe) cx.text.line(`if (${found.integer} === undefined) ${cx.bail}`);
  return found.small ? `${found.integer}` : cx.text.bind('n', `Number(${found.integer})`);
}
/** How long an array (or text) is written; `check` compares it with what the schema says, if it says. */
function lengthText(
  length: PlanLength,
  x: string,
  cx: EncodeContext,
  check: (found: string) => void,
): string {
  if (length.length === 'rest') return cx.text.bind('n', `${x}.length`);
  const count = countText(length, cx);
  check(count);
  return count;
}

function elements(
  element: Plan,
  base: string,
  count: string,
  step: number,
  x: string,
  cx: EncodeContext,
): void {
  const { text } = cx;
  const i = text.name('i');
  const p = text.name('p');
  text.line(`for (let ${i} = 0, ${p} = ${base}; ${i} < ${count}; ${i}++, ${p} += ${step}) {`);
  encodeFixed(element, { base: p, offset: 0 }, text.bind('x', `${x}[${i}]`), cx);
  text.line('}');
}

// --- structs -----------------------------------------------------------------------------------------------

/** A plain object without slack. Anything else is left to the careful writer, which takes some of it. */
function plainObject(x: string, cx: EncodeContext): void {
  cx.text.line(`if (${x}.__proto__ !== plain || (kept && slackOf(${x}) !== undefined)) ${cx.bail}`);
}

/**
 * Checks that an object has no keys but fields. They are counted, which costs a fraction of looking at them:
 * a field that is not there is found when it is written. (An object of which fields are not enumerable could
 * pass with as many other keys.)
 */
function checkObject(plan: StructPlan, x: string, cx: EncodeContext): void {
  const { text } = cx;
  plainObject(x, cx);
  if (!cx.checkKeys) return;
  const required = new Set(plan.keys);
  for (const key of mayBeMissing(plan)) required.delete(key);
  const sometimes = [...plan.keys].filter((key) => !required.has(key));
  const expected = [
    `${required.size}`,
    ...sometimes.map((key) => `(${memberText(x, key)} !== undefined)`),
  ].join(' + ');
  const keys = text.name('k');
  text.line(`let ${keys} = 0; for (const _ in ${x}) ${keys}++;`);
  const all = text.constant(`new Set(${JSON.stringify([...plan.keys])})`);
  text.line(`if (${keys} !== ${expected} && !areKnown(${x}, ${all})) ${cx.bail}`);
}

/** The fields that a regular value may lack. */
function mayBeMissing(plan: StructPlan): string[] {
  return plan.segments.flatMap(({ items, variable }) =>
    (variable === undefined ? items : [...items, variable]).flatMap((item) => {
      if (item.item === 'gap') return [];
      if (!item.inline)
        return item.when !== undefined || item.derived !== undefined || item.magic !== undefined
          ? [item.key]
          : [];
      if (item.plan.kind === 'struct') return mayBeMissing(item.plan);
      return item.plan.kind === 'union' || item.plan.kind === 'tagged' ? [...item.plan.keys] : [];
    }),
  );
}

/** A struct of fixed size. */
function encodeContent(plan: StructPlan, place: Place, x: string, cx: EncodeContext): void {
  const [segment] = plan.segments;
  if (segment !== undefined)
    encodeSegment(segment, plan, place, x, { ...cx, route: `${cx.route}.segments[0]` });
  finish(plan, cx, `${plan.size ?? 0}`);
}

function encodeSegments(plan: StructPlan, p: string, x: string, cx: EncodeContext): void {
  const { text } = cx;
  const start = text.bind('s', p);
  for (const [index, segment] of plan.segments.entries()) {
    const inner = { ...cx, route: `${cx.route}.segments[${index}]` };
    if (index > 0) align(start, p, segment.align, cx);
    const base = segment.size === 0 ? text.bind('s', p) : take(p, `${segment.size}`, cx);
    encodeSegment(segment, plan, { base, offset: 0 }, x, inner);
    const { variable } = segment;
    if (variable !== undefined)
      encodeVariable(variable, plan, start, p, x, { ...inner, route: `${inner.route}.variable.plan` });
  }
  if (plan.derives) finish(plan, cx, text.bind('n', `${p} - ${start}`));
}
function align(start: string, p: string, bytes: number, cx: EncodeContext): void {
  if (bytes > 1) cx.text.line(`${p} = ${start} + Math.ceil((${p} - ${start}) / ${bytes}) * ${bytes};`);
}

function encodeVariable(
  field: FieldPlan,
  struct: StructPlan,
  start: string,
  p: string,
  x: string,
  cx: EncodeContext,
): void {
  const { text } = cx;
  const { plan, when } = field;
  if (field.inline) {
    if (when !== undefined || plan.kind !== 'struct' || !plan.shares)
      throw new NotGenerated('an anonymous member that is not always there');
    align(start, p, plan.align, cx);
    const from = text.bind('s', p);
    encodeSegments(plan, p, x, { ...cx, later: [] });
    cx.sizes.set(field.key, text.bind('n', `${p} - ${from}`));
    return;
  }
  if (when === undefined) {
    align(start, p, plan.align, cx);
    const from = text.bind('s', p);
    encodeField(field, struct, x, cx, undefined, (value) => encodeRunning(plan, p, value, cx));
    if (plan.size === undefined) cx.sizes.set(field.key, text.bind('n', `${p} - ${from}`));
    return;
  }
  if (field.derived !== undefined || field.magic !== undefined)
    throw new NotGenerated('a derived field that is not always there');
  const found = bindRef(text, when.ref, cx.frames, 'undefined');
  if (found.maybe) text.line(`if (${found.integer} === undefined) ${cx.bail}`);
  const value = given(x, field.key, cx);
  text.line(`if (${conditionText(when, found)}) {`);
  align(start, p, plan.align, cx);
  encodeRunning(plan, p, value, cx);
  text.line(`} else if (${value} !== undefined) ${cx.bail}`);
  cx.frames[cx.frames.length - 1]?.set(field.key, knownOf(plan, value, true));
}

function encodeSegment(
  segment: Segment,
  struct: StructPlan,
  place: Place,
  x: string,
  cx: EncodeContext,
): void {
  // All are read before any is written: V8 checks an object's shape again after each store.
  const values = new Map<FieldPlan, string>();
  for (const item of segment.items)
    if (item.item === 'field' && !item.inline && item.derived === undefined && item.magic === undefined)
      values.set(item, given(x, item.key, cx));
  const cells = new Cells(
    cellsOf(segment.items),
    segment.items.some((item) => item.item === 'field' && item.plan.kind === 'bits' && item.plan.msb),
  );
  for (const [index, item] of segment.items.entries()) {
    if (item.item === 'gap') continue;
    const { plan } = item;
    const here = moved(place, item.offset);
    const inner = { ...cx, route: `${cx.route}.items[${index}].plan` };
    if (item.inline) encodeInline(item, here, x, inner);
    else if (plan.kind === 'bits') {
      encodeField(item, struct, x, inner, values.get(item), (value) => {
        cells.add(plan, place, item.offset, value, inner);
        return {};
      });
    } else
      encodeField(item, struct, x, inner, values.get(item), (value) => encodeFixed(plan, here, value, inner));
  }
  cells.store(place, cx);
}

/** What an object has under a name, of its own. */
function given(x: string, key: string, cx: EncodeContext): string {
  const value = memberText(x, key);
  return cx.text.bind(
    'x',
    INHERITED.has(key) ? `Object.hasOwn(${x}, ${JSON.stringify(key)}) ? ${value} : undefined` : value,
  );
}

function knownOf(plan: Plan, value: string, maybe: boolean): Known {
  const isInteger = plan.kind === 'int' || plan.kind === 'bits';
  // Small integers are numbers here: bigints are left to the careful writer.
  const small =
    !maybe &&
    ((plan.kind === 'int' && plan.size < 8 && plan.as === 'number') ||
      (plan.kind === 'bits' && plan.width <= 32));
  return {
    integer: isInteger ? value : undefined,
    maybe,
    small: small && !('signed' in plan && plan.signed),
  };
}

function encodeField(
  field: FieldPlan,
  struct: StructPlan,
  x: string,
  cx: EncodeContext,
  bound: string | undefined,
  write: (value: string) => Written,
): void {
  const { text } = cx;
  const { key, plan, magic, derived } = field;
  let value: string;
  if (derived !== undefined) {
    if (derived.rule === 'abi') value = text.bind('x', integerOf(derived.value, plan));
    else if (derived.rule === 'count') {
      const parts = derived.of.split('.');
      if (parts.some((part) => INHERITED.has(part))) throw new NotGenerated('an inherited name');
      const path = parts.reduce((object, part) => memberText(object, part), x);
      value = text.bind('x', as(plan, `${path}.length`));
    } else {
      writeLater(field, struct, cx, write);
      return;
    }
  } else if (magic !== undefined) {
    const constant =
      magic instanceof Uint8Array
        ? text.constant(`Uint8Array.of(${[...magic].join(', ')})`)
        : typeof magic === 'string'
          ? text.constant(JSON.stringify(magic))
          : text.constant(integerOf(magic, plan));
    const other = given(x, key, cx);
    text.line(`if (${other} !== undefined && !sameScalar(${constant}, ${other})) ${cx.bail}`);
    value = constant;
  } else value = bound ?? given(x, key, cx);
  const written = write(value);
  cx.frames[cx.frames.length - 1]?.set(key, {
    ...knownOf(plan, value, false),
    ...(written.fields && { fields: written.fields }),
  });
}

/** An integer of the type that its field's values have. */
function integerOf(value: number | bigint, plan: Plan): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new NotGenerated('an odd constant');
  const isBig = 'as' in plan && plan.as === 'bigint';
  return integerText(isBig || !Number.isSafeInteger(Number(value)) ? BigInt(value) : Number(value));
}
/** A number as what the field's values are. */
function as(plan: Plan, number: string): string {
  return plan.kind === 'bits' && plan.as === 'bigint' ? `BigInt(${number})` : number;
}

/** A size, written when the struct is complete. */
function writeLater(
  field: FieldPlan,
  struct: StructPlan,
  cx: EncodeContext,
  write: (value: string) => Written,
): void {
  const { derived, plan } = field;
  const fixedSize =
    derived?.rule === 'size-of-struct'
      ? struct.size
      : derived?.rule === 'size'
        ? fixedSizeOf(struct, derived.of)
        : undefined;
  // Of a known size it can be written at once; it cannot be referred to all the same.
  if (fixedSize !== undefined) {
    write(cx.text.bind('x', as(plan, `${fixedSize}`)));
    return;
  }
  if (plan.kind === 'bits' || derived === undefined || derived.rule === 'checksum')
    throw new NotGenerated('a field that is computed from the bytes');
  cx.later.push(() => {
    const size = derived.rule === 'size' ? cx.sizes.get(derived.of) : 'size';
    if (size === undefined) throw new NotGenerated('what is measured is not always there');
    write(cx.text.bind('x', size));
  });
}
/** Writes what had to wait, under the name of `size` for that of the struct. */
function finish(plan: StructPlan, cx: EncodeContext, size: string): void {
  if (!plan.derives || cx.later.length === 0) return;
  cx.text.line('{');
  cx.text.line(`const size = ${size};`);
  for (const write of cx.later.splice(0)) write();
  cx.text.line('}');
}

// --- alternatives ------------------------------------------------------------------------------------------

function encodeInline(field: FieldPlan, place: Place, x: string, cx: EncodeContext): void {
  const { text } = cx;
  const { plan } = field;
  if (plan.kind === 'tagged') encodeTagged(plan, place, x, cx);
  else if (plan.kind === 'union') {
    const own = [...plan.keys].map((key) => `${JSON.stringify(key)}: ${memberText(x, key)}`);
    if ([...plan.keys].some((key) => INHERITED.has(key))) throw new NotGenerated('an inherited name');
    part(plan, place, text.bind('x', `{ ${own.join(', ')} }`), cx);
  } else throw new NotGenerated('an anonymous struct in an odd place');
}

/** A union of which several members may be given, which must agree: written apart by the careful writer. */
function part(plan: UnionPlan, place: Place, x: string, { text, route, bail }: EncodeContext): void {
  if (refersOutward(plan)) throw new NotGenerated('a union whose members refer to fields');
  const bytes = text.bind('b', `partBytes(${route}, ${x})`);
  text.line(`if (${bytes} === undefined) ${bail}`);
  text.line(`putBytes(d, ${at(place)}, ${bytes});`);
}
function refersOutward(plan: Plan): boolean {
  switch (plan.kind) {
    case 'tagged':
    case 'versioned':
    case 'foreign':
      return true;
    case 'array':
      return plan.length.length === 'ref' || refersOutward(plan.element);
    case 'block':
      return plan.length.length === 'ref' || refersOutward(plan.type);
    case 'chars':
    case 'bytes':
      return plan.length.length === 'ref';
    case 'union':
      return plan.members.some((member) => refersOutward(member.plan));
    case 'struct':
      return plan.segments.some(
        ({ items, variable }) =>
          variable !== undefined || items.some((item) => item.item === 'field' && refersOutward(item.plan)),
      );
    default:
      return false;
  }
}

function encodeTagged(plan: TaggedPlan, place: Place, x: string, cx: EncodeContext): void {
  const { text } = cx;
  const found = bindRef(text, plan.by, cx.frames, 'undefined');
  for (const [member, tags] of armsOf(plan)) {
    if (member.derived !== undefined) throw new NotGenerated('a derived member of a union');
    text.line(`if (${tags.map((tag) => `${found.integer} == ${bigText(tag)}`).join(' || ')}) {`);
    for (const key of plan.keys)
      if (key !== member.key) text.line(`if (${memberText(x, key)} !== undefined) ${cx.bail}`);
    const index = plan.members.indexOf(member);
    const inner = { ...cx, frames: [...cx.frames], route: `${cx.route}.members[${index}].plan` };
    // Of a union the members are no fields that later ones could refer to.
    const outer = inner.frames.pop();
    if (outer !== undefined) inner.frames.push(new Map(outer));
    const value = given(x, member.key, cx);
    if (member.magic !== undefined) throw new NotGenerated('a magic number in a union');
    encodeFixed(member.plan, moved(place, member.offset), value, inner);
    text.line('} else');
  }
  text.line(cx.bail);
}

function encodeVersions(
  plan: VersionedPlan,
  cx: EncodeContext,
  write: (plan: Plan, cx: EncodeContext) => Written,
): Written {
  const { text } = cx;
  const found = bindRef(text, plan.by, cx.frames, 'undefined');
  for (const [tag, chosen] of plan.cases) {
    text.line(`if (${found.integer} == ${bigText(tag)}) {`);
    write(chosen, { ...cx, route: `${cx.route}.cases.get(${JSON.stringify(tag)})` });
    text.line('} else');
  }
  text.line(cx.bail);
  return {};
}
