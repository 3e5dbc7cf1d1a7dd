/**
 * What the generators of decoding and encoding text share: lines and names, references, the bits of
 * bit-fields, and which bits have to be zero.
 *
 * No text of a schema gets into generated text but field names and constants, and these only as JSON.
 */
import type { BitsPlan, FieldPlan, Gap, Item, Plan, PlanCondition, PlanRef } from './plan.js';

/** Thrown where a plan is not worth generating code for; the careful reader or writer does it all then. */
export class NotGenerated extends Error {}

/** Text in lines, and names that are used once. */
export class Text {
  private readonly lines: string[] = [];
  private readonly consts: string[] = [];
  private serial = 0;

  line(text: string): void {
    this.lines.push(text);
  }
  name(prefix: string): string {
    return `${prefix}${++this.serial}`;
  }
  /** Binds a value to a name. */
  bind(prefix: string, value: string): string {
    const name = this.name(prefix);
    this.line(`const ${name} = ${value};`);
    return name;
  }
  /** Binds a value once, outside of the functions. */
  constant(value: string): string {
    const known = this.consts.indexOf(value);
    return `K${known >= 0 ? known : this.consts.push(value) - 1}`;
  }
  isConstant(name: string): boolean {
    return this.consts.some((_, i) => name === `K${i}`);
  }
  get constants(): string {
    return this.consts.map((value, i) => `const K${i} = ${value};`).join('\n');
  }
  /** The lines since the last call. */
  take(): string {
    return this.lines.splice(0).join('\n');
  }
}

/** An offset from a name that holds one. */
export interface Place {
  readonly base: string;
  readonly offset: number;
}
export function at(place: Place, offset = 0): string {
  const sum = place.offset + offset;
  return sum === 0 ? place.base : `${place.base} + ${sum}`;
}
export function moved(place: Place, offset: number): Place {
  return { base: place.base, offset: place.offset + offset };
}

/** A field's name as the key of a literal. */
export function keyText(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? key : JSON.stringify(key);
}
/** A field of an object. */
export function memberText(object: string, key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `${object}.${key}` : `${object}[${JSON.stringify(key)}]`;
}
export function integerText(value: number | bigint): string {
  return typeof value === 'bigint' ? `${value}n` : `${value}`;
}

// --- references --------------------------------------------------------------------------------------------

/** A value that references lead to. */
export interface Known {
  /** An integer; undefined for what is none. */
  readonly integer: string | undefined;
  /** Whether it can be undefined. */
  readonly maybe: boolean;
  /** Whether it is a number of at most 32 bits, unsigned. */
  readonly small: boolean;
  /** How many elements or bytes an array has, and how many bytes it takes. */
  readonly count?: string | undefined;
  readonly fields?: Names;
}
export type Names = Map<string, Known>;

/** What a reference leads to. */
export function resolved(ref: PlanRef, frames: readonly Names[], params: string): Known {
  if (ref.up < 0)
    return {
      integer: `paramOf(${params}, ${JSON.stringify(ref.text)})`,
      maybe: true,
      small: false,
    };
  if (ref.through !== undefined) throw new NotGenerated('a reference goes through a pointer');
  const found = lookUp(frames[frames.length - 1 - ref.up], ref.path);
  if (found?.integer === undefined) throw new NotGenerated('a reference leads to what is not an integer');
  return found;
}
export function lookUp(names: Names | undefined, path: readonly string[]): Known | undefined {
  const [first, ...others] = path;
  const found = first === undefined ? undefined : names?.get(first);
  return others.length === 0 ? found : lookUp(found?.fields, others);
}

/** Binds what a reference leads to. */
export function bindRef(text: Text, ref: PlanRef, frames: readonly Names[], params: string): Known {
  const found = resolved(ref, frames, params);
  return { ...found, integer: text.bind('t', found.integer ?? 'undefined') };
}

/** A condition on a reference that is bound. */
export function conditionText(condition: PlanCondition, found: Known): string {
  const { is, value } = condition;
  const operand = found.integer ?? 'undefined';
  const wanted =
    value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
      ? `${value}`
      : `${value}n`;
  switch (is) {
    // Loosely, because either may be a bigint; both are integers.
    case 'equal':
      return `${operand} == ${wanted}`;
    case 'different':
      return `${operand} != ${wanted}`;
    case 'at-least':
      return `${operand} >= ${wanted}`;
    case 'any-bit':
      return found.small && value >= 0n && value <= 0xffffffffn
        ? `(${operand} & ${wanted}) !== 0`
        : `anyBit(${operand}, ${value}n)`;
  }
}

/** First names of all references in a plan: what is worth having in a name of its own. */
export function referredNames(plan: Plan): ReadonlySet<string> {
  const names = new Set<string>();
  const ref = (ref: PlanRef): void => {
    names.add(ref.path[0] ?? '');
    names.add(ref.path[ref.path.length - 1] ?? '');
  };
  const field = (field: FieldPlan): void => {
    if (field.when !== undefined) ref(field.when.ref);
    walk(field.plan);
  };
  const walk = (plan: Plan): void => {
    if ('length' in plan && plan.length.length === 'ref') ref(plan.length.ref);
    if ('by' in plan) ref(plan.by);
    if (plan.kind === 'array') walk(plan.element);
    else if (plan.kind === 'block') walk(plan.type);
    else if (plan.kind === 'versioned') for (const one of plan.cases.values()) walk(one);
    else if (plan.kind === 'union' || plan.kind === 'tagged') for (const one of plan.members) field(one);
    else if (plan.kind === 'struct')
      for (const { items, variable } of plan.segments) {
        for (const item of items) if (item.item === 'field') field(item);
        if (variable !== undefined) field(variable);
      }
  };
  walk(plan);
  return names;
}

// --- bit-fields --------------------------------------------------------------------------------------------

/** Some bytes of a segment that are read and written as one integer. */
export interface Cell {
  readonly offset: number;
  readonly size: 1 | 2 | 4;
}
/** The part of a bit-field that one cell holds. */
export interface Piece {
  readonly cell: Cell;
  /** Bits of the cell below it. */
  readonly low: number;
  readonly count: number;
  /** Bits of the value below it. */
  readonly taken: number;
}

/** Cells that cover the bit-fields among some items, and no byte of anything else. */
export function cellsOf(items: readonly Item[]): Cell[] {
  const runs: { from: number; to: number }[] = [];
  for (const item of items) {
    if (item.item === 'gap' || item.plan.kind !== 'bits') continue;
    const from = item.offset;
    const to = from + item.plan.size;
    const last = runs[runs.length - 1];
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else runs.push({ from, to });
  }
  return runs.flatMap(({ from, to }) => cellsBetween(from, to));
}
/** Some bytes as cells, the largest first. */
export function cellsBetween(from: number, to: number): Cell[] {
  const cells: Cell[] = [];
  for (let offset = from; offset < to; ) {
    const size = to - offset >= 4 ? 4 : to - offset >= 2 ? 2 : 1;
    cells.push({ offset, size });
    offset += size;
  }
  return cells;
}

export function piecesOf(plan: BitsPlan, offset: number, cells: readonly Cell[]): Piece[] {
  const from = offset * 8 + plan.shift;
  const to = from + plan.width;
  const pieces: Piece[] = [];
  for (const cell of cells) {
    const start = cell.offset * 8;
    const end = start + cell.size * 8;
    const first = Math.max(from, start);
    const last = Math.min(to, end);
    if (first >= last) continue;
    pieces.push({
      cell,
      count: last - first,
      low: plan.msb ? end - last : first - start,
      taken: plan.msb ? to - last : first - from,
    });
  }
  return pieces;
}

/** So many one bits, as a signed 32-bit integer. */
export function onesText(count: number): string {
  return count >= 32 ? '-1' : `${2 ** count - 1}`;
}

// --- bits that have to be zero -----------------------------------------------------------------------------

/** Larger runs of bytes are compared by a function instead of word by word. */
const WORDWISE = 64;

/**
 * Conditions, one of which holds if any bit is set that is set in the mask, which is that of the bytes at a
 * place. Empty if the mask is.
 */
export function dirtyText(place: Place, mask: Uint8Array): string[] {
  const terms: string[] = [];
  const words: string[] = [];
  for (let i = 0; i < mask.length; ) {
    if (mask[i] === 0) {
      i++;
      continue;
    }
    let full = i;
    while (mask[full] === 0xff) full++;
    if (full - i >= WORDWISE) {
      terms.push(`!areZero(d, ${at(place, i)}, ${at(place, full)})`);
      i = full;
    } else if (i + 4 <= mask.length) {
      const word = new DataView(mask.buffer, mask.byteOffset).getInt32(i, true);
      words.push(`d.getInt32(${at(place, i)}, true)${word === -1 ? '' : ` & ${word}`}`);
      i += 4;
    } else {
      const byte = mask[i] ?? 0;
      words.push(`d.getUint8(${at(place, i)})${byte === 0xff ? '' : ` & ${byte}`}`);
      i++;
    }
  }
  if (words.length > 0) terms.push(`(${words.map((word) => `(${word})`).join(' | ')}) !== 0`);
  return terms;
}

/** Segments and unions that are larger are left to the careful reader. */
const MAX_MASK = 2 ** 20;

/** The bits of the gaps among some items. */
export function gapMask(items: readonly Item[], size: number): Uint8Array {
  if (!items.some((item) => item.item === 'gap')) return new Uint8Array();
  if (size > MAX_MASK) throw new NotGenerated('a large struct with gaps');
  const mask = new Uint8Array(size);
  for (const item of items)
    if (item.item === 'gap')
      for (let i = 0; i < item.size; i++)
        mask[item.offset + i] = (mask[item.offset + i] ?? 0) | gapByte(item, i);
  return mask;
}
function gapByte(gap: Gap, index: number): number {
  return index === 0 ? gap.first : index === gap.size - 1 ? gap.last : 0xff;
}
