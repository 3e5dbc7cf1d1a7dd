/**
 * The tree that every presenter works on: the value as its format presents it, and for each part of it where
 * it lies in the bytes. Nodes are made when they are asked for.
 */
import { typeText, valueText } from '../codec/describe.js';
import { CarryoverError, parsePath, pathText } from '../codec/error.js';
import { hexText } from '../codec/json.js';
import type { Plan } from '../codec/plan.js';
import { suggest } from '../codec/suggest.js';
import type { PathPart } from '../formats/format.js';
import type { WireNode } from './wire.js';

/**
 * `field`: a part of the value. `padding`, `reserved`, `tail`: bits that no value tells, between fields,
 * declared as reserved, or after what a field uses. `unknown`: bytes after the point where decoding stopped.
 */
export type NodeKind = 'field' | 'padding' | 'reserved' | 'tail' | 'unknown';

export interface Node {
  /** Where it is in the presented value. */
  readonly path: readonly PathPart[];
  readonly kind: NodeKind;
  /** The C type; empty for what is only presented so, and for bits that no value tells. */
  readonly type: string;
  /** The presented value; of bits that no value tells their bytes, or undefined if all are zero. */
  readonly value: unknown;
  /** In bytes from the start of the input; undefined for what is put together from several places. */
  readonly offset: number | undefined;
  /** Bytes; undefined where `offset` is. */
  readonly size: number | undefined;
  /** The first bit and their number, where it does not take whole bytes. In the bit order of the ABI. */
  readonly bits: { readonly first: number; readonly count: number } | undefined;
  /** The value in one line for people, with names of enum members and flags; empty for structs. */
  readonly text: string;
  /** The number of children, known without making them. */
  readonly count: number;
  /** Whether the children are elements of an array. */
  readonly isArray: boolean;
  /** Whether its line says all that people want to see of it. */
  readonly isClosed?: boolean;
  /** Where it lies in the bytes, for those who need the plan. */
  readonly wire: WireNode | undefined;
  child(index: number): Node | undefined;
  children(): Generator<Node>;
}

/** What the nodes of one input share. */
export interface TreeSource {
  readonly bytes: Uint8Array;
  readonly root: WireNode | undefined;
  readonly presented: unknown;
  readonly understood: number;
  wirePath(path: readonly PathPart[]): readonly PathPart[] | undefined;
  line?(
    value: unknown,
    path: readonly PathPart[],
  ): { readonly text: string; readonly open: boolean } | undefined;
}

/** The tree's root. */
export function treeOf(source: TreeSource): Node {
  return new ValueNode(source, [], source.presented, source.root, source.root?.path.length === 0);
}

/** The wire node at a wire path. */
export function locate(root: WireNode | undefined, path: readonly PathPart[]): WireNode | undefined {
  let node = root;
  for (const part of path) node = node?.part(part);
  return node;
}

/** How many scalars an array may have to be written in one line. */
const INLINE = 8;

class ValueNode implements Node {
  readonly kind = 'field';
  readonly path: readonly PathPart[];
  readonly value: unknown;
  readonly wire: WireNode | undefined;
  private readonly source: TreeSource;
  private readonly isRoot: boolean;
  private made: readonly Node[] | undefined;

  constructor(
    source: TreeSource,
    path: readonly PathPart[],
    value: unknown,
    wire: WireNode | undefined,
    isRoot = false,
  ) {
    this.source = source;
    this.path = path;
    this.value = value;
    this.wire = wire;
    this.isRoot = isRoot;
  }

  get type(): string {
    const { plan } = this.wire ?? {};
    return plan === undefined ? '' : typeText(plan.schema);
  }
  get offset(): number | undefined {
    return this.wire?.offset;
  }
  get size(): number | undefined {
    return this.wire?.size;
  }
  get bits(): { readonly first: number; readonly count: number } | undefined {
    return this.wire?.bits;
  }
  get isArray(): boolean {
    return Array.isArray(this.value);
  }
  get text(): string {
    const { plan } = this.wire ?? {};
    if (Array.isArray(this.value)) return arrayText(plan, this.value);
    if (isAggregate(this.value)) return this.source.line?.(this.value, this.path)?.text ?? '';
    return plan === undefined ? plainText(this.value) : scalarText(plan, this.value);
  }
  get count(): number {
    return Array.isArray(this.value) ? this.value.length : this.list().length;
  }
  get isClosed(): boolean {
    return isAggregate(this.value) && this.source.line?.(this.value, this.path)?.open === false;
  }
  child(index: number): Node | undefined {
    if (!Array.isArray(this.value)) return this.list()[index];
    return index >= 0 && index < this.value.length ? this.at(index, this.value[index]) : undefined;
  }
  *children(): Generator<Node> {
    if (!Array.isArray(this.value)) yield* this.list();
    else for (let i = 0; i < this.value.length; i++) yield this.at(i, this.value[i]);
  }

  private at(part: PathPart, value: unknown): Node {
    const path = [...this.path, part];
    const wirePath = this.source.wirePath(path);
    const wire = wirePath === undefined ? undefined : this.locate(wirePath);
    return new ValueNode(this.source, path, value, wire);
  }
  /** From here where that is possible: the way from the root is long, and makes elements anew. */
  private locate(path: readonly PathPart[]): WireNode | undefined {
    const from = this.wire?.path;
    return from?.every((part, i) => part === path[i])
      ? locate(this.wire, path.slice(from.length))
      : locate(this.source.root, path);
  }

  /** The fields in their presented order, and between them the bits of their struct that no field tells. */
  private list(): readonly Node[] {
    this.made ??= this.makeList();
    return this.made;
  }
  private makeList(): readonly Node[] {
    const nodes: Node[] = [];
    if (isAggregate(this.value))
      for (const [key, value] of Object.entries(this.value)) nodes.push(this.at(key, value));
    const own = new Set<WireNode>(this.wire?.flat() ?? []);
    for (const part of own) {
      if (part.kind === 'field') continue;
      const gap = new GapNode(this.path, part);
      const next = nodes.findIndex(
        (node) =>
          node.wire !== undefined && own.has(node.wire) && node.wire.offset >= part.offset + part.size,
      );
      const last = nodes.reduce(
        (at, node, i) => (node.wire !== undefined && own.has(node.wire) ? i : at),
        -1,
      );
      nodes.splice(next >= 0 ? next : last + 1, 0, gap);
    }
    const { bytes, understood } = this.source;
    if (this.isRoot && understood < bytes.length) nodes.push(new RestNode(bytes, understood));
    return nodes;
  }
}

class GapNode implements Node {
  readonly kind: NodeKind;
  readonly path: readonly PathPart[];
  readonly type = '';
  readonly wire: WireNode;
  readonly count = 0;
  readonly isArray = false;

  constructor(owner: readonly PathPart[], wire: WireNode) {
    this.wire = wire;
    this.kind = wire.kind;
    const key = wire.path[wire.path.length - 1];
    this.path = wire.kind === 'tail' || key === undefined ? owner : [...owner, key];
  }
  get value(): unknown {
    return this.wire.value;
  }
  get offset(): number {
    return this.wire.offset;
  }
  get size(): number {
    return this.wire.size;
  }
  get bits(): { readonly first: number; readonly count: number } | undefined {
    return this.wire.bits;
  }
  get text(): string {
    return gapText(this.wire);
  }
  child(): undefined {
    return undefined;
  }
  *children(): Generator<Node> {
    // There is nothing in it.
  }
}

class RestNode implements Node {
  readonly kind = 'unknown';
  readonly path: readonly PathPart[] = [];
  readonly type = '';
  readonly bits = undefined;
  readonly wire = undefined;
  readonly count = 0;
  readonly isArray = false;
  readonly value: Uint8Array;
  readonly offset: number;
  readonly size: number;

  constructor(bytes: Uint8Array, from: number) {
    this.offset = from;
    this.size = bytes.length - from;
    this.value = bytes.subarray(from);
  }
  get text(): string {
    return bytesText(this.value);
  }
  child(): undefined {
    return undefined;
  }
  *children(): Generator<Node> {
    // Nothing is known about it.
  }
}

/** What a gap or tail holds, in one line. */
export function gapText(wire: WireNode): string {
  const { bits, size, value } = wire;
  const amount = bits === undefined ? plural(size, 'byte') : plural(bits.count, 'bit');
  if (!(value instanceof Uint8Array)) return `${amount}, zero`;
  if (value.length <= SHOWN) return `${amount}: ${hexText(value)}`;
  const first = value.findIndex((byte) => byte !== 0);
  return `${amount}, not zero: ${bytesText(value.subarray(first))} from 0x${(wire.offset + first).toString(16)} on`;
}

/** The node at a path, `flows[0].side[1].oport`. @throws `path-unknown` with what was probably meant. */
export function nodeAt(root: Node, path: string): Node {
  let node = root;
  const parts = parsePath(path);
  for (const [i, part] of parts.entries()) {
    const next: Node | undefined =
      typeof part === 'number'
        ? node.isArray
          ? node.child(part)
          : undefined
        : named(node).find((child) => child.path[child.path.length - 1] === part);
    if (next === undefined) throw nothingAt(node, part, parts.slice(0, i));
    node = next;
  }
  return node;
}

/** The children that a path can name: what a text does not use lies at the text's own path. */
function named(node: Node): readonly Node[] {
  return [...node.children()].filter((child) => child.kind !== 'tail' && child.kind !== 'unknown');
}

function nothingAt(node: Node, part: PathPart, before: readonly PathPart[]): CarryoverError {
  const where = before.length === 0 ? 'the value' : pathText(before);
  if (node.isArray)
    return new CarryoverError(
      'path-unknown',
      typeof part === 'number'
        ? `${where} has ${plural(node.count, 'element')}, so none is number ${part}`
        : `${where} is an array: ${where}[0]${part === '' ? '' : `.${part}`} is in its first element`,
    );
  if (typeof part === 'number' || named(node).length === 0)
    return new CarryoverError('path-unknown', `${where} has nothing inside, so no ${pathText([part])}`);
  const names = named(node).map((child) => String(child.path[child.path.length - 1] ?? ''));
  const near = suggest(part, names);
  return new CarryoverError(
    'path-unknown',
    `${where} has no ${part}${near === undefined ? '' : `; did you mean ${pathText([...before, near])}?`}`,
    { expected: `one of ${names.slice(0, 16).join(', ')}${names.length > 16 ? ', …' : ''}` },
  );
}

function isAggregate(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !Array.isArray(value)
  );
}

function arrayText(plan: Plan | undefined, values: readonly unknown[]): string {
  if (values.length === 0) return '[]';
  const element = plan?.kind === 'array' ? plan.element : undefined;
  const inline =
    values.length <= INLINE && values.every((value) => !isAggregate(value) && !Array.isArray(value));
  if (!inline) return countText(values.length);
  const texts = values.map((value) =>
    element === undefined ? plainText(value) : scalarText(element, value),
  );
  const text = `[${texts.join(', ')}]`;
  return text.length <= 100 ? text : countText(values.length);
}

/** Whether an array is told in full by its text, so that its elements need no lines of their own. */
export function isInline(node: Node): boolean {
  return node.isArray && node.text !== countText(node.count);
}
function countText(count: number): string {
  return `(${count})`;
}

/** The value of a part of the bytes' own tree, in one line. */
export function leafText(node: WireNode): string {
  const { plan, value } = node;
  if (Array.isArray(value)) return arrayText(plan, value);
  return plan === undefined ? plainText(value) : scalarText(plan, value);
}

function scalarText(plan: Plan, value: unknown): string {
  if (value === undefined) return 'missing';
  if (value instanceof Uint8Array && (plan.kind !== 'bytes' || plan.text === undefined))
    return bytesText(value);
  return valueText(plan, value);
}
function plainText(value: unknown): string {
  if (value instanceof Uint8Array) return bytesText(value);
  if (typeof value === 'string') return JSON.stringify(value);
  return value === undefined ? 'missing' : String(value);
}

/** Bytes in one line: all of them, or the first and how many there are. */
export function bytesText(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'none';
  if (bytes.length <= SHOWN) return `${hexText(bytes)}${readable(bytes)}`;
  if (allEqual(bytes)) {
    const one = bytes.subarray(0, 1);
    return `${hexText(one)} × ${bytes.length}${readable(one)}`;
  }
  const shown = bytes.subarray(0, SHOWN);
  return `${hexText(shown)}… (${bytes.length} bytes)${readable(shown)}`;
}
function allEqual(bytes: Uint8Array): boolean {
  const [first] = bytes;
  // A loop: a queue of 64 MiB takes seconds with a call for each byte.
  for (let i = 1; i < bytes.length; i++) if (bytes[i] !== first) return false;
  return true;
}
/** The bytes as characters as well, as a hexdump has them, where most of them are some. */
function readable(bytes: Uint8Array): string {
  let text = '';
  let printable = 0;
  for (const byte of bytes) {
    const isPrintable = byte >= 0x20 && byte < 0x7f;
    if (isPrintable) printable++;
    text += isPrintable ? String.fromCharCode(byte) : '.';
  }
  return 2 * printable > bytes.length ? ` |${text}|` : '';
}
/** Bytes of a longer run that are shown. */
const SHOWN = 16;

/** `1 byte`, `2 bytes`. */
export function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : what.endsWith('s') ? 'es' : 's'}`;
}
