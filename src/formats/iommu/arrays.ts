/**
 * From the root to the pages of each kind and the slots in them, as one profile lays them out. Tells what is
 * wrong instead of reporting it: profiles are tried on the same memory before one of them is chosen.
 */
import { decodeLenient } from '../../codec/index.js';
import { isAbsence } from '../../memory/index.js';
import { hasBits } from '../kho/bits.js';
import { isRecord } from '../kho/record.js';
import type { Walk } from '../kho/walk.js';
import { type IommuKind, type IommuProfile, PAGE_HEADER } from './profiles.js';
import { type SlotsOf, slotsOf } from './slots.js';

export interface ArrayPage {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  readonly next: bigint;
  /** What the page says. */
  readonly count: bigint;
  /** Slots that are read from it, the first of which has this ordinal. */
  readonly used: number;
  readonly first: number;
}
export interface Slot {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** Over all pages of the kind. */
  readonly ordinal: number;
  readonly page: number;
}

export type ArrayIssueKind =
  /** The root has no page of this kind. */
  | 'none'
  | 'unaligned'
  /** The dump does not have the page. */
  | 'absent'
  /** The page was in a chain already: of this kind, or of another one. */
  | 'cycle'
  | 'shared'
  /** More than fit, or not as many as the total leaves for the page. */
  | 'count'
  | 'not-full'
  /** The counts of the pages do not add up to the total. */
  | 'total'
  | 'tail'
  | 'limit';
export interface ArrayIssue {
  readonly issue: ArrayIssueKind;
  readonly kind: IommuKind;
  readonly page: number;
  readonly address: bigint | undefined;
  readonly sentence: string;
}
export interface Chain {
  readonly kind: IommuKind;
  readonly first: bigint;
  readonly total: bigint | undefined;
  readonly pages: readonly ArrayPage[];
  readonly slots: readonly Slot[];
}
export interface Arrays {
  readonly root: Readonly<Record<string, unknown>>;
  readonly version: bigint | undefined;
  readonly chains: Readonly<Record<IommuKind, Chain>>;
  readonly issues: readonly ArrayIssue[];
  /** Whether something stands behind the root in its page. */
  readonly rootTail: boolean;
}

/** Whether there may be objects of a kind that were not read: pages that cannot be had, or in no chain of their own. */
export function isPartial({ issues }: Arrays, kind: IommuKind): boolean {
  return issues.some((each) => each.kind === kind && LOSES.has(each.issue));
}
const LOSES: ReadonlySet<ArrayIssueKind> = new Set(['none', 'absent', 'cycle', 'shared', 'limit']);

/** Pages of one kind that are read, and slots in them: more than a machine has PCI functions on a few segments. */
export const MAX_ARRAY_PAGES = 1 << 12;
export const MAX_SLOTS = 1 << 17;

/** Reads all that hangs on the root; undefined where the dump does not have the root. */
export function readArrays(
  walk: Walk,
  profile: IommuProfile,
  data: bigint,
  maxPages = MAX_ARRAY_PAGES,
): Arrays | undefined {
  const { abi, pageSize } = walk;
  const { schema, size, arrays, totals } = profile.root;
  const inPage = pageSize - Number(data % BigInt(pageSize));
  const { bytes, holes } = walk.image.readSome(data, Math.max(size, inPage));
  if (holes.some(({ address }) => address < data + BigInt(size))) return undefined;
  const decoded = decodeLenient(schema, bytes.subarray(0, size), { abi }).value;
  const root = isRecord(decoded) ? decoded : {};
  const version = profile.version === undefined ? undefined : wordOf(root.version);
  const issues: ArrayIssue[] = [];
  const owners = new Map<bigint, IommuKind>();
  const slots = slotsOf(profile, abi);
  const read = (kind: IommuKind): Chain =>
    readChain(walk, profile, kind, slots[kind], {
      first: wordOf(root[arrays[kind]]),
      total: totals === undefined ? undefined : wordOf(root[totals[kind]]),
      maxPages,
      owners,
      issues,
    });
  const chains = { iommus: read('iommus'), domains: read('domains'), devices: read('devices') };
  return { root, version, chains, issues, rootTail: hasBits(bytes.subarray(size)) };
}

function wordOf(value: unknown): bigint {
  return typeof value === 'bigint' ? value : 0n;
}

interface ChainSource {
  readonly first: bigint;
  readonly total: bigint | undefined;
  readonly maxPages: number;
  readonly owners: Map<bigint, IommuKind>;
  readonly issues: ArrayIssue[];
}

function readChain(
  walk: Walk,
  profile: IommuProfile,
  kind: IommuKind,
  slots: Pick<SlotsOf<object>, 'stride' | 'capacity'>,
  { first, total, maxPages, owners, issues }: ChainSource,
): Chain {
  const { pageSize, little } = walk;
  const { stride, capacity } = slots;
  const found: { address: bigint; bytes: Uint8Array; next: bigint; count: bigint }[] = [];
  let complete = true;
  const tell = (issue: ArrayIssueKind, page: number, address: bigint | undefined, sentence: string): void => {
    issues.push({ issue, kind, page, address, sentence });
  };
  if (first === 0n) tell('none', 0, undefined, 'the root has no page for them');
  for (let at = first; at !== 0n; ) {
    const page = found.length;
    const owner = owners.get(at);
    if (owner !== undefined) {
      if (owner === kind) tell('cycle', page, at, 'the pages come back to one that was read');
      else tell('shared', page, at, `the page is one of the ${owner} too`);
      complete = false;
      break;
    }
    if (page >= maxPages) {
      tell('limit', page, at, `there are more than ${maxPages} pages`);
      complete = false;
      break;
    }
    if (!walk.isAligned(at)) tell('unaligned', page, at, 'the page does not begin where a page does');
    owners.set(at, kind);
    const bytes = walk.image.read(at, pageSize);
    if (isAbsence(bytes)) {
      tell('absent', page, at, bytes.detail);
      complete = false;
      break;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const next = view.getBigUint64(0, little);
    found.push({ address: at, bytes, next, count: view.getBigUint64(8, little) });
    at = next;
  }

  // The kernels of the seed era count up to the total and take as many from each page as fit; the count of a
  // page is for the writer alone. A total that the pages have no room for says nothing, nor does one that
  // contradicts what the pages say where that is just what they hold.
  const held = found.reduce((all, { bytes }) => all + plausible(bytes, stride, capacity), 0);
  const said = found.reduce((all, { count }) => all + count, 0n);
  const byTotal =
    profile.walk === 'totals' &&
    total !== undefined &&
    total <= BigInt(capacity * found.length) &&
    (said === total || said !== BigInt(held));
  const pages: ArrayPage[] = [];
  let ordinal = 0;
  let sum = 0n;
  for (const [i, { address, bytes, next, count }] of found.entries()) {
    sum += count;
    if (ordinal >= MAX_SLOTS) {
      tell('limit', i, address, `there are more than ${MAX_SLOTS} slots before it`);
      complete = false;
      break;
    }
    const left = byTotal ? Math.min(capacity, Number(total) - ordinal) : capacity;
    const used = byTotal
      ? left
      : count > BigInt(capacity)
        ? plausible(bytes, stride, capacity)
        : Number(count);
    if (count > BigInt(capacity))
      tell('count', i, address + 8n, `the page says it has ${count}, and ${capacity} fit`);
    else if (next !== 0n && Number(count) < capacity)
      tell('not-full', i, address + 8n, `the page has ${count} of ${capacity}, and a successor`);
    if (hasBits(bytes.subarray(PAGE_HEADER + used * stride)))
      tell('tail', i, address + BigInt(PAGE_HEADER + used * stride), 'something stands behind the last');
    pages.push({ address, bytes, next, count, used, first: ordinal });
    ordinal += used;
  }
  if (total !== undefined && complete && sum !== total)
    tell('total', 0, undefined, `the root says ${total}, and the pages say ${sum}`);

  const list: Slot[] = [];
  for (const [page, { address, bytes, used, first: from }] of pages.entries())
    for (let i = 0; i < used; i++) {
      const offset = PAGE_HEADER + i * stride;
      list.push({
        address: address + BigInt(offset),
        bytes: bytes.subarray(offset, offset + stride),
        ordinal: from + i,
        page,
      });
    }
  return { kind, first, total, pages, slots: list };
}

/** Slots up to the last that is not zero. */
function plausible(bytes: Uint8Array, stride: number, capacity: number): number {
  let end = Math.min(bytes.length, PAGE_HEADER + stride * capacity);
  while (end > PAGE_HEADER && bytes[end - 1] === 0) end--;
  return Math.min(capacity, Math.ceil((end - PAGE_HEADER) / stride));
}

/** All slots by their addresses. */
export function slotsByAddress(chain: Chain): ReadonlyMap<bigint, Slot> {
  return new Map(chain.slots.map((slot) => [slot.address, slot]));
}
