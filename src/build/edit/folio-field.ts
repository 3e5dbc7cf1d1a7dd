/**
 * Folios of a memfd: what is shown as a run stands in many entries of an array, which itself lies in pages that
 * a list of chunks names. And the folios of kho_test, whose words are an address and an order in one.
 */
import { type JSONValue, planOf, u64, type ValueOf } from '../../codec/index.js';
import type { Plan } from '../../codec/plan.js';
import type { KhoVmalloc } from '../../formats/kho/index.js';
import { unknownMap } from '../../formats/kho/preserved.js';
import { followVmalloc, type VmallocArea } from '../../formats/kho/vmalloc.js';
import { Walk } from '../../formats/kho/walk.js';
import { FolioRuns, MemfdLuoFolioSer } from '../../formats/memfd/index.js';
import { type HandoverState, handoverNodeAt, handoverTree } from '../../state/index.js';
import { locate } from '../../state/tree.js';
import { readWire } from '../../state/wire.js';
import { impossible } from './errors.js';
import {
  bytesOf,
  type Extent,
  type Field,
  givenValue,
  integerOf,
  planField,
  readByPlan,
  writeByPlan,
} from './field.js';
import { memberField, objectsOn } from './member.js';
import type { OverlayImage } from './overlay-image.js';
import { propertyAt } from './tree-field.js';

const ENTRY = 16;
/** Entries of a run that are rewritten at once. */
const MAX_ENTRIES = 1 << 20;

const OF_RUN = /^(.*\.memfd)\.folios\[(\d{1,12})\](?:\[(\d{1,12})\])?\.(pfn|flags|index)$/;
const OF_ARRAY = /^(.*\.memfd)\.folios\.array\[(\d{1,12})\]\.(pfn|flags|index)$/;
const OF_TEST = /^(entries\.[^.]+)\.folios\[(\d{1,12})\]\.(address|order)$/;

/**
 * `….memfd.folios[0].pfn` moves all of a run, `….memfd.folios[0][5].pfn` one folio of it, and
 * `….memfd.folios.array[7].pfn` is the entry at that place of the array. Undefined for other paths.
 */
export function folioField(state: HandoverState, path: string): Field | undefined {
  const [, ofArray, place, name] = OF_ARRAY.exec(path) ?? [];
  if (ofArray !== undefined && place !== undefined && name !== undefined)
    return entriesField(state, path, ofArray, name, (area) => {
      const entry = Number(place);
      const size = entriesOf(state, ofArray, area);
      if (entry >= size) throw impossible(`${path}: the array has ${size} entries`);
      return [entry];
    });
  const [, ofRun, run, within, member] = OF_RUN.exec(path) ?? [];
  if (ofRun !== undefined && run !== undefined && member !== undefined)
    return entriesField(state, path, ofRun, member, (area) =>
      entriesOfRun(state, ofRun, area, Number(run), within === undefined ? undefined : Number(within), path),
    );
  const [, entry, index, part] = OF_TEST.exec(path) ?? [];
  return entry === undefined || index === undefined
    ? undefined
    : testField(state, path, entry, Number(index), part === 'order');
}

// --- memfds ------------------------------------------------------------------------------------------------

function entriesField(
  state: HandoverState,
  path: string,
  memfd: string,
  name: string,
  entries: (area: VmallocArea) => readonly number[],
): Field {
  const area = areaOf(state, `${memfd}.folios`, memfd);
  if (area === undefined) throw impossible(`${path}: the array of folios is not in the dump`);
  const extents = entries(area).map((entry) => ({
    address: entryAddress(state, area, ENTRY * entry),
    size: ENTRY,
  }));
  const [first] = extents;
  if (first === undefined) throw impossible(`${path} stands for no entry`);
  const plan = planOf(MemfdLuoFolioSer, state.abi);
  const member = memberPlan(state, name);
  const one = planField(path, member.plan, first.address + BigInt(member.offset));
  return {
    path,
    type: extents.length === 1 ? one.type : `${one.type} of ${extents.length} folios`,
    extents: extents.map(({ address }) => ({
      address: address + BigInt(member.offset),
      size: member.plan.size ?? 0,
    })),
    bits: one.bits,
    text: (memory) => one.text(memory),
    set: (memory, value) => {
      const wanted = givenValue(member.plan, value, path);
      const shown = folioAt(memory, first, plan, path);
      for (const extent of extents) {
        const bytes = bytesOf(memory, extent, path);
        const folio = folioAt(memory, extent, plan, path);
        // The folios of a run keep their distance from its first.
        const moved =
          name === 'flags'
            ? wanted
            : BigInt(folio[name] ?? 0) - BigInt(shown[name] ?? 0) + BigInt(wanted as bigint | number);
        const next = typeof moved === 'bigint' ? `${moved}` : (moved as JSONValue);
        const part = bytes.subarray(member.offset, member.offset + (member.plan.size ?? 0));
        writeByPlan(member.plan, part, givenValue(member.plan, next, path), path);
        memory.write(extent.address, bytes, path);
      }
    },
  };
}

type Folio = Readonly<Record<string, bigint | number>>;

function folioAt(memory: OverlayImage, extent: Extent, plan: Plan, path: string): Folio {
  // All fields of the struct are integers.
  return readByPlan(plan, bytesOf(memory, extent, path)) as Folio;
}

function memberPlan(state: HandoverState, name: string): { readonly plan: Plan; readonly offset: number } {
  const { abi } = state;
  const { root } = readWire(MemfdLuoFolioSer, new Uint8Array(ENTRY), abi === undefined ? {} : { abi });
  const node = locate(root, [name]);
  if (node?.plan === undefined) throw impossible(`a folio has no ${name}`);
  return { plan: node.plan, offset: node.offset };
}

/** The vmalloc area of a descriptor: that of the object itself, or of one of its members. */
function areaOf(state: HandoverState, path: string, owner: string): VmallocArea | undefined {
  const { memory, abi } = state;
  if (memory === undefined || abi === undefined) return undefined;
  for (const object of objectsOn(state, path)) {
    if (object.path !== owner && object.path !== path) continue;
    const { bytes } = memory.image.readSome(object.address, object.size);
    const { root } = readWire(object.schema, bytes, { abi });
    const node = object.path === path ? root : locate(root, ['folios']);
    const value = node?.value;
    if (!isDescriptor(value)) continue;
    const walk = new Walk(memory.image, abi, unknownMap(abi.pageSize), true);
    return followVmalloc(walk, value, path, object.address + BigInt(node?.offset ?? 0));
  }
  return undefined;
}
function isDescriptor(value: unknown): value is ValueOf<typeof KhoVmalloc> {
  return typeof value === 'object' && value !== null && 'first' in value && 'total_pages' in value;
}

/** Where a byte of an area lies. */
function entryAddress({ abi }: HandoverState, area: VmallocArea, offset: number): bigint {
  const pageSize = abi?.pageSize ?? 4096;
  const page = Math.floor(offset / pageSize);
  const step = 2 ** area.order;
  const pfn = area.pfns[Math.floor(page / step)];
  if (pfn === undefined) throw impossible('the array of folios is shorter than that');
  return BigInt(pfn + (page % step)) * BigInt(pageSize) + BigInt(offset % pageSize);
}

/** Entries of the array that count. */
function entriesOf(state: HandoverState, memfd: string, area: VmallocArea): number {
  const nr = handoverNodeAt(handoverTree(state), `${memfd}.nr_folios`).value;
  const room = Math.floor(area.size / ENTRY);
  return typeof nr === 'bigint' && nr < BigInt(room) ? Number(nr) : room;
}

/** The entries that a run stands for: runs pass over entries that are zero, and over pages that are absent. */
function entriesOfRun(
  state: HandoverState,
  memfd: string,
  area: VmallocArea,
  run: number,
  within: number | undefined,
  path: string,
): readonly number[] {
  const runs = handoverNodeAt(handoverTree(state), `${memfd}.folios`).value;
  if (!(runs instanceof FolioRuns) || run >= runs.length)
    throw handoverUnknown(state, `${memfd}.folios[${run}]`);
  const { count } = runs.at(run);
  if (within !== undefined && within >= count) throw impossible(`${path}: the run has ${count} folios`);
  if (within === undefined && count > MAX_ENTRIES)
    throw impossible(`${path} stands for ${count} folios; change some of them: ${memfd}.folios[${run}][0]`);
  let before = within ?? 0;
  for (let i = 0; i < run; i++) before += runs.at(i).count;
  const wanted = within === undefined ? count : 1;
  const found: number[] = [];
  for (const entry of usedEntries(state, area, entriesOf(state, memfd, area))) {
    if (before > 0) before--;
    else found.push(entry);
    if (found.length === wanted) return found;
  }
  throw impossible(`${path}: its entries are not in the dump`);
}
function handoverUnknown(state: HandoverState, path: string): unknown {
  try {
    handoverNodeAt(handoverTree(state), path);
  } catch (error) {
    return error;
  }
  return impossible(`${path} is not kept as a run`);
}

/** The entries that have a page frame, in order. */
function* usedEntries(state: HandoverState, area: VmallocArea, count: number): Generator<number> {
  const { memory, abi } = state;
  if (memory === undefined || abi === undefined) return;
  const little = abi.endian === 'little';
  const perPage = abi.pageSize / ENTRY;
  for (let from = 0; from < count; from += perPage) {
    const address = entryAddress(state, area, from * ENTRY);
    const { bytes } = memory.image.readSome(address, abi.pageSize);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let i = 0; i < Math.min(perPage, count - from); i++) {
      const word = view.getBigUint64(i * ENTRY, little);
      // From the low bit on where the order is little, from the high bit on where it is big.
      if ((little ? word & ((1n << 52n) - 1n) : word >> 12n) !== 0n) yield from + i;
    }
  }
}

// --- kho_test ----------------------------------------------------------------------------------------------

/** A folio of kho_test: a word with the address in its high bits and the order in those of the page. */
function testField(
  state: HandoverState,
  path: string,
  entry: string,
  index: number,
  isOrder: boolean,
): Field | undefined {
  const value = handoverNodeAt(handoverTree(state), entry).value;
  if (typeof value !== 'object' || value === null || !('folios_info' in value) || !('folios' in value))
    return undefined;
  handoverNodeAt(handoverTree(state), `${entry}.folios[${index}]`);
  const node = state.memory?.handover.root.nodes.find(({ name }) => `entries.${name}` === entry);
  if (node?.data === undefined) return undefined;
  let address: bigint | undefined;
  if (value.folios_info === 'inline') {
    const info = propertyAt(state, node.data, 'data.folios_info');
    address = info === undefined ? undefined : info.value.address + BigInt(8 * index);
  } else {
    const area = areaOf(state, `${entry}.folios_info`, `${entry}.folios_info`);
    address = area === undefined ? undefined : entryAddress(state, area, 8 * index);
  }
  if (address === undefined) return undefined;
  const plan = planOf(u64, state.abi);
  const extent = { address, size: 8 };
  const page = BigInt(state.abi?.pageSize ?? 4096);
  const word = (memory: OverlayImage): bigint =>
    BigInt(readByPlan(plan, bytesOf(memory, extent, path)) as bigint);
  return {
    path,
    type: isOrder ? 'the order in a u64' : 'the address in a u64',
    extents: [extent],
    bits: undefined,
    text: (memory) =>
      isOrder ? `${word(memory) % page}` : `0x${(word(memory) - (word(memory) % page)).toString(16)}`,
    set: (memory, given) => {
      const wanted = integerOf(given, path);
      if (isOrder ? wanted >= 52n : wanted % page !== 0n || wanted >= 1n << 64n)
        throw impossible(isOrder ? `${path} takes an order below 52` : `${path} takes the address of a page`);
      const order = word(memory) % page;
      planField(path, plan, extent.address).set(
        memory,
        `${isOrder ? word(memory) - order + wanted : wanted + order}`,
        { keepDerived: true },
      );
    },
  };
}

/** Whether a path is one of a vmalloc list's entries: what `total_pages` follows from. */
export function chunkOwner(path: string): string | undefined {
  return /^(.*)\.chunks\[\d+\]\.phys\[\d+\]$/.exec(path)?.[1];
}

/** The pages that the chunks of a list name now. */
export function pagesInChunks(state: HandoverState, memory: OverlayImage, owner: string): number | undefined {
  const order = memberField(state, `${owner}.order`);
  const { abi } = state;
  if (order === undefined || abi === undefined) return undefined;
  const chunks = state.objects.filter(
    ({ path }) =>
      path.startsWith(`${owner}.chunks[`) && /^\[\d+\]$/.test(path.slice(`${owner}.chunks`.length)),
  );
  let entries = 0;
  for (const { address, size, path } of chunks) {
    const bytes = bytesOf(memory, { address, size }, path);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 8; at + 8 <= size; at += 8) {
      // What follows a 0 is not read.
      if (view.getBigUint64(at, abi.endian === 'little') === 0n) break;
      entries++;
    }
  }
  const pages = entries * 2 ** Number(order.text(memory));
  // An order that makes no sense leaves the count as it is.
  return pages <= 0xffffffff ? pages : undefined;
}
