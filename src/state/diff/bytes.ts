/** Two inputs compared byte by byte: where they differ, and what lies there. */
import { pathText } from '../../codec/error.js';
import type { HandoverState } from '../handover.js';
import { handoverRanges } from '../handover-ranges.js';
import { objectAt } from '../handover-tree.js';
import type { State } from '../open.js';
import { byteRanges } from '../ranges.js';
import { firstDifference, firstEqual } from './bytes-equal.js';

export interface ByteDifference {
  /** Offset in both inputs, or physical address. */
  readonly at: bigint;
  /** In bytes. */
  readonly length: bigint;
  /** What lies there in A; empty where nobody knows. */
  readonly what: string;
  /** The first bytes of either; undefined where it has none. */
  readonly a: Uint8Array | undefined;
  readonly b: Uint8Array | undefined;
}
export interface ByteDifferences {
  readonly unit: 'offset' | 'address';
  readonly differences: readonly ByteDifference[];
  /** How many were not kept. */
  readonly omitted: number;
}

const MAX_KEPT = 10_000;
/** Bytes of each difference that are kept. */
const HEAD = 16;

/** Runs of bytes that differ, each within one field of A. */
export function streamBytes(a: State, b: State): ByteDifferences {
  const differences: ByteDifference[] = [];
  let omitted = 0;
  const add = (difference: ByteDifference): void => {
    if (differences.length < MAX_KEPT) differences.push(difference);
    else omitted++;
  };
  const [one, other] = [a.bytes, b.bytes];
  const common = Math.min(one.length, other.length);
  for (let at = firstDifference(one, other, 0); at >= 0; at = firstDifference(one, other, at)) {
    const [range] = byteRanges(a, at, at + 1);
    const end = Math.min(common, range === undefined ? at + 1 : range.offset + range.size);
    // Of a long field only the bytes that differ are told.
    const stop = range !== undefined && range.size <= HEAD ? end : Math.min(end, firstEqual(one, other, at));
    const from = range !== undefined && range.size <= HEAD ? range.offset : at;
    add({
      at: BigInt(from),
      length: BigInt(stop - from),
      what: range === undefined ? '' : nameOf(range.kind, pathText(range.path)),
      a: one.subarray(from, Math.min(stop, from + HEAD)),
      b: other.subarray(from, Math.min(stop, from + HEAD)),
    });
    at = Math.max(stop, at + 1);
  }
  if (one.length !== other.length) {
    const rest = (bytes: Uint8Array) =>
      bytes.length > common ? bytes.subarray(common, common + HEAD) : undefined;
    add({
      at: BigInt(common),
      length: BigInt(Math.max(one.length, other.length) - common),
      what: `only in ${one.length > other.length ? 'A' : 'B'}`,
      a: rest(one),
      b: rest(other),
    });
  }
  return { unit: 'offset', differences, omitted };
}

function nameOf(kind: string, path: string): string {
  if (kind === 'field') return path;
  return path === '' ? kind : `${kind} of ${path}`;
}

/** Pages that are compared at a time. */
const WINDOW = 1 << 18;
/** Differences that are searched for the object that they lie in, among all that there are. */
const MAX_NAMED = 500;

/**
 * Pages that either handover reaches (preserved, or with something that was decoded in them) and that both have
 * at the same physical address with different bytes. Undefined where one of them has no memory.
 */
export function handoverBytes(a: HandoverState, b: HandoverState): ByteDifferences | undefined {
  if (a.memory === undefined || b.memory === undefined) return undefined;
  const images = [a.memory.image, b.memory.image] as const;
  const page = Math.min(a.memory.handover.value.page_size, b.memory.handover.value.page_size);
  const differences: ByteDifference[] = [];
  let omitted = 0;
  let open: (ByteDifference & { length: bigint }) | undefined;
  const close = (): void => {
    if (open === undefined) return;
    if (differences.length < MAX_KEPT) differences.push(open);
    else omitted++;
    open = undefined;
  };
  const buffers = [new Uint8Array(WINDOW), new Uint8Array(WINDOW)] as const;
  const size = BigInt(page);
  for (const { start, end, owner } of reached(a, b, size)) {
    for (let at = start; at < end; ) {
      const [one, other] = [images[0].at(at), images[1].at(at)];
      const shorter = one.length < other.length ? one.length : other.length;
      const reach = shorter < end - at ? shorter : end - at;
      if (
        one.state === 'absent' ||
        other.state === 'absent' ||
        (one.state === 'zero' && other.state === 'zero')
      ) {
        at += reach;
        continue;
      }
      // Places may end at any page; reading goes on over that.
      const length = Number(end - at < BigInt(WINDOW) ? end - at : BigInt(WINDOW));
      const [bytesA, bytesB] = [buffers[0].subarray(0, length), buffers[1].subarray(0, length)];
      const holes = [...images[0].readInto(at, bytesA), ...images[1].readInto(at, bytesB)];
      const stop = holes.reduce(
        (least, { address }) => (address < least ? address : least),
        at + BigInt(length),
      );
      const there = Number(stop - at);
      for (let from = 0; from < there; from += page) {
        const to = Math.min(from + page, there);
        const place = firstDifference(bytesA.subarray(from, to), bytesB.subarray(from, to), 0);
        const address = at + BigInt(from);
        if (place < 0) {
          close();
          continue;
        }
        if (open !== undefined && open.at + open.length === address && open.what === owner) {
          open = { ...open, length: open.length + BigInt(to - from) };
          continue;
        }
        close();
        const first = from + place;
        const object = differences.length < MAX_NAMED ? objectAt(a, at + BigInt(first)) : undefined;
        open = {
          at: address,
          length: BigInt(to - from),
          what: object?.path ?? owner,
          a: bytesA.slice(first, Math.min(first + HEAD, to)),
          b: bytesB.slice(first, Math.min(first + HEAD, to)),
        };
      }
      at = stop > at ? stop : at + reach;
    }
  }
  close();
  return { unit: 'address', differences, omitted };
}

interface Reached {
  readonly start: bigint;
  readonly end: bigint;
  readonly owner: string;
}

/** Pages that either of them reaches, each once, by ascending address. */
function* reached(a: HandoverState, b: HandoverState, size: bigint): Iterable<Reached> {
  const all: Reached[] = [];
  for (const state of [a, b]) {
    for (const { address, end, owners } of handoverRanges(state))
      all.push({ start: address, end, owner: owners.join(', ') });
    for (const { address, size: length, path } of state.objects)
      all.push({
        start: address - (address % size),
        end:
          address +
          BigInt(Math.max(1, length)) +
          size -
          1n -
          ((address + BigInt(Math.max(1, length)) + size - 1n) % size),
        owner: path,
      });
  }
  all.sort((x, y) => (x.start < y.start ? -1 : x.start > y.start ? 1 : 0));
  let done = 0n;
  for (const { start, end, owner } of all) {
    const from = start > done ? start : done;
    if (from >= end) continue;
    yield { start: from, end, owner };
    done = end;
  }
}
