/**
 * The tree of what lies in the bytes, as the schema lays it out, made while they are decoded. Elements of
 * arrays are made when somebody asks for them: until then an array knows where they begin and no more, so
 * that an input of a hundred thousand records opens as fast as it decodes.
 */
import type { CarryoverError } from '../codec/error.js';
import type { ABI, DecodeOptions, Observer, Schema } from '../codec/index.js';
import { observe } from '../codec/index.js';
import { bitsOf, type FieldPlan, type Gap, type Plan, type PlanOf } from '../codec/plan.js';
import { Reader } from '../codec/read.js';
import type { PathPart } from '../formats/format.js';

export type WireKind = 'field' | 'padding' | 'reserved' | 'tail';

/** Elements of an array that are kept at a time: a dump of a hundred thousand records visits each but once. */
const KEPT = 256;

/** A part of the wire value, or of the bytes that it does not tell. */
export class WireNode {
  readonly kind: WireKind;
  readonly path: readonly PathPart[];
  readonly plan: Plan | undefined;
  readonly field: FieldPlan | undefined;
  readonly gap: Gap | undefined;
  readonly offset: number;
  readonly parent: WireNode | undefined;
  size = 0;
  /** What was decoded; of padding and tails the bytes if they are not all zero. */
  value: unknown;
  readonly parts: WireNode[] = [];
  /** Where each element begins, if they are not all of one size. */
  readonly offsets: number[] = [];
  private readonly elements = new Map<number, WireNode>();
  private readonly source: Source;

  constructor(
    source: Source,
    made: {
      kind: WireKind;
      path: readonly PathPart[];
      plan?: Plan | undefined;
      field?: FieldPlan | undefined;
      gap?: Gap | undefined;
      offset: number;
      parent: WireNode | undefined;
    },
  ) {
    this.source = source;
    this.kind = made.kind;
    this.path = made.path;
    this.plan = made.plan;
    this.field = made.field;
    this.gap = made.gap;
    this.offset = made.offset;
    this.parent = made.parent;
  }

  /** The first bit and the number of bits, of a bit-field or a gap within bytes. */
  get bits(): { readonly first: number; readonly count: number } | undefined {
    const { plan, gap } = this;
    if (plan?.kind === 'bits') return { first: plan.shift, count: plan.width };
    if (gap === undefined || (gap.first === 0xff && (gap.size === 1 || gap.last === 0xff))) return undefined;
    const { from, to } = bitsOf(0, { ...gap, offset: 0 });
    return { first: from, count: to - from };
  }

  /** The number of elements of an array; undefined of anything else. */
  get length(): number | undefined {
    return this.plan?.kind === 'array' && Array.isArray(this.value) ? this.value.length : undefined;
  }

  /** Element `index` of an array, decoded once more to find what lies where in it. */
  element(index: number): WireNode | undefined {
    const { plan } = this;
    const length = this.length;
    if (plan?.kind !== 'array' || length === undefined || index < 0 || index >= length) return undefined;
    const known = this.elements.get(index);
    if (known !== undefined) return known;
    const made = this.observeElement(plan, index, length);
    if (this.elements.size >= KEPT) this.elements.clear();
    if (made !== undefined) this.elements.set(index, made);
    return made;
  }

  private observeElement(plan: PlanOf<'array'>, index: number, length: number): WireNode | undefined {
    const step = plan.element.size;
    const offset = step === undefined ? this.offsets[index] : this.offset + index * step;
    if (offset === undefined) return undefined;
    const after = index + 1 < length ? this.offsets[index + 1] : undefined;
    const end = step === undefined ? (after ?? this.offset + this.size) : offset + step;
    const reader = new Reader(this.source.view, this.source.options, false);
    reader.end = Math.min(end, this.source.view.byteLength);
    reader.path.push(...this.path, index);
    for (let node: WireNode | undefined = this; node !== undefined; node = node.parent)
      // The value of a struct is an object: it was made by its plan.
      if (node.plan?.kind === 'struct') reader.scopes.unshift(node.value as Record<string, unknown>);
    const recorder = new Recorder(this.source, this);
    reader.observer = recorder;
    reader.root(plan.element, offset);
    return recorder.top;
  }

  /** The part with that name or index; those of anonymous members are among their struct's. */
  part(key: PathPart): WireNode | undefined {
    if (typeof key === 'number') return this.element(key);
    for (const part of this.parts) {
      if (part.path.length === this.path.length && part.kind === 'field') {
        const found = part.part(key);
        if (found !== undefined) return found;
      } else if (part.path[part.path.length - 1] === key && part.kind !== 'tail') return part;
    }
    return undefined;
  }

  /** The parts in the order in which they lie, anonymous members replaced by their own parts. */
  *flat(): Generator<WireNode> {
    for (const part of this.parts)
      if (part.path.length === this.path.length && part.kind === 'field' && part.parts.length > 0)
        yield* part.flat();
      else yield part;
  }
}

/** What elements are decoded from again. */
interface Source {
  readonly view: DataView;
  readonly options: DecodeOptions;
}

export interface Wire {
  /** Undefined where nothing could be decoded at all. */
  readonly root: WireNode | undefined;
  readonly value: unknown;
  readonly problems: readonly CarryoverError[];
  /** Bytes that were understood. */
  readonly understood: number;
  readonly abi: ABI | undefined;
}

/** Decodes what there is, and notes what lies where. */
export function readWire(schema: Schema, bytes: Uint8Array, options: DecodeOptions): Wire {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const source: Source = { view, options };
  const recorder = new Recorder(source, undefined);
  const { value, problems, size, abi } = observe(schema, view, options, recorder);
  return { root: recorder.top, value, problems, understood: Math.min(size, bytes.length), abi };
}

/** Notes what is decoded, down to the first array on every way. */
class Recorder implements Observer {
  top: WireNode | undefined;
  private readonly source: Source;
  private readonly outer: WireNode | undefined;
  private readonly open: WireNode[] = [];
  /** The array whose elements are being read, and how many arrays there are inside of it. */
  private array: WireNode | undefined;
  private depth = 0;

  constructor(source: Source, outer: WireNode | undefined) {
    this.source = source;
    this.outer = outer;
  }

  enter(plan: Plan, at: number, path: readonly PathPart[]): void {
    if (this.array !== undefined) {
      this.note(at, path);
      if (plan.kind === 'array') this.depth++;
      return;
    }
    const node = this.add({ kind: 'field', plan, offset: at, path: [...path] });
    this.open.push(node);
    if (plan.kind === 'array') {
      this.array = node;
      this.depth = 1;
    }
  }
  leave(plan: Plan, _at: number, size: number, value: unknown, _path: readonly PathPart[]): void {
    if (this.array !== undefined && (plan.kind !== 'array' || --this.depth > 0)) return;
    this.array = undefined;
    const node = this.open.pop();
    if (node === undefined) return;
    node.size = size;
    node.value = value;
  }
  leaf(
    plan: Plan,
    field: FieldPlan | undefined,
    at: number,
    size: number,
    value: unknown,
    path: readonly PathPart[],
  ): void {
    if (this.array !== undefined) {
      this.note(at, path);
      return;
    }
    const node = this.add({ kind: 'field', plan, field, offset: at, path: [...path] });
    node.size = size;
    node.value = value;
  }
  gap(gap: Gap, at: number, bits: Uint8Array | undefined, path: readonly PathPart[]): void {
    if (this.array !== undefined) return;
    const node = this.add({
      kind: gap.reserved ? 'reserved' : 'padding',
      gap,
      offset: at,
      path: [...path],
    });
    node.size = gap.size;
    node.value = bits;
  }
  tail(
    _plan: Plan,
    at: number,
    size: number,
    bytes: Uint8Array | undefined,
    path: readonly PathPart[],
  ): void {
    if (this.array !== undefined) return;
    // It belongs to what was read last at the same path: a text, or what stands in a block; else to the union.
    const owner = this.open[this.open.length - 1];
    const last = owner === undefined ? this.top : owner.parts[owner.parts.length - 1];
    const parent = last !== undefined && samePath(last.path, path) ? last : owner;
    const node = new WireNode(this.source, {
      kind: 'tail',
      offset: at,
      path: [...path],
      parent,
    });
    node.size = size;
    node.value = bytes?.slice();
    parent?.parts.push(node);
  }

  private add(made: {
    kind: WireKind;
    path: readonly PathPart[];
    plan?: Plan;
    field?: FieldPlan | undefined;
    gap?: Gap;
    offset: number;
  }): WireNode {
    const parent = this.open[this.open.length - 1];
    const node = new WireNode(this.source, { ...made, parent: parent ?? this.outer });
    if (parent === undefined) this.top ??= node;
    else parent.parts.push(node);
    return node;
  }
  /** Notes where an element of the array begins. */
  private note(at: number, path: readonly PathPart[]): void {
    const { array } = this;
    if (array?.plan?.kind !== 'array' || array.plan.element.size !== undefined) return;
    if (path.length === array.path.length + 1 && path[path.length - 1] === array.offsets.length)
      array.offsets.push(at);
  }
}

function samePath(a: readonly PathPart[], b: readonly PathPart[]): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i]);
}
