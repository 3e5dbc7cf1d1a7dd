/** From a VT-d root table to contexts, from a context to PASID tables. */
import { hexText, many, type Walk } from '../../kho/walk.js';
import { mayRead } from './budget.js';
import { IOMMU_HW } from './rules.js';
import type {
  RequesterId,
  Translation,
  VtdContext,
  VtdContextTable,
  VtdDevice,
  VtdMode,
  VtdPasid,
  VtdPasidTable,
  VtdUnit,
} from './types.js';
import {
  VTD_SIZES,
  VtdContextEntry,
  VtdPasidDirEntry,
  VtdPasidEntry,
  VtdRootEntry,
  VtdScalableContextEntry,
  VtdScalableRootEntry,
} from './vtd-schema.js';

const PAGE = VTD_SIZES.table;
/** PASIDs that a leaf table has entries for. */
const PER_LEAF = PAGE / VTD_SIZES.pasid;

const frameAddress = (frame: number) => BigInt(frame) * BigInt(PAGE);
/** `3a:01.0` */
export const bdfText = ({ bus, devfn }: RequesterId) =>
  `${bus.toString(16).padStart(2, '0')}:${(devfn >> 3).toString(16).padStart(2, '0')}.${devfn & 7}`;

interface HalfEntry {
  readonly bus: number;
  readonly half: 0 | 1;
  readonly entry: bigint;
  readonly table: bigint;
}

/**
 * Reads the root table of a unit and all of its context tables, and owns their pages. `scalable` says what a
 * device behind the unit tells of the mode: whether it has a PASID table. Undefined where the root table cannot
 * be had.
 */
export function vtdUnit(
  walk: Walk,
  rootTable: bigint,
  path: string,
  scalable?: boolean,
): VtdUnit | undefined {
  if (rootTable === 0n || rootTable % BigInt(PAGE) !== 0n || rootTable >= 1n << 52n) {
    walk.find(
      IOMMU_HW['root-table'],
      path,
      rootTable,
      `The root table is said to be at ${hexText(rootTable)}.`,
    );
    return undefined;
  }
  walk.claims.add(walk.pfn(rootTable), 1, path);
  const kept = isKept(walk, rootTable);
  if (!kept)
    walk.find(
      IOMMU_HW['root-table'],
      path,
      rootTable,
      `The root table at ${hexText(rootTable)} is not preserved.`,
    );
  const root =
    (kept || isThere(walk, rootTable)) && mayRead(walk, 'tables', path, rootTable)
      ? walk.bytes(rootTable, PAGE, path, 'the root table')
      : undefined;
  if (root === undefined) return undefined;
  const view = viewOf(root);
  const halves: HalfEntry[] = [];
  let upper = 0;
  for (let at = 0; at < PAGE; at += 8) {
    const word = view.getBigUint64(at, true);
    if ((word & 1n) === 0n) continue;
    const half = at % 16 === 0 ? 0 : 1;
    if (half === 1) upper++;
    if ((word & 0xffen) !== 0n)
      walk.find(
        IOMMU_HW.reserved,
        path,
        rootTable + BigInt(at),
        `The entry of the root table for bus ${hexText(at >> 4)} has reserved bits set: ${hexText(word & 0xffen)}.`,
      );
    halves.push({ bus: at >> 4, half, entry: rootTable + BigInt(at), table: word & ~0xfffn });
  }
  const tables = halves.map((entry) => ({ ...entry, bytes: readTable(walk, entry, path) }));
  const { mode, because } = modeOf(upper, scalable, tables);
  const found: VtdContextTable[] = [];
  const contexts: VtdContext[] = [];
  for (const { bytes, ...entry } of tables) {
    // In legacy mode the upper words are reserved, and lead nowhere.
    if (mode === 'legacy' && entry.half === 1) continue;
    walk.object(
      `${path}.buses[${entry.bus}]`,
      mode === 'legacy' ? VtdRootEntry : VtdScalableRootEntry,
      entry.entry - BigInt(8 * entry.half),
      VTD_SIZES.root,
    );
    found.push({ ...entry, present: bytes !== undefined });
    if (bytes !== undefined) readContexts(walk, mode, entry, bytes, path, contexts);
  }
  return {
    rootTable,
    mode,
    because,
    tables: found,
    contexts,
    // What is not preserved may be anything by now, and is not held against what is said elsewhere.
    complete: kept && found.every(({ present }) => present),
  };
}

/** Whether the first page of a table is preserved, as far as that is known. */
function isKept(walk: Walk, table: bigint): boolean {
  return !walk.map.complete || walk.map.covers(table, PAGE);
}
function isThere(walk: Walk, table: bigint): boolean {
  return walk.image.at(table).state !== 'absent';
}

function readTable(walk: Walk, { bus, half, entry, table }: HalfEntry, path: string): Uint8Array | undefined {
  const what = `The context table of bus ${hexText(bus)}${half === 1 ? ', devices from 0x10 on,' : ''}`;
  if (table === 0n || table >= 1n << 52n) {
    walk.find(IOMMU_HW['context-table'], path, entry, `${what} is said to be at ${hexText(table)}.`);
    return undefined;
  }
  walk.claims.add(walk.pfn(table), 1, path);
  if (walk.map.complete && !walk.map.covers(table, PAGE))
    walk.find(IOMMU_HW['context-table'], path, entry, `${what} at ${hexText(table)} is not preserved.`);
  return mayRead(walk, 'tables', path, table)
    ? walk.bytes(table, PAGE, path, 'the context table')
    : undefined;
}

/**
 * Whether the unit is in scalable mode stands in a register and is not handed over. A device with a PASID table
 * and the upper half of a root entry tell it; else the context entries themselves have to.
 */
function modeOf(
  upper: number,
  scalable: boolean | undefined,
  tables: readonly { readonly bytes: Uint8Array | undefined }[],
): { readonly mode: VtdMode; readonly because: readonly string[] } {
  if (upper > 0)
    return {
      mode: 'scalable',
      because: [
        `${many(upper, 'entry', 'entries')} of the root table use${upper === 1 ? 's' : ''} the upper half, which legacy mode reserves.`,
      ],
    };
  let asLegacy = 0;
  let asScalable = 0;
  for (const { bytes } of tables) {
    if (bytes === undefined) continue;
    const view = viewOf(bytes);
    for (let at = 0; at < PAGE; at += VTD_SIZES.context) {
      const low = view.getBigUint64(at, true);
      const high = view.getBigUint64(at + 8, true);
      if ((low & 1n) === 0n) continue;
      // In legacy mode AW is 1 to 3 (2 also for pass-through), and the domain id is not 0.
      if ((high & 7n) >= 1n && (high & 7n) <= 3n && ((high >> 8n) & 0xffffn) !== 0n && high >> 24n === 0n)
        asLegacy++;
      // In scalable mode the entry has 32 bytes, its second word is the PASID 0, the rest reserved.
      const even = at % VTD_SIZES.scalableContext === 0;
      const rest = even ? view.getBigUint64(at + 16, true) | view.getBigUint64(at + 24, true) : 1n;
      if (high === 0n && rest === 0n) asScalable++;
    }
  }
  // One device that is wrong about its PASID table does not outweigh the entries that the hardware reads.
  if (scalable === true && asLegacy <= asScalable)
    return {
      mode: 'scalable',
      because: ['A device behind the unit has a PASID table, which is of scalable mode.'],
    };
  if (asScalable > asLegacy)
    return {
      mode: 'scalable',
      because: [
        `${many(asScalable, 'context entry', 'context entries')} look${asScalable === 1 ? 's' : ''} like ones of scalable mode, ${asLegacy} like ones of legacy mode.`,
      ],
    };
  const because: string[] = [];
  if (scalable === false) because.push('No device behind the unit has a PASID table.');
  because.push(
    asLegacy > 0
      ? `${many(asLegacy, 'context entry', 'context entries')} look${asLegacy === 1 ? 's' : ''} like ${asLegacy === 1 ? 'one' : 'ones'} of legacy mode, ${asScalable} like ones of scalable mode.`
      : 'The root table does not use the upper half of its entries.',
  );
  return { mode: 'legacy', because };
}

function readContexts(
  walk: Walk,
  mode: VtdMode,
  { bus, half, table }: HalfEntry,
  bytes: Uint8Array,
  path: string,
  out: VtdContext[],
): void {
  const size = mode === 'legacy' ? VTD_SIZES.context : VTD_SIZES.scalableContext;
  for (let at = 0; at < PAGE; at += size) {
    if (((bytes[at] ?? 0) & 1) === 0) continue;
    const devfn = at / size + half * 0x80;
    const address = table + BigInt(at);
    if (!mayRead(walk, 'entries', path, address)) return;
    const entry = bytes.subarray(at, at + size);
    const where = `${path}.contexts[${out.length}]`;
    checkReserved(walk, mode, entry, address, where);
    out.push(
      mode === 'legacy'
        ? { bus, devfn, address, legacy: walk.decodeBytes(VtdContextEntry, entry, address, where) }
        : { bus, devfn, address, scalable: walk.decodeBytes(VtdScalableContextEntry, entry, address, where) },
    );
  }
}

/**
 * Bits of each word that are reserved. Of a PASID entry only those that no revision of the specification has given
 * a meaning since; its last five words are zero in Linux.
 */
const RESERVED: Readonly<Record<VtdMode | 'pasid', readonly bigint[]>> = {
  legacy: [0xff0n, 0xffff_ffff_ff00_0080n],
  scalable: [0x1e0n, 0xffff_ffff_ffe0_0000n, ~0n, ~0n],
  pasid: [0xc20n, 0x7f_0000n, 0xf00n, ~0n, ~0n, ~0n, ~0n, ~0n],
};
const RESERVED_OF = {
  legacy: 'context entry',
  scalable: 'context entry',
  pasid: 'PASID entry',
} as const;

function checkReserved(
  walk: Walk,
  kind: VtdMode | 'pasid',
  entry: Uint8Array,
  address: bigint,
  path: string,
): void {
  const view = viewOf(entry);
  const words = RESERVED[kind].map((mask, i) => view.getBigUint64(8 * i, true) & mask);
  const word = words.findIndex((bits) => bits !== 0n);
  if (word < 0) return;
  walk.find(
    IOMMU_HW.reserved,
    path,
    address + BigInt(8 * word),
    `The ${RESERVED_OF[kind]} at ${hexText(address)} has reserved bits set: ${hexText(words[word] ?? 0n)} in word ${word}.`,
  );
}

/** What a device of the serialized state says of its PASID table. */
export interface SavedPasids {
  readonly pasidTable?: bigint;
  readonly maxPasid?: bigint;
}

/**
 * The context of a device, its PASID table where there is one, and how its requests are translated. Without a
 * context in scalable mode the PASID table that the device itself names is read.
 */
export function vtdDevice(
  walk: Walk,
  unit: VtdUnit,
  id: RequesterId,
  path: string,
  saved: SavedPasids = {},
): VtdDevice {
  const context = unit.contexts.find(({ bus, devfn }) => bus === id.bus && devfn === id.devfn);
  const scalable = context?.scalable;
  let pasids: VtdPasidTable | undefined;
  if (scalable !== undefined)
    pasids = readPasids(walk, frameAddress(scalable.pasid_dir), 2 ** (scalable.pdts + 7) * PER_LEAF, path);
  else if (context === undefined && saved.pasidTable !== undefined && saved.pasidTable !== 0n) {
    const { maxPasid = 1n << 15n } = saved;
    pasids = readPasids(walk, saved.pasidTable, Number(maxPasid > 1n << 20n ? 1n << 20n : maxPasid), path);
  }
  return { id, context, pasids, translation: translationOf(context, pasids) };
}

/** PASID tables by their address, for each walk: aliases of a device share one. */
const followed = new WeakMap<Walk, Map<string, VtdPasidTable>>();

function readPasids(walk: Walk, directory: bigint, maxPasid: number, path: string): VtdPasidTable {
  const known = followed.get(walk) ?? new Map<string, VtdPasidTable>();
  followed.set(walk, known);
  const key = `${directory}/${maxPasid}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const leaves: { index: number; table: bigint; present: boolean }[] = [];
  const entries: VtdPasid[] = [];
  let complete = true;
  const size = Math.ceil(maxPasid / PER_LEAF) * VTD_SIZES.pasidDir;
  const where = `${path}.pasids`;
  if (directory === 0n || directory % BigInt(PAGE) !== 0n || directory >= 1n << 52n) complete = false;
  else {
    walk.claims.add(walk.pfn(directory), Math.ceil(size / walk.pageSize), path);
    // Of a larger directory B and what came soon after it keep the first page alone.
    const kept = isKept(walk, directory);
    if (!kept)
      walk.find(
        IOMMU_HW['pasid-leaf'],
        where,
        directory,
        `The PASID directory at ${hexText(directory)} is not preserved.`,
      );
    for (let done = 0; done < size; done += PAGE) {
      const address = directory + BigInt(done);
      const bytes =
        (kept || isThere(walk, address)) && mayRead(walk, 'tables', where, address)
          ? walk.bytes(address, Math.min(PAGE, size - done), where, 'the PASID directory')
          : undefined;
      if (bytes === undefined) {
        complete = false;
        continue;
      }
      const view = viewOf(bytes);
      for (let at = 0; at + 8 <= bytes.length; at += VTD_SIZES.pasidDir) {
        const word = view.getBigUint64(at, true);
        if ((word & 1n) === 0n) continue;
        const index = (done + at) / VTD_SIZES.pasidDir;
        const entryAt = address + BigInt(at);
        walk.object(`${where}.directory[${index}]`, VtdPasidDirEntry, entryAt, VTD_SIZES.pasidDir);
        const table = word & ~0xfffn;
        const present = readLeaf(walk, index, entryAt, table, where, path, entries);
        if (!present) complete = false;
        leaves.push({ index, table, present });
      }
    }
  }
  const pasids = { directory, maxPasid, leaves, entries, complete };
  known.set(key, pasids);
  return pasids;
}

function readLeaf(
  walk: Walk,
  index: number,
  entryAt: bigint,
  table: bigint,
  where: string,
  owner: string,
  out: VtdPasid[],
): boolean {
  const what = `The PASID table for PASID ${index * PER_LEAF} and on`;
  if (table === 0n || table >= 1n << 52n) {
    walk.find(IOMMU_HW['pasid-leaf'], where, entryAt, `${what} is said to be at ${hexText(table)}.`);
    return false;
  }
  walk.claims.add(walk.pfn(table), 1, owner);
  if (walk.map.complete && !walk.map.covers(table, PAGE))
    walk.find(IOMMU_HW['pasid-leaf'], where, entryAt, `${what} at ${hexText(table)} is not preserved.`);
  const bytes = mayRead(walk, 'tables', where, table)
    ? walk.bytes(table, PAGE, where, 'the PASID table')
    : undefined;
  if (bytes === undefined) return false;
  for (let at = 0; at < PAGE; at += VTD_SIZES.pasid) {
    if (((bytes[at] ?? 0) & 1) === 0) continue;
    const pasid = index * PER_LEAF + at / VTD_SIZES.pasid;
    const address = table + BigInt(at);
    if (!mayRead(walk, 'entries', where, address)) return false;
    const entry = bytes.subarray(at, at + VTD_SIZES.pasid);
    checkReserved(walk, 'pasid', entry, address, `${where}.entries[${out.length}]`);
    out.push({
      pasid,
      address,
      entry: walk.decodeBytes(VtdPasidEntry, entry, address, `${where}.entries[${out.length}]`),
    });
  }
  return true;
}

function translationOf(
  context: VtdContext | undefined,
  pasids: VtdPasidTable | undefined,
): Translation | undefined {
  if (context === undefined) return undefined;
  const name = bdfText(context);
  const none = { format: undefined, table: undefined, level: undefined };
  if (context.legacy !== undefined) {
    const { tt, aw, did, sspt } = context.legacy;
    const { address } = context;
    if (tt === 2)
      return {
        kind: 'pass-through',
        ...none,
        id: did,
        address,
        because: `The context entry of ${name} passes through.`,
      };
    if (tt === 3)
      return {
        kind: 'unknown',
        ...none,
        id: did,
        address,
        because: `The context entry of ${name} has the reserved TT 3.`,
      };
    return {
      kind: 'second-stage',
      format: 'vtdss',
      table: frameAddress(sspt),
      level: aw + 1,
      id: did,
      address,
      because: `The context entry of ${name}, in legacy mode, translates with VT-d's second stage.`,
    };
  }
  const wanted = context.scalable?.rid_pasid ?? 0;
  const found = pasids?.entries.find(({ pasid }) => pasid === wanted);
  if (found === undefined)
    return {
      kind: pasids?.complete === true ? 'blocked' : 'unknown',
      ...none,
      id: undefined,
      address: context.address,
      because: `${name} has no entry for PASID ${wanted}.`,
    };
  const { pgtt, aw, did, sspt, fspt, fspm } = found.entry;
  const { address } = found;
  const entry = `The PASID entry ${wanted} of ${name}`;
  if (pgtt === 1 || pgtt === 3)
    return {
      kind: pgtt === 1 ? 'first-stage' : 'nested',
      // Nested tables of the guest are walked through the host's; those of the domain are the host's.
      ...(pgtt === 1
        ? { format: 'x86_64', table: frameAddress(fspt), level: fspm + 3 }
        : { format: 'vtdss', table: frameAddress(sspt), level: aw + 1 }),
      id: did,
      address,
      because: `${entry} translates with ${pgtt === 1 ? 'the first stage, which has x86_64 tables' : 'both stages'}.`,
    };
  if (pgtt === 2)
    return {
      kind: 'second-stage',
      format: 'vtdss',
      table: frameAddress(sspt),
      level: aw + 1,
      id: did,
      address,
      because: `${entry} translates with VT-d's second stage.`,
    };
  return {
    kind: pgtt === 4 ? 'pass-through' : 'unknown',
    ...none,
    id: did,
    address,
    because: pgtt === 4 ? `${entry} passes through.` : `${entry} has the reserved PGTT ${pgtt}.`,
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
