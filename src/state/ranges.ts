/** Every byte of an input in the order in which they lie, with what it is: what annotated dumps are made of. */
import type { PathPart } from '../formats/format.js';
import type { State } from './open.js';
import { gapText, leafText, type NodeKind, plural } from './tree.js';
import type { WireNode } from './wire.js';

export interface ByteRange {
  readonly kind: NodeKind;
  /** Where it is in the presented value; of padding, where its struct is. */
  readonly path: readonly PathPart[];
  readonly offset: number;
  /** Bytes that it touches. */
  readonly size: number;
  readonly bits: { readonly first: number; readonly count: number } | undefined;
  /** The value in one line. */
  readonly text: string;
}

/** Arrays of more scalars than this are one range. */
const APART = 16;

/** The ranges that touch the bytes from one offset to another. Made one by one, so that one may stop early. */
export function* byteRanges(state: State, from = 0, to = state.bytes.length): Generator<ByteRange> {
  const { root, understood } = state.wire;
  const present = (path: readonly PathPart[]): readonly PathPart[] =>
    state.format.presentPath(path, state.reading) ?? path;
  if (root !== undefined) yield* within(root, from, to, present);
  const { bytes } = state;
  if (understood < bytes.length && to > understood)
    yield {
      kind: 'unknown',
      path: [],
      offset: understood,
      size: bytes.length - understood,
      bits: undefined,
      text: plural(bytes.length - understood, 'byte'),
    };
}

type Present = (path: readonly PathPart[]) => readonly PathPart[];

function* within(node: WireNode, from: number, to: number, present: Present): Generator<ByteRange> {
  const { offset, size, plan } = node;
  const tails = node.parts.filter((part) => part.kind === 'tail');
  if (node.kind !== 'field') {
    if (offset < to && offset + size > from)
      yield {
        kind: node.kind,
        path: present(node.kind === 'reserved' ? node.path : ownerOf(node)),
        offset,
        size,
        bits: node.bits,
        text: gapText(node),
      };
    return;
  }
  const length = node.length;
  if (length !== undefined && plan?.kind === 'array' && !(isScalar(plan.element.kind) && length > APART)) {
    for (let i = firstElement(node, length, from); i < length; i++) {
      const element = node.element(i);
      if (element === undefined || element.offset >= to) break;
      yield* within(element, from, to, present);
    }
  } else if (node.parts.length > tails.length || plan?.kind === 'struct' || plan?.kind === 'union') {
    const parts = [...node.parts].sort(
      (a, b) => a.offset - b.offset || (a.bits?.first ?? 0) - (b.bits?.first ?? 0),
    );
    for (const part of parts) yield* within(part, from, to, present);
    return;
  } else if (size > 0 && offset < to && offset + size > from)
    yield {
      kind: 'field',
      path: present(node.path),
      offset,
      size,
      bits: node.bits,
      // The row shows the bytes themselves.
      text:
        node.value instanceof Uint8Array && plan?.kind === 'bytes' && plan.text === undefined
          ? plural(size, 'byte')
          : leafText(node),
    };
  for (const tail of tails) yield* within(tail, from, to, present);
}

/** The struct that padding lies in, the field that a tail belongs to. */
function ownerOf(node: WireNode): readonly PathPart[] {
  return node.kind === 'padding' ? node.path.slice(0, -1) : node.path;
}
function isScalar(kind: string): boolean {
  return kind === 'int' || kind === 'bits';
}

/** The first element that ends after an offset. */
function firstElement(node: WireNode, length: number, from: number): number {
  const step = node.plan?.kind === 'array' ? node.plan.element.size : undefined;
  if (step !== undefined) return step === 0 ? 0 : Math.max(0, Math.floor((from - node.offset) / step));
  let low = 0;
  let high = length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((node.offsets[middle] ?? Number.POSITIVE_INFINITY) <= from) low = middle;
    else high = middle;
  }
  return low;
}
