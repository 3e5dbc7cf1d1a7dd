/** From an SMMUv3's stream table to stream table entries and context descriptors. */
import { decode } from '../../../codec/index.js';
import { hexText, type Walk } from '../../kho/walk.js';
import { type Granule, geometryOf } from '../../pgtable/index.js';
import { mayRead } from './budget.js';
import { IOMMU_HW } from './rules.js';
import { Cd, SMMU_SIZES, SmmuL1CdDesc, SmmuL1StreamDesc, SmmuStrtabBaseCfg, Ste } from './smmu-schema.js';
import type { SmmuDevice, SmmuStream, SmmuUnit, Translation } from './types.js';

/** Stream ids that are looked through at most; PCI devices of one segment have 2^16. */
const MAX_STREAMS = 1 << 20;
/** Descriptors of the first level that are read. */
const MAX_L1 = 1 << 17;
const ADDRESS_TOP = 1n << 52n;

/**
 * Reads the stream table of an SMMU: STRTAB_BASE (or the physical address of the table) and STRTAB_BASE_CFG.
 * Undefined where the table cannot be had.
 */
export function smmuUnit(
  walk: Walk,
  strtabBase: bigint,
  strtabBaseCfg: bigint,
  path: string,
): SmmuUnit | undefined {
  const word = new Uint8Array(8);
  new DataView(word.buffer).setBigUint64(0, strtabBaseCfg & 0xffff_ffff_ffff_ffffn, walk.little);
  const config = decode(SmmuStrtabBaseCfg, word, { abi: walk.abi });
  // Bit 62 of the register is a hint for read allocation.
  const base = strtabBase & (ADDRESS_TOP - 1n) & ~0x3fn;
  const twoLevel = config.fmt === 1;
  const streams = 2 ** Math.min(config.log2size, 32);
  if (base === 0n || config.fmt > 1 || config.log2size > 32) {
    walk.find(
      IOMMU_HW['root-table'],
      path,
      strtabBase,
      `The stream table is said to be at ${hexText(strtabBase)}, with the configuration ${hexText(strtabBaseCfg)}.`,
    );
    return undefined;
  }
  if (walk.map.complete && !walk.map.covers(base, SMMU_SIZES.ste)) {
    walk.find(IOMMU_HW['root-table'], path, base, `The stream table at ${hexText(base)} is not preserved.`);
    if (walk.image.at(base).state === 'absent') return undefined;
  }
  const split = twoLevel ? config.split : config.log2size;
  const because = [
    twoLevel
      ? `STRTAB_BASE_CFG says two levels, ${split} bits of a stream id for the second one.`
      : `STRTAB_BASE_CFG says one level of ${streams} entries.`,
  ];
  const tables: { firstStream: number; table: bigint; entries: number; present: boolean }[] = [];
  const valid: SmmuStream[] = [];
  let complete = true;
  if (!twoLevel) {
    const entries = Math.min(streams, MAX_STREAMS);
    claim(walk, base, entries * SMMU_SIZES.ste, path);
    const present = readStes(walk, base, 0, entries, path, valid);
    tables.push({ firstStream: 0, table: base, entries, present });
    complete = present && entries === streams;
  } else {
    const descriptors = Math.min(2 ** Math.max(0, config.log2size - split), MAX_L1);
    claim(walk, base, descriptors * SMMU_SIZES.l1, path);
    const size = descriptors * SMMU_SIZES.l1;
    const bytes = mayRead(walk, 'tables', path, base, Math.ceil(size / 4096))
      ? walk.bytes(base, size, path, 'the stream table')
      : undefined;
    if (bytes === undefined) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let i = 0; i < descriptors; i++) {
      if (view.getBigUint64(8 * i, true) === 0n) continue;
      const at = base + BigInt(8 * i);
      const { span, l2ptr } = walk.decodeBytes(
        SmmuL1StreamDesc,
        bytes.subarray(8 * i, 8 * i + 8),
        at,
        `${path}.l1[${i}]`,
      );
      if (span === 0) continue;
      const table = BigInt(l2ptr) * 64n;
      const entries = 2 ** Math.min(span - 1, split);
      let present = false;
      if (span - 1 > split || table === 0n)
        walk.find(
          IOMMU_HW['context-table'],
          path,
          at,
          `The second level for stream ${i * 2 ** split} and on is said to be at ${hexText(table)}, with the span ${span}.`,
        );
      else {
        claim(walk, table, entries * SMMU_SIZES.ste, path);
        if (walk.map.complete && !walk.map.covers(table, entries * SMMU_SIZES.ste))
          walk.find(
            IOMMU_HW['context-table'],
            path,
            at,
            `The second level for stream ${i * 2 ** split} and on at ${hexText(table)} is not preserved.`,
          );
        present = readStes(walk, table, i * 2 ** split, entries, path, valid);
      }
      if (!present) complete = false;
      tables.push({ firstStream: i * 2 ** split, table, entries, present });
    }
  }
  return { strtabBase: base, streams, twoLevel, split, because, tables, streamsValid: valid, complete };
}

function claim(walk: Walk, address: bigint, size: number, path: string): void {
  const first = walk.pfn(address);
  walk.claims.add(first, walk.pfn(address + BigInt(size) - 1n) - first + 1, path);
}

function readStes(
  walk: Walk,
  table: bigint,
  firstStream: number,
  entries: number,
  path: string,
  out: SmmuStream[],
): boolean {
  const size = entries * SMMU_SIZES.ste;
  const bytes = mayRead(walk, 'tables', path, table, Math.ceil(size / 4096))
    ? walk.bytes(table, size, path, 'the stream table')
    : undefined;
  if (bytes === undefined) return false;
  for (let i = 0; i < entries; i++) {
    const at = i * SMMU_SIZES.ste;
    if (((bytes[at] ?? 0) & 1) === 0) continue;
    const address = table + BigInt(at);
    if (!mayRead(walk, 'entries', path, address)) return false;
    out.push({
      stream: firstStream + i,
      address,
      ste: walk.decodeBytes(
        Ste,
        bytes.subarray(at, at + SMMU_SIZES.ste),
        address,
        `${path}.streams[${out.length}]`,
      ),
    });
  }
  return true;
}

/** A stream's entry, its context descriptor for substream 0, and how its requests are translated. */
export function smmuDevice(walk: Walk, unit: SmmuUnit, stream: number, path: string): SmmuDevice {
  const found = unit.streamsValid.find((candidate) => candidate.stream === stream);
  if (found === undefined) return { stream: undefined, cd: undefined, translation: undefined };
  const { ste, address } = found;
  const none = { format: undefined, table: undefined, level: undefined, id: undefined };
  const name = `The stream table entry ${stream}`;
  if (ste.config === 5) {
    const cd = readCd(walk, found, path);
    if (cd === undefined)
      return {
        stream: found,
        cd,
        translation: {
          kind: 'unknown',
          ...none,
          address,
          because: `${name} has no valid context descriptor.`,
        },
      };
    return { stream: found, cd, translation: firstStage(cd, name) };
  }
  if (ste.config === 6 || ste.config === 7)
    return { stream: found, cd: undefined, translation: secondStage(found, name) };
  const kind = ste.config === 4 ? 'pass-through' : ste.config < 4 ? 'blocked' : 'unknown';
  return {
    stream: found,
    cd: undefined,
    translation: { kind, ...none, address, because: `${name} has the configuration ${ste.config}.` },
  };
}

function readCd(walk: Walk, { ste, address }: SmmuStream, path: string): SmmuDevice['cd'] {
  const where = `${path}.cd`;
  let table = BigInt(ste.s1ctxptr) * 64n;
  if (table === 0n) return undefined;
  const unpreserved = (size: number) => walk.map.complete && !walk.map.covers(table, size);
  if (ste.s1fmt !== 0) {
    const size = SMMU_SIZES.l1cd;
    claim(walk, table, size * 2 ** Math.max(0, ste.s1cdmax - (ste.s1fmt === 2 ? 10 : 6)), path);
    if (unpreserved(size))
      walk.find(
        IOMMU_HW['pasid-leaf'],
        where,
        address,
        `The context descriptors at ${hexText(table)} are not preserved.`,
      );
    const l1 = walk.decode(SmmuL1CdDesc, table, size, `${where}.l1`, 'the table of context descriptors');
    if (l1 === undefined || l1.v === 0) return undefined;
    table = BigInt(l1.l2ptr) * 4096n;
    claim(walk, table, ste.s1fmt === 2 ? 65536 : 4096, path);
  } else claim(walk, table, SMMU_SIZES.cd * 2 ** ste.s1cdmax, path);
  if (unpreserved(SMMU_SIZES.cd))
    walk.find(
      IOMMU_HW['pasid-leaf'],
      where,
      address,
      `The context descriptor at ${hexText(table)} is not preserved.`,
    );
  const value = walk.decode(Cd, table, SMMU_SIZES.cd, where, 'the context descriptor');
  return value === undefined || value.v === 0 ? undefined : { address: table, value };
}

/** TG0 and S2TG. */
const GRANULES: readonly (Granule | undefined)[] = [4096, 65536, 16384, undefined];

function firstStage({ address, value }: NonNullable<SmmuDevice['cd']>, name: string): Translation {
  const granule = GRANULES[value.tg0];
  const { granuleShift, indexBits } = geometryOf('armv8-s1', granule);
  const bits = 64 - value.t0sz;
  return {
    kind: 'first-stage',
    format: value.aa64 === 1 && granule !== undefined ? 'armv8-s1' : undefined,
    ...(granule === undefined ? {} : { granule }),
    table: BigInt(value.ttb0) * 16n,
    level: Math.max(0, Math.ceil((bits - granuleShift) / indexBits) - 1),
    id: value.asid,
    address,
    because: `${name} translates with stage 1; its context descriptor has addresses of ${bits} bits.`,
  };
}

function secondStage({ ste, address }: SmmuStream, name: string): Translation {
  const granule = GRANULES[ste.s2tg];
  // The level of the architecture that the walk begins with; its level 3 is that of the leaves.
  const start = granule === 4096 ? (ste.s2sl0 === 3 ? 3 : 2 - ste.s2sl0) : 3 - ste.s2sl0;
  return {
    kind: ste.config === 7 ? 'nested' : 'second-stage',
    format: ste.s2aa64 === 1 && granule !== undefined ? 'armv8-s2' : undefined,
    ...(granule === undefined ? {} : { granule }),
    table: BigInt(ste.s2ttb) * 16n,
    level: 3 - start,
    id: ste.s2vmid,
    address,
    because: `${name} translates with stage 2; its addresses have ${64 - ste.s2t0sz} bits.`,
  };
}
