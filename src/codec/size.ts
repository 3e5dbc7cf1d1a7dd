/**
 * Sizes: of a type, of a value in data without building it, of a value to be encoded. What lies behind a part
 * of variable size is found by walking over that part, when somebody asks for it; views do the same.
 */
import type { ABI } from './abi.js';
import { alignFrom, type BytesLike, dataView } from './bytes.js';
import type { DecodeOptions } from './decode.js';
import { type EncodeOptions, encode } from './encode.js';
import { fail, hexOffset } from './error.js';
import { decodeForeign } from './foreign.js';
import { scalarReader } from './integers.js';
import { abiOf, negotiate, negotiatedPart } from './negotiate.js';
import type {
  FieldPlan,
  Plan,
  PlanCondition,
  PlanKind,
  PlanLength,
  PlanOf,
  PlanRef,
  StructPlan,
} from './plan.js';
import { planOf } from './plan.js';
import { MAX_EMPTY_ELEMENTS, Reader } from './read.js';
import { conditionHolds, resolveRef, type Scope } from './refs.js';
import type { InputOf, Schema } from './schema.js';

/**
 * What `sizeof` gives in C: the bytes that every value of the type takes.
 *
 * @throws `size-not-fixed` if that depends on the value; `abi-required`, `schema-invalid`.
 * @example
 * sizeof(struct('pair', { a: u8, b: u32 }), ABI.x86_64) // => 8
 */
export function sizeof(schema: Schema, abi?: ABI): number {
  return fixedSize(planOf(schema, abi));
}

export interface SizeOptions extends DecodeOptions {
  /** Where the value begins, in bytes; 0 if left out. */
  readonly offset?: number;
}

/**
 * The bytes that the value at an offset takes, found without building it. Only what decides the size is
 * looked at: a wrong magic number or checksum is not noticed.
 *
 * @throws CarryoverError as decode does, where the size cannot be told: `truncated`, `count-limit`, …
 */
export function sizeIn(schema: Schema, bytes: BytesLike, options: SizeOptions = {}): number {
  const view = dataView(bytes);
  const offset = checkOffset(view, options.offset);
  const plan = planOf(schema, abiFor(schema, view, offset, options.abi));
  return measure(plan, { view, options }, offset, view.byteLength, undefined, undefined);
}

/** The bytes that encoding the value gives. Of a fixed-size type, without a look at the value. */
export function encodedSize<S extends Schema>(
  schema: S,
  value: InputOf<S>,
  options: EncodeOptions = {},
): number {
  const abi = options.abi ?? (negotiatedPart(schema) === undefined ? undefined : abiOf(value));
  return planOf(schema, abi).size ?? encode(schema, value, options).length;
}

// --- what views, columns and records share -----------------------------------------------------------------

export function fixedSize(plan: Plan): number {
  if (plan.size === undefined)
    fail('size-not-fixed', `the size of ${nameOf(plan)} depends on its value`, {
      expected: 'a type of fixed size',
      found: `at least ${plan.minSize} bytes`,
    });
  return plan.size;
}
function nameOf(plan: Plan): string {
  return 'name' in plan ? `${plan.kind} ${plan.name}` : `this ${plan.kind}`;
}

/** The ABI given, or the one that a negotiated header in the data tells. */
export function abiFor(
  schema: Schema,
  view: DataView,
  offset: number,
  abi: ABI | undefined,
): ABI | undefined {
  return abi ?? (negotiatedPart(schema) === undefined ? undefined : negotiate(schema, view, offset).abi);
}

/** An offset that lies in the input, its end included. */
export function checkOffset(view: DataView, offset = 0): number {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > view.byteLength)
    fail('truncated', `the input has no byte at ${offset}`, {
      offset: Number.isSafeInteger(offset) && offset >= 0 ? offset : 0,
      expected: `an offset of at most ${view.byteLength}`,
      found: String(offset),
      input: view,
    });
  return offset;
}

export interface ElementsOptions {
  /** The machine that wrote the bytes. Not needed where the layout is the same on all. */
  readonly abi?: ABI;
  /** How many elements; all that are there if left out. */
  readonly count?: number;
  /** Where the first one begins, in bytes; 0 if left out. */
  readonly offset?: number;
}

/** Elements of one fixed size, one after the other, all of them within the input. */
export interface Elements {
  readonly view: DataView;
  readonly plan: Plan;
  readonly size: number;
  readonly offset: number;
  readonly count: number;
}

/** Finds the elements, and checks once that all of them are there. Nothing is allocated for their number. */
export function elementsIn(schema: Schema, bytes: BytesLike, options: ElementsOptions): Elements {
  const view = dataView(bytes);
  const offset = checkOffset(view, options.offset);
  const plan = planOf(schema, abiFor(schema, view, offset, options.abi));
  const size = fixedSize(plan);
  const left = view.byteLength - offset;
  if (options.count === undefined) {
    if (size === 0) fail('count-limit', 'elements that take no bytes cannot be counted by them', { offset });
    if (left % size !== 0)
      fail('trailing-bytes', `${left % size} bytes are left over after ${Math.floor(left / size)} elements`, {
        offset: view.byteLength - (left % size),
        length: left % size,
        expected: `a multiple of ${size} bytes`,
        found: `${left} bytes`,
        input: view,
      });
    return { view, plan, size, offset, count: left / size };
  }
  const { count } = options;
  if (!Number.isSafeInteger(count) || count < 0)
    fail('count-limit', `${count} is not a number of elements`, { offset, found: String(count) });
  const fit = size === 0 ? MAX_EMPTY_ELEMENTS : Math.floor(left / size);
  if (count > fit) {
    if (size === 0)
      fail('count-limit', `${count} elements that take no bytes are too many`, {
        offset,
        expected: `at most ${MAX_EMPTY_ELEMENTS}`,
        found: String(count),
      });
    fail('truncated', `${count} elements need ${count * size} bytes, but only ${left} are left`, {
      path: [fit],
      offset: offset + fit * size,
      length: left - fit * size,
      expected: `${size} bytes`,
      found: `the input ends at ${hexOffset(view.byteLength)}`,
      input: view,
    });
  }
  return { view, plan, size, offset, count };
}

// --- walking over data -------------------------------------------------------------------------------------

/** The input, and what references may need besides. */
export interface Source {
  readonly view: DataView;
  readonly options: DecodeOptions;
}

/** A path, from the inside out; only followed when there is an error to tell. */
export interface Step {
  readonly up: Step | undefined;
  readonly key: string | number;
}
export function pathOf(step: Step | undefined): (string | number)[] {
  const path: (string | number)[] = [];
  for (let at = step; at !== undefined; at = at.up) path.push(at.key);
  return path.reverse();
}

/** A struct in data: where its parts are, as far as somebody asked. References are looked up in it. */
export class Frame {
  readonly plan: StructPlan;
  readonly source: Source;
  readonly at: number;
  /** Where the bytes for it end: the input, or the enclosing block. */
  readonly end: number;
  /** The enclosing struct. */
  readonly up: Frame | undefined;
  readonly step: Step | undefined;
  /** Of each segment, as far as known: where it begins, its variable part (if that is there), and where it ends. */
  private readonly starts: number[] = [];
  private readonly variables: (number | undefined)[] = [];
  private readonly ends: number[] = [];

  constructor(
    plan: StructPlan,
    source: Source,
    at: number,
    end: number,
    up: Frame | undefined,
    step: Step | undefined,
  ) {
    this.plan = plan;
    this.source = source;
    this.at = at;
    this.end = end;
    this.up = up;
    this.step = step;
  }

  /** Forgets what was found, also of the enclosing structs: a field was changed that may decide it. */
  forget(): void {
    this.starts.length = 0;
    this.variables.length = 0;
    this.ends.length = 0;
    this.up?.forget();
  }

  /** Where a segment begins. All of its bytes are there. */
  start(index: number): number {
    const known = this.starts[index];
    if (known !== undefined) return known;
    const segment = this.plan.segments[index];
    const before = index === 0 ? this.at : this.segmentEnd(index - 1);
    const start = alignFrom(this.at, before, segment?.align ?? 1);
    need(this, start, segment?.size ?? 0);
    this.starts[index] = start;
    return start;
  }

  /** Where the variable part of a segment begins; undefined if it is not there. */
  variable(index: number): number | undefined {
    if (index < this.variables.length) return this.variables[index];
    const after = this.start(index) + (this.plan.segments[index]?.size ?? 0);
    const field = this.plan.segments[index]?.variable;
    const there = field !== undefined && (field.when === undefined || holds(field.when, this));
    const at = there ? alignFrom(this.at, after, field.plan.align) : undefined;
    this.variables[index] = at;
    return at;
  }

  private segmentEnd(index: number): number {
    const known = this.ends[index];
    if (known !== undefined) return known;
    const segment = this.plan.segments[index];
    const at = this.variable(index);
    const end =
      at === undefined || segment?.variable === undefined
        ? this.start(index) + (segment?.size ?? 0)
        : at +
          measure(
            segment.variable.plan,
            this.source,
            at,
            this.end,
            this,
            stepOf(this.step, segment.variable),
          );
    this.ends[index] = end;
    return end;
  }

  /** The bytes that the struct takes. */
  size(): number {
    const last = this.plan.segments.length - 1;
    return last < 0 ? 0 : this.segmentEnd(last) - this.at;
  }

  /** The fields as a scope that references are looked up in: each is read when it is asked for. */
  scope(): Record<string, unknown> {
    const scope: Record<string, unknown> = {};
    for (const key of this.plan.keys)
      Object.defineProperty(scope, key, {
        get: () => {
          const found = this.locate(key);
          return found === undefined
            ? undefined
            : new Reader(this.source.view, this.source.options, false).root(found.field.plan, found.at);
        },
      });
    return scope;
  }

  /** Where a field of the value is; undefined if it is not there, or is within a tagged union. */
  locate(key: string): { readonly field: FieldPlan; readonly at: number } | undefined {
    for (const [index, segment] of this.plan.segments.entries()) {
      for (const item of segment.items)
        if (item.item === 'field' && has(item, key))
          return inside(item, key, this, this.start(index) + item.offset);
      const { variable } = segment;
      if (variable === undefined || !has(variable, key)) continue;
      const at = this.variable(index);
      return at === undefined ? undefined : inside(variable, key, this, at);
    }
    return undefined;
  }
}

/** The path of a field; an anonymous one has that of its struct. */
function stepOf(step: Step | undefined, field: FieldPlan): Step | undefined {
  return field.inline ? step : { up: step, key: field.key };
}
/** The struct whose value a frame's fields are in: of an anonymous struct, the enclosing one. */
function valueFrame(frame: Frame | undefined): Frame | undefined {
  let at = frame;
  while (at?.plan.shares) at = at.up;
  return at;
}
/** The structs around something, from the outermost in, as the reader counts them. */
export function framesAround(frame: Frame | undefined): Frame[] {
  const frames: Frame[] = [];
  for (let at = valueFrame(frame); at !== undefined; at = valueFrame(at.up)) frames.push(at);
  return frames.reverse();
}

/** Whether it is the field of that name, or an anonymous member that has it. */
function has(field: FieldPlan, key: string): boolean {
  const { plan } = field;
  if (!field.inline) return field.key === key;
  return (plan.kind === 'struct' || plan.kind === 'union' || plan.kind === 'tagged') && plan.keys.has(key);
}

/** Goes through anonymous members to the field itself. */
function inside(field: FieldPlan, key: string, frame: Frame, at: number): ReturnType<Frame['locate']> {
  const { plan } = field;
  if (!field.inline) return { field, at };
  if (plan.kind === 'struct')
    return new Frame(plan, frame.source, at, frame.end, frame, frame.step).locate(key);
  const members =
    plan.kind === 'union' ? plan.members : plan.kind === 'tagged' ? armOf(plan, frame, frame.source) : [];
  const member = members.find((candidate) => has(candidate, key));
  return member === undefined ? undefined : inside(member, key, frame, at + member.offset);
}

/** The member that the tag tells, if there is one. */
export function armOf(
  plan: PlanOf<'tagged'>,
  frame: Frame | undefined,
  source: Source,
): readonly FieldPlan[] {
  const tag = refIn(plan.by, frame, source);
  const arm = tag === undefined ? undefined : plan.arms.get(tag.toString());
  return arm === undefined ? [] : [arm];
}

/** The value of a reference, as {@link resolveRef} finds it in values that are decoded. */
function refIn(ref: PlanRef, frame: Frame | undefined, source: Source): number | bigint | undefined {
  return resolveRef(ref, scopeOf(ref, frame, source));
}
function holds(condition: PlanCondition, frame: Frame): boolean {
  return conditionHolds(condition, scopeOf(condition.ref, frame, frame.source)) === true;
}

/** A scope that holds just what one reference asks for, read from the data. */
function scopeOf(ref: PlanRef, frame: Frame | undefined, source: Source): Scope {
  let owner = valueFrame(frame);
  for (let up = ref.up; up > 0; up--) owner = valueFrame(owner?.up);
  // The fields on the way to the value. Through a pointer, resolveRef goes on by itself.
  const depth = ref.through === undefined ? ref.path.length : 1;
  const value: Record<string, unknown> = {};
  const [first] = ref.path;
  if (ref.up >= 0 && owner !== undefined && first !== undefined)
    value[first] = scalarIn(owner, ref.path.slice(0, depth));
  return {
    // resolveRef counts from the innermost struct outward.
    scopes: Array.from({ length: ref.up + 1 }, () => value),
    params: source.options.params,
    memory: source.options.memory,
    readTarget: (plan, bytes) => new Reader(dataView(bytes), {}, false).root(plan, 0),
  };
}

/** The integer at a path below a struct, in objects for the rest of the path. */
function scalarIn(frame: Frame, path: readonly string[]): unknown {
  const [first, ...others] = path;
  const found = first === undefined ? undefined : frame.locate(first);
  if (found === undefined) return undefined;
  return below(found.field.plan, frame, found.at, others);
}
function below(plan: Plan, frame: Frame, at: number, path: readonly string[]): unknown {
  if (plan.kind === 'int' || plan.kind === 'bits') {
    if (path.length > 0) return undefined;
    need(frame, at, plan.size);
    // What is not exact as a number is read as what it is, as the careful reader does.
    return scalarReader(plan.kind === 'int' && plan.size === 8 ? { ...plan, as: 'bigint' } : plan)(
      frame.source.view,
      at,
    );
  }
  if (plan.kind === 'block') return below(plan.type, frame, at, path);
  if (plan.kind === 'versioned') {
    const chosen = caseOf(plan, frame, frame.source);
    return chosen === undefined ? undefined : below(chosen, frame, at, path);
  }
  const [first] = path;
  if (first === undefined) return undefined;
  const nested =
    plan.kind === 'struct'
      ? scalarIn(new Frame(plan, frame.source, at, frame.end, frame, frame.step), path)
      : plan.kind === 'union' || plan.kind === 'tagged'
        ? inMembers(plan, frame, at, path)
        : undefined;
  return nested === undefined ? undefined : { [first]: nested };
}
function inMembers(
  plan: PlanOf<'union'> | PlanOf<'tagged'>,
  frame: Frame,
  at: number,
  path: readonly string[],
): unknown {
  const [first, ...others] = path;
  const members = plan.kind === 'union' ? plan.members : armOf(plan, frame, frame.source);
  const member = members.find((candidate) => first !== undefined && has(candidate, first));
  if (member === undefined || first === undefined) return undefined;
  const found = inside(member, first, frame, at + member.offset);
  return found === undefined ? undefined : below(found.field.plan, frame, found.at, others);
}
function caseOf(plan: PlanOf<'versioned'>, frame: Frame | undefined, source: Source): Plan | undefined {
  const tag = refIn(plan.by, frame, source);
  return tag === undefined ? undefined : plan.cases.get(tag.toString());
}

function need(frame: Frame, at: number, size: number): void {
  needBytes(frame.source, at, size, frame.end, frame.step);
}
/** Fails if there are not so many bytes before the end. */
export function needBytes(
  source: Source,
  at: number,
  size: number,
  end: number,
  step: Step | undefined,
): void {
  if (at + size <= end) return;
  const left = Math.max(0, end - at);
  fail('truncated', `needs ${size} bytes, but only ${left} are left`, {
    path: pathOf(step),
    offset: at,
    length: left,
    expected: `${size} bytes`,
    found: `the ${end < source.view.byteLength ? 'block' : 'input'} ends at ${hexOffset(end)}`,
    input: source.view,
  });
}

/** Where a value is: in which input, from where to at most where, in which struct, under which path. */
type Where = [source: Source, at: number, end: number, frame: Frame | undefined, step: Step | undefined];
type Measure<K extends PlanKind> = (plan: PlanOf<K>, ...where: Where) => number;

/** The bytes that a value in the data takes; all of them are there. */
const measure: Measure<PlanKind> = (plan, source, at, end, frame, step) => {
  if (plan.size !== undefined) {
    needBytes(source, at, plan.size, end, step);
    return plan.size;
  }
  return (measures[plan.kind] as Measure<PlanKind>)(plan, source, at, end, frame, step);
};

const told = (plan: PlanOf<'chars' | 'bytes' | 'block'>, ...where: Where): number =>
  countIn(plan.length, 1, ...where);
/** Kinds whose size is always known never get here. */
const known = (plan: PlanOf<'int' | 'bits' | 'union' | 'tagged'>): number => plan.size;

const measures: { [K in PlanKind]: Measure<K> } = {
  int: known,
  bits: known,
  union: known,
  tagged: known,
  chars: told,
  bytes: told,
  block: told,
  array: (plan, source, at, end, frame, step) => {
    const elements = new Positions(plan, source, at, end, frame, step);
    return elements.size();
  },
  struct: (plan, source, at, end, frame, step) => new Frame(plan, source, at, end, frame, step).size(),
  versioned: (plan, source, at, end, frame, step) =>
    measure(chosenCase(plan, source, at, frame, step), source, at, end, frame, step),
  foreign: (plan, source, at, end, _, step) => {
    needBytes(source, at, plan.minSize, end, step);
    const { size } = decodeForeign(plan, source.view, at, end, false, { path: pathOf(step) });
    needBytes(source, at, size, end, step);
    return size;
  },
};

/** The version that the data asks for. */
export function chosenCase(
  plan: PlanOf<'versioned'>,
  source: Source,
  at: number,
  frame: Frame | undefined,
  step: Step | undefined,
): Plan {
  const chosen = caseOf(plan, frame, source);
  if (chosen !== undefined) return chosen;
  const tag = refIn(plan.by, frame, source);
  const details = { path: pathOf(step), offset: at, input: source.view };
  if (tag === undefined)
    fail('reference-missing', `the version ${plan.by.text} of ${plan.name} is not known`, details);
  fail('version-unknown', `${plan.name} has no version ${tag}`, {
    ...details,
    expected: `${plan.by.text} to be ${[...plan.cases.keys()].join(', ')}`,
    found: tag.toString(),
  });
}

/** How many elements (or bytes) there are, checked against the bytes that are left. */
export function countIn(
  length: PlanLength,
  minSize: number,
  source: Source,
  at: number,
  end: number,
  frame: Frame | undefined,
  step: Step | undefined,
): number {
  const left = Math.max(0, end - at);
  if (length.length === 'rest') return left;
  const details = { path: pathOf(step), offset: at, input: source.view };
  let count: number;
  if (length.length === 'fixed') count = length.count;
  else {
    const found = refIn(length.ref, frame, source);
    if (found === undefined) fail('reference-missing', `the length ${length.ref.text} is not known`, details);
    count = Number(found);
    if (count < 0)
      fail('count-limit', `the length ${length.ref.text} is negative`, { ...details, found: `${found}` });
  }
  if (minSize === 0 ? count <= Math.max(left, MAX_EMPTY_ELEMENTS) : count * minSize <= left) return count;
  const fit = minSize === 0 ? 0 : Math.floor(left / minSize);
  return fail(
    length.length === 'fixed' ? 'truncated' : 'count-limit',
    `${length.length === 'fixed' ? 'the array has' : `${length.ref.text} says`} ${count} elements, but only ${fit} can be there`,
    {
      ...details,
      length: left,
      expected: minSize === 0 ? `at most ${MAX_EMPTY_ELEMENTS} elements` : `${count} × ${minSize} bytes`,
      found: `${left} bytes`,
    },
  );
}

/** Where the elements of an array are. Those of variable size are found by walking, and remembered. */
export class Positions {
  readonly plan: PlanOf<'array'>;
  readonly source: Source;
  readonly at: number;
  readonly end: number;
  readonly frame: Frame | undefined;
  readonly step: Step | undefined;
  /** How many; undefined while they fill the rest and have not been walked over. */
  private count: number | undefined;
  /** Where the elements begin, as far as known, and where the last of those ends. */
  private readonly starts: number[] = [];
  private position: number;

  constructor(
    plan: PlanOf<'array'>,
    source: Source,
    at: number,
    end: number,
    frame: Frame | undefined,
    step: Step | undefined,
  ) {
    this.plan = plan;
    this.source = source;
    this.at = at;
    this.end = end;
    this.frame = frame;
    this.step = step;
    this.position = at;
    const { element, length } = plan;
    if (length.length !== 'rest') {
      this.count = countIn(length, element.minSize, source, at, end, frame, step);
      if (element.size !== undefined) this.position = at + this.count * element.size;
    } else if (element.size !== undefined) {
      const left = Math.max(0, end - at);
      if (left > 0 && element.size === 0) this.empty();
      this.count = element.size === 0 ? 0 : Math.floor(left / element.size);
      this.position = at + this.count * element.size;
      if (this.position < end) needBytes(source, this.position, element.size, end, this.stepTo(this.count));
    }
  }

  private empty(): never {
    fail('count-limit', 'elements that take no bytes cannot fill the rest', {
      path: pathOf(this.step),
      offset: this.position,
      input: this.source.view,
    });
  }
  stepTo(index: number): Step {
    return { up: this.step, key: index };
  }

  length(): number {
    if (this.count === undefined) {
      while (this.position < this.end) this.walk();
      this.count = this.starts.length;
    }
    return this.count;
  }
  size(): number {
    const length = this.length();
    if (this.plan.element.size === undefined) while (this.starts.length < length) this.walk();
    return this.position - this.at;
  }
  /** Where an element begins; it has to be one that is there. */
  start(index: number): number {
    const { size } = this.plan.element;
    if (size !== undefined) return this.at + index * size;
    while (this.starts.length <= index) this.walk();
    return this.starts[index] ?? this.at;
  }
  private walk(): void {
    const at = this.position;
    const index = this.starts.length;
    const size = measure(this.plan.element, this.source, at, this.end, this.frame, this.stepTo(index));
    if (size === 0 && this.count === undefined) this.empty();
    this.starts.push(at);
    this.position = at + size;
  }
}
