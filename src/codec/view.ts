/**
 * Views: values that are read in place, when asked for. A getter costs what the raw read costs, nothing is
 * built that nobody looks at, and no text is compiled: each plan has a class whose getters are closures.
 *
 * Everything at a constant offset is checked once, when the view is made. What lies behind a part of variable
 * size is found on first use and remembered.
 */
import { type BytesLike, byteArray, dataView } from './bytes.js';
import { failUnsafe, leavesOf } from './columns.js';
import type { DecodeOptions } from './decode.js';
import { fail } from './error.js';
import { decodeForeign } from './foreign.js';
import { type ScalarPlan, scalarReader, scalarWriter, type WriteScalar } from './integers.js';
import type { FieldPlan, Plan, PlanKind, PlanOf, StructPlan, TaggedPlan, UnionPlan } from './plan.js';
import { planOf } from './plan.js';
import { Reader } from './read.js';
import type { Fields, Schema, ValueOf } from './schema.js';
import {
  abiFor,
  armOf,
  checkOffset,
  chosenCase,
  countIn,
  type ElementsOptions,
  elementsIn,
  Frame,
  framesAround,
  needBytes,
  Positions,
  pathOf,
  type SizeOptions,
  type Source,
  type Step,
} from './size.js';
import { definedMask } from './slack.js';
import { readText } from './text.js';
import { Writer } from './write.js';

// --- types -------------------------------------------------------------------------------------------------

type Simplify<T> = { [K in keyof T]: T[K] } & {};
type Intersect<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;

/** A schema without the wrappers that do not change what a view of it is. */
type Bare<S> = S extends {
  kind: 'attributed' | 'magic' | 'derived' | 'negotiated' | 'block';
  type: infer T;
}
  ? Bare<T>
  : S;
type Settable = { kind: 'int' | 'enum' | 'flags' | 'pointer' | 'bits' };

type AnonymousKeys<F> = { [K in keyof F]: Bare<F[K]> extends { kind: 'anonymous' } ? K : never }[keyof F];
type HiddenKeys<F> = { [K in keyof F]: Bare<F[K]> extends { hidden: true } ? K : never }[keyof F];
type SettableKeys<F> = { [K in keyof F]: Bare<F[K]> extends Settable ? K : never }[keyof F];
type ReadonlyKeys<F> = Exclude<keyof F, AnonymousKeys<F> | HiddenKeys<F> | SettableKeys<F>>;
type AnonymousViews<F, K extends keyof F> = [K] extends [never]
  ? unknown
  : Intersect<{ [P in K]: Bare<F[P]> extends { kind: 'anonymous'; type: infer T } ? ViewOf<T> : never }[K]>;

type FieldsView<F extends Fields> = string extends keyof F
  ? Record<string, unknown>
  : Simplify<
      { -readonly [K in SettableKeys<F>]: ValueOf<F[K]> } & {
        readonly [K in ReadonlyKeys<F>]: ViewOf<F[K]>;
      } & AnonymousViews<F, AnonymousKeys<F>>
    >;
type ArmsView<F extends Fields> = { readonly [K in keyof F]: ViewOf<F[K]> | undefined } & {
  readonly $raw: Uint8Array | undefined;
};

/**
 * What a view of the schema gives: an object with getters for a struct or union, a {@link ViewArray} for an
 * array, and the value itself for everything else. Integers and bit-fields of structs can be set.
 */
export type ViewOf<S> = Schema extends S
  ? unknown
  : Bare<S> extends infer B
    ? B extends { kind: 'struct' | 'union'; fields: infer F extends Fields }
      ? FieldsView<F>
      : B extends { kind: 'tagged'; fields: infer F extends Fields }
        ? ArmsView<F>
        : B extends { kind: 'array'; element: infer E extends Schema }
          ? ViewArray<E>
          : B extends { kind: 'versioned'; cases: infer C }
            ? ViewOf<C[keyof C]>
            : B extends { kind: 'optional'; type: infer T }
              ? ViewOf<T> | undefined
              : ValueOf<B>
    : never;

/** Elements that are read in place, when asked for. `E` is the schema of one. */
export interface ViewArray<E extends Schema> extends Iterable<ViewOf<E>> {
  readonly length: number;
  /** The element of that index. @throws `path-unknown` outside of the array. */
  at(index: number): ViewOf<E>;
  /**
   * A function that reads one integer of each element, `array.field('hdr.count')(index)`. For scans: it makes
   * no view of the element and costs the same however many schemas are in use.
   */
  field(path: string): (index: number) => number | bigint;
  /** The elements as decode gives them. */
  toArray(): ValueOf<E>[];
}

// --- entries -----------------------------------------------------------------------------------------------

/**
 * A lazy view of the value at an offset: each field is read from the bytes when it is asked for. Byte arrays
 * are windows onto the input, not copies. Magic numbers, derived fields and padding are not checked;
 * {@link toObject} does that.
 *
 * Integers and bit-fields can be set, which changes the bytes in place, range-checked. Where the length of
 * another part follows from the field, views of later parts that were taken before are out of date.
 *
 * @throws `truncated` if the part of fixed size is not all there; `abi-required`. Reading throws what decode
 * would throw for that field.
 * @example
 * view(struct('pair', { a: u8, b: be16 }, { packed: true }), Uint8Array.of(1, 0, 2)).b // => 2
 */
export function view<S extends Schema>(schema: S, bytes: BytesLike, options: SizeOptions = {}): ViewOf<S> {
  const data = dataView(bytes);
  const offset = checkOffset(data, options.offset);
  const plan = planOf(schema, abiFor(schema, data, offset, options.abi));
  const source = { view: data, options };
  needBytes(source, offset, plan.minSize, data.byteLength, undefined);
  // The view is made by the plan of S, which has the fields that ViewOf<S> describes.
  const root = new Root(source, plan, offset, data.byteLength);
  return access(plan)(root, offset, data.byteLength, undefined) as ViewOf<S>;
}

export interface ViewArrayOptions extends ElementsOptions, DecodeOptions {}

/**
 * Views of elements of a fixed size that follow each other, all that are there or so many.
 *
 * @throws `truncated` at the first element that is not there; `size-not-fixed`, `trailing-bytes`.
 * @example
 * viewArray(struct('p', { x: u8, y: u8 }), Uint8Array.of(1, 2, 3, 4)).at(1).y // => 4
 */
export function viewArray<E extends Schema>(
  schema: E,
  bytes: BytesLike,
  options: ViewArrayOptions = {},
): ViewArray<E> {
  const { view: data, plan, size, offset, count } = elementsIn(schema, bytes, options);
  const array: PlanOf<'array'> = {
    kind: 'array',
    element: plan,
    length: { length: 'fixed', count },
    size: size * count,
    minSize: size * count,
    align: plan.align,
    schema,
    slack: plan.slack,
  };
  const root = new Root({ view: data, options }, array, offset, data.byteLength);
  const made: unknown = new (arrayClass(plan))(data, offset, root, undefined, count, array);
  // Made by the plan of E, whose elements ViewOf<E> describes.
  return made as ViewArray<E>;
}

/**
 * What decode gives for what is viewed, slack included.
 *
 * @throws CarryoverError as decode does; the path begins at the value that the outermost view is of.
 * @example
 * toObject(view(struct('pair', { a: u8, b: u8 }), Uint8Array.of(1, 2))) // => { a: 1, b: 2 }
 */
export function toObject<V>(value: V): Decoded<V> {
  // Decoded<V> is unknown for everything but arrays of it.
  return (isNode(value) ? build(value) : value) as Decoded<V>;
}
type Decoded<V> = V extends ViewArray<infer E> ? ValueOf<E>[] : unknown;

// --- the objects -------------------------------------------------------------------------------------------

// What a view holds, under symbols, so that no C name can be in its way.
const DATA = Symbol('data');
const AT = Symbol('at');
const UP = Symbol('up');
const KEY = Symbol('key');
const PLAN = Symbol('plan');
const FRAME = Symbol('frame');

/** What the outermost view is in: what was asked for, of which a view may show only the content of a block. */
class Root {
  readonly source: Source;
  readonly plan: Plan;
  readonly at: number;
  readonly end: number;
  constructor(source: Source, plan: Plan, at: number, end: number) {
    this.source = source;
    this.plan = plan;
    this.at = at;
    this.end = end;
  }
}
/** A view of a struct, a union or an array. */
interface Node {
  readonly [DATA]: DataView;
  /** Where it begins in the input. */
  readonly [AT]: number;
  readonly [UP]: Node | Root;
  /** Its name or index in the enclosing view; an anonymous member and the outermost view have none. */
  readonly [KEY]: string | number | undefined;
  readonly [PLAN]: Plan;
  /** Of a struct of variable size. */
  readonly [FRAME]?: Frame;
}
type NodeClass = new (data: DataView, at: number, up: Node | Root, key: string | number | undefined) => Node;
type DynamicClass = new (
  data: DataView,
  at: number,
  up: Node | Root,
  key: string | number | undefined,
  frame: Frame,
) => Node;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && DATA in value;
}

function sourceOf(node: Node | Root): Source {
  let at = node;
  while (!(at instanceof Root)) at = at[UP];
  return at.source;
}
function stepOf(node: Node | Root): Step | undefined {
  if (node instanceof Root) return undefined;
  const up = stepOf(node[UP]);
  const key = node[KEY];
  return key === undefined ? up : { up, key };
}
function stepTo(node: Node | Root, key: string | number | undefined): Step | undefined {
  const up = stepOf(node);
  return key === undefined ? up : { up, key };
}
/** The struct that references inside of a view are looked up in. */
function frameOf(node: Node | Root): Frame | undefined {
  if (node instanceof Root) return undefined;
  const plan = node[PLAN];
  if (node[FRAME] !== undefined || plan.kind !== 'struct') return node[FRAME] ?? frameOf(node[UP]);
  const at = node[AT];
  return new Frame(plan, sourceOf(node), at, at + (plan.size ?? 0), frameOf(node[UP]), stepOf(node));
}

/**
 * Makes what a view of a plan gives, at an offset. `end` is where the bytes for it end; only what is of
 * variable size asks for it.
 */
type Access = (owner: Node | Root, at: number, end: number, key: string | number | undefined) => unknown;

const accesses = new WeakMap<Plan, Access>();
function access(plan: Plan): Access {
  let made = accesses.get(plan);
  if (made === undefined) {
    made = (accessors[plan.kind] as (plan: Plan) => Access)(plan);
    accesses.set(plan, made);
  }
  return made;
}

const scalar = (plan: ScalarPlan): Access => {
  const read = scalarReader(plan);
  return (owner, at, end, key) => {
    const source = sourceOf(owner);
    needBytes(source, at, plan.size, end, stepTo(owner, key));
    const value = read(source.view, at);
    return Number.isNaN(value) ? failUnsafe(source.view, at, plan, pathOf(stepTo(owner, key))) : value;
  };
};

const accessors: { [K in PlanKind]: (plan: PlanOf<K>) => Access } = {
  int: scalar,
  bits: scalar,
  chars: (plan) => (owner, at, end, key) => {
    const source = sourceOf(owner);
    const size = countIn(plan.length, 1, source, at, end, frameOf(owner), stepTo(owner, key));
    let to = at;
    while (to < at + size && source.view.getUint8(to) !== 0) to++;
    return readText(source.view, at, to);
  },
  bytes: (plan) => (owner, at, end, key) => {
    const source = sourceOf(owner);
    const size = countIn(plan.length, 1, source, at, end, frameOf(owner), stepTo(owner, key));
    return byteArray(source.view, at, at + size);
  },
  struct: (plan) => {
    if (plan.size !== undefined) return fixedAccess(plan);
    const Made = dynamicClass(plan);
    return (owner, at, end, key) => {
      const source = sourceOf(owner);
      const step = stepTo(owner, key);
      needBytes(source, at, plan.minSize, end, step);
      return new Made(source.view, at, owner, key, new Frame(plan, source, at, end, frameOf(owner), step));
    };
  },
  union: (plan) => fixedAccess(plan),
  tagged: (plan) => fixedAccess(plan),
  array: (plan) => {
    const { element, length } = plan;
    if (element.size === undefined)
      return (owner, at, end, key) =>
        new VariableArray(
          owner,
          key,
          new Positions(plan, sourceOf(owner), at, end, frameOf(owner), stepTo(owner, key)),
        );
    const Made = arrayClass(element);
    const { size } = element;
    return (owner, at, end, key) => {
      const source = sourceOf(owner);
      if (length.length === 'fixed') {
        needBytes(source, at, length.count * size, end, stepTo(owner, key));
        return new Made(source.view, at, owner, key, length.count, plan);
      }
      const positions = new Positions(plan, source, at, end, frameOf(owner), stepTo(owner, key));
      return new Made(source.view, at, owner, key, positions.length(), plan);
    };
  },
  versioned: (plan) => (owner, at, end, key) =>
    access(chosenCase(plan, sourceOf(owner), at, frameOf(owner), stepTo(owner, key)))(owner, at, end, key),
  block: (plan) => (owner, at, end, key) => {
    const source = sourceOf(owner);
    const size = countIn(plan.length, 1, source, at, end, frameOf(owner), stepTo(owner, key));
    return access(plan.type)(owner, at, at + size, key);
  },
  foreign: (plan) => (owner, at, end, key) => {
    const source = sourceOf(owner);
    const step = stepTo(owner, key);
    needBytes(source, at, plan.minSize, end, step);
    const { value, size } = decodeForeign(plan, source.view, at, end, false, { path: pathOf(step) });
    needBytes(source, at, size, end, step);
    return value;
  },
};

/** A view of something of fixed size, whose bytes whoever asks has found to be there. */
function fixedAccess(plan: StructPlan | UnionPlan | TaggedPlan): Access {
  const Made = fixedClass(plan);
  return (owner, at, end, key) => {
    const source = sourceOf(owner);
    if (at + (plan.size ?? 0) > end) needBytes(source, at, plan.size ?? 0, end, stepTo(owner, key));
    return new Made(source.view, at, owner, key);
  };
}

// --- structs and unions ------------------------------------------------------------------------------------

const fixedClasses = new WeakMap<Plan, NodeClass>();
/** The class of views of a struct or union of fixed size. */
function fixedClass(plan: StructPlan | UnionPlan | TaggedPlan): NodeClass {
  const known = fixedClasses.get(plan);
  if (known !== undefined) return known;
  // A class of its own, not one derived from another: that would cost a second constructor call per view.
  const made = class implements Node {
    declare readonly [DATA]: DataView;
    declare readonly [AT]: number;
    declare readonly [UP]: Node | Root;
    declare readonly [KEY]: string | number | undefined;
    declare readonly [PLAN]: Plan;
    constructor(data: DataView, at: number, up: Node | Root, key: string | number | undefined) {
      this[DATA] = data;
      this[AT] = at;
      this[UP] = up;
      this[KEY] = key;
    }
  };
  fixedClasses.set(plan, made);
  name(made, plan);
  if (plan.kind === 'tagged') defineArms(made.prototype, plan);
  else
    for (const item of plan.kind === 'struct' ? (plan.segments[0]?.items ?? []) : plan.members)
      if (item.item === 'field') defineField(made.prototype, item, undefined);
  return made;
}

/** The class of views of a struct of variable size: they know where its parts are, as far as anybody asked. */
function dynamicClass(plan: StructPlan): DynamicClass {
  const made = class implements Node {
    declare readonly [DATA]: DataView;
    declare readonly [AT]: number;
    declare readonly [UP]: Node | Root;
    declare readonly [KEY]: string | number | undefined;
    declare readonly [PLAN]: Plan;
    declare readonly [FRAME]: Frame;
    constructor(data: DataView, at: number, up: Node | Root, key: string | number | undefined, frame: Frame) {
      this[DATA] = data;
      this[AT] = at;
      this[UP] = up;
      this[KEY] = key;
      this[FRAME] = frame;
    }
  };
  name(made, plan);
  for (const [index, segment] of plan.segments.entries()) {
    for (const item of segment.items)
      if (item.item === 'field')
        defineField(
          made.prototype,
          item,
          index === 0 ? undefined : (node) => (node[FRAME]?.start(index) ?? node[AT]) + item.offset,
        );
    if (segment.variable !== undefined)
      defineField(made.prototype, segment.variable, (node) => node[FRAME]?.variable(index));
  }
  return made;
}

/** For debuggers and stack traces: a view of struct foo is a foo. */
function name(made: { readonly prototype: object }, plan: StructPlan | UnionPlan | TaggedPlan): void {
  Object.defineProperty(made, 'name', { value: plan.name });
  Object.defineProperty(made.prototype, PLAN, { value: plan });
}

function define(
  prototype: object,
  key: string,
  get: (this: Node) => unknown,
  set?: (this: Node, value: unknown) => void,
): void {
  Object.defineProperty(prototype, key, { get, ...(set && { set }), enumerable: true, configurable: true });
}

/** Where a field is in a view: undefined stands for a constant offset, and the function may say "not there". */
type Place = ((node: Node) => number | undefined) | undefined;

function defineField(prototype: object, field: FieldPlan, place: Place): void {
  const { plan, key, offset } = field;
  if (field.inline) {
    defineInline(prototype, field, place);
    return;
  }
  const scalar = plan.kind === 'int' || plan.kind === 'bits';
  if (scalar && place === undefined) {
    defineScalar(prototype, key, plan, offset);
    return;
  }
  const made = access(plan);
  const whereIs = place ?? ((node) => node[AT] + offset);
  define(
    prototype,
    key,
    function () {
      const at = whereIs(this);
      return at === undefined ? undefined : made(this, at, endOf(this), key);
    },
    scalar ? setter(plan, key, whereIs) : undefined,
  );
}

/** The bulk of all getters: an integer at a constant offset. */
function defineScalar(prototype: object, key: string, plan: ScalarPlan, place: number): void {
  // A constant, not the parameter: V8 takes only the former into the code it makes.
  const offset = place;
  const read = scalarReader(plan);
  const set = setter(plan, key, (node) => node[AT] + offset);
  if (plan.kind === 'int' && plan.size === 8 && plan.as === 'number')
    define(
      prototype,
      key,
      function () {
        const value = read(this[DATA], this[AT] + offset);
        return Number.isNaN(value) ? unsafe(this, offset, plan, key) : value;
      },
      set,
    );
  else
    define(
      prototype,
      key,
      function () {
        return read(this[DATA], this[AT] + offset);
      },
      set,
    );
}
function unsafe(node: Node, offset: number, plan: ScalarPlan, key: string): never {
  return failUnsafe(node[DATA], node[AT] + offset, plan, pathOf(stepTo(node, key)));
}

/** The fields of an anonymous member, by way of a view of it. */
function defineInline(prototype: object, field: FieldPlan, place: Place): void {
  const { plan, offset } = field;
  if (plan.kind !== 'struct' && plan.kind !== 'union' && plan.kind !== 'tagged') return;
  const made = access(plan);
  const member = (node: Node): Record<string, unknown> | undefined => {
    const at = place === undefined ? node[AT] + offset : place(node);
    // The access of a struct or union gives a view of it, which has the plan's keys.
    return at === undefined ? undefined : (made(node, at, endOf(node), undefined) as Record<string, unknown>);
  };
  for (const key of plan.keys)
    define(
      prototype,
      key,
      function () {
        return member(this)?.[key];
      },
      function (value) {
        const target = member(this);
        if (target !== undefined) target[key] = value;
      },
    );
}

/** A union that a tag decides: the member told is there, the others are undefined. */
function defineArms(prototype: object, plan: TaggedPlan): void {
  const arm = (node: Node): FieldPlan | undefined => {
    const frame = frameOf(node[UP]);
    return armOf(plan, frame, sourceOf(node))[0];
  };
  for (const member of plan.members) {
    if (member.inline) continue;
    const made = access(member.plan);
    define(prototype, member.key, function () {
      const at = this[AT] + member.offset;
      return arm(this) === member ? made(this, at, this[AT] + plan.size, member.key) : undefined;
    });
  }
  define(prototype, '$raw', function () {
    return arm(this) === undefined ? byteArray(this[DATA], this[AT], this[AT] + plan.size) : undefined;
  });
}

/** Where the bytes for a struct or union end. */
function endOf(node: Node): number {
  if (node instanceof VariableArray) return node.positions.end;
  const plan = node[PLAN];
  // The length of an array is that of the view: its plan may leave it to the data.
  if (plan.kind === 'array' && 'length' in node)
    return node[AT] + Number(node.length) * (plan.element.size ?? 0);
  return node[FRAME]?.end ?? node[AT] + (plan.size ?? 0);
}

// --- setting -----------------------------------------------------------------------------------------------

/** Writes an integer where it is; the careful writer takes what is uncommon, and says what is wrong. */
function setter(
  plan: ScalarPlan,
  key: string,
  place: (node: Node) => number | undefined,
): (this: Node, value: unknown) => void {
  const write: WriteScalar = scalarWriter(plan);
  return function (value) {
    const at = place(this);
    if (at === undefined)
      fail('value-unknown', 'the field is not there', { path: pathOf(stepTo(this, key)) });
    if (!write(this[DATA], at, value)) writeCarefully(this[DATA], at, plan, value, stepTo(this, key));
    frameOf(this)?.forget();
  };
}
function writeCarefully(
  view: DataView,
  at: number,
  plan: ScalarPlan,
  value: unknown,
  step: Step | undefined,
): void {
  const writer = new Writer({}, 0);
  writer.path.push(...pathOf(step));
  const bytes = writer.root(plan, value);
  for (const [i, mask] of definedMask(plan, value).entries())
    view.setUint8(at + i, (view.getUint8(at + i) & ~mask) | ((bytes[i] ?? 0) & mask));
}

// --- arrays ------------------------------------------------------------------------------------------------

type ArrayClass = new (
  data: DataView,
  at: number,
  up: Node | Root,
  key: string | number | undefined,
  length: number,
  plan: PlanOf<'array'>,
) => Node;

const arrayClasses = new WeakMap<Plan, ArrayClass>();
/** The class of arrays of elements of one plan, of fixed size. */
function arrayClass(element: Plan): ArrayClass {
  const known = arrayClasses.get(element);
  if (known !== undefined) return known;
  const size = element.size ?? 0;
  const one =
    element.kind === 'struct' || element.kind === 'union' || element.kind === 'tagged'
      ? fixedClass(element)
      : undefined;
  const made = one === undefined ? valueArrayClass(element, size) : nodeArrayClass(element, one, size);
  arrayClasses.set(element, made);
  return made;
}

/**
 * Arrays of structs and unions. `at` has nothing to decide, so that a loop over it is about as fast as the reads
 * alone: a class of its own for each element, derived from no other, over constants. (Parameters in their place
 * and a base class cost V8 a half and the double of that loop.)
 */
function nodeArrayClass(plan: Plan, node: NodeClass, size: number): ArrayClass {
  const element = plan;
  const Element = node;
  const step = size;
  const made = class implements ArrayNode {
    declare readonly [DATA]: DataView;
    declare readonly [AT]: number;
    declare readonly [UP]: Node | Root;
    declare readonly [KEY]: string | number | undefined;
    declare readonly [PLAN]: PlanOf<'array'>;
    declare readonly length: number;
    constructor(...[data, at, up, key, length, plan]: ConstructorParameters<ArrayClass>) {
      this[DATA] = data;
      this[AT] = at;
      this[UP] = up;
      this[KEY] = key;
      this[PLAN] = plan;
      this.length = length;
    }
    at(index: number): unknown {
      return index >>> 0 === index && index < this.length
        ? new Element(this[DATA], this[AT] + index * step, this, index)
        : outside(index, this);
    }
    field(path: string): (index: number) => number | bigint {
      return fieldReader(element, path, this);
    }
    toArray(): unknown {
      return build(this);
    }
    [Symbol.iterator](): Iterator<unknown> {
      return iterate(this);
    }
  };
  return made;
}
/** Arrays of anything else that has a fixed size. */
function valueArrayClass(element: Plan, size: number): ArrayClass {
  const made = access(element);
  return class extends ValueArray {
    at(index: number): unknown {
      const at = this[AT] + index * size;
      return index >>> 0 === index && index < this.length
        ? made(this, at, at + size, index)
        : outside(index, this);
    }
    field(path: string): (index: number) => number | bigint {
      return fieldReader(element, path, this);
    }
  };
}

/** A view of an array. */
interface ArrayNode extends Node {
  readonly [PLAN]: PlanOf<'array'>;
  readonly length: number;
  at(index: number): unknown;
  field(path: string): (index: number) => number | bigint;
  toArray(): unknown;
  [Symbol.iterator](): Iterator<unknown>;
}

/** Not a generator: that costs three times as much per element. */
function iterate(array: ArrayNode): Iterator<unknown> {
  let index = 0;
  return {
    next: () =>
      index < array.length ? { done: false, value: array.at(index++) } : { done: true, value: undefined },
  };
}

abstract class ValueArray implements ArrayNode {
  readonly [DATA]: DataView;
  readonly [AT]: number;
  readonly [UP]: Node | Root;
  readonly [KEY]: string | number | undefined;
  readonly [PLAN]: PlanOf<'array'>;
  readonly length: number;
  constructor(...[data, at, up, key, length, plan]: ConstructorParameters<ArrayClass>) {
    this[DATA] = data;
    this[AT] = at;
    this[UP] = up;
    this[KEY] = key;
    this[PLAN] = plan;
    this.length = length;
  }
  abstract at(index: number): unknown;
  abstract field(path: string): (index: number) => number | bigint;
  toArray(): unknown {
    return build(this);
  }
  [Symbol.iterator](): Iterator<unknown> {
    return iterate(this);
  }
}

/** An array whose elements take as many bytes as each of them says: they are found by walking over them. */
class VariableArray implements ArrayNode {
  readonly [DATA]: DataView;
  readonly [AT]: number;
  readonly [UP]: Node | Root;
  readonly [KEY]: string | number | undefined;
  readonly [PLAN]: PlanOf<'array'>;
  readonly positions: Positions;
  constructor(up: Node | Root, key: string | number | undefined, positions: Positions) {
    this[DATA] = positions.source.view;
    this[AT] = positions.at;
    this[UP] = up;
    this[KEY] = key;
    this[PLAN] = positions.plan;
    this.positions = positions;
  }
  get length(): number {
    return this.positions.length();
  }
  at(index: number): unknown {
    if (index >>> 0 !== index || index >= this.length) return outside(index, this);
    const { positions } = this;
    return access(positions.plan.element)(this, positions.start(index), positions.end, index);
  }
  field(path: string): (index: number) => number | bigint {
    return failField(path, this);
  }
  toArray(): unknown {
    return build(this);
  }
  [Symbol.iterator](): Iterator<unknown> {
    return iterate(this);
  }
}

function outside(index: number, array: ArrayNode): never {
  fail('path-unknown', `there is no element ${index} in an array of ${array.length}`, {
    path: [...pathOf(stepOf(array)), index],
  });
}
function failField(path: string, array: Node): never {
  return fail('path-unknown', `the elements have no integer ${path} at a fixed place`, {
    path: pathOf(stepOf(array)),
  });
}

/** Reads one integer of each element, with nothing of the element's class in the way. */
function fieldReader(element: Plan, path: string, array: ArrayNode): (index: number) => number | bigint {
  const leaf = leavesOf(element).get(path);
  if (leaf === undefined) return failField(path, array);
  const { plan } = leaf;
  const { length } = array;
  const data = array[DATA];
  const first = array[AT] + leaf.offset;
  const step = element.size ?? 0;
  // What is common is read in line: a call through a variable would take longer than the read.
  if (plan.kind === 'int' && plan.size === 4 && !plan.signed && plan.little && plan.as === 'number')
    return (index) =>
      index >>> 0 === index && index < length
        ? data.getUint32(first + index * step, true)
        : outside(index, array);
  const read = scalarReader(plan);
  return (index) => {
    const at = first + index * step;
    const value = index >>> 0 === index && index < length ? read(data, at) : outside(index, array);
    return Number.isNaN(value)
      ? failUnsafe(data, at, plan, [...pathOf(stepTo(array, index)), ...leaf.path])
      : value;
  };
}

// --- to objects --------------------------------------------------------------------------------------------

/** Decodes what a view is of, with the structs around it at hand for what refers to them. */
function build(node: Node): unknown {
  const source = sourceOf(node);
  const reader = new Reader(source.view, source.options, true);
  reader.path.push(...pathOf(stepOf(node)));
  for (const frame of framesAround(frameOf(node[UP]))) {
    reader.scopes.push(frame.scope());
    reader.frames.push({ plan: frame.plan, depth: pathOf(frame.step).length, starts: [] });
  }
  const up = node[UP];
  if (up instanceof Root) return reader.root(up.plan, up.at);
  reader.end = endOf(node);
  return reader.root(node[PLAN], node[AT]);
}
