/** Root, context and PASID tables of a VT-d unit, as the hardware reads them. All of it is little-endian. */
import { VTD_SIZES } from '../../formats/iommu/hw/index.js';
import type { HandoverBuilder } from '../handover/builder.js';
import type { Region } from '../memory.js';
import type { DeviceModel, DomainModel, UnitModel } from './model.js';

export interface BuiltVtd {
  readonly root: Region;
  /** Bit bus * 2 + half for each context table; in legacy mode the one of a bus counts for the lower half. */
  readonly bitmap: Uint8Array;
  /** PASID directories in scalable mode. */
  readonly directories: ReadonlyMap<DeviceModel, Region>;
}

type TopOf = (domain: DomainModel) => bigint;

const PRESENT = 1n;
/** TT of a legacy context entry, and DTE of a scalable one: requests with addresses that the device translated. */
const DEVICE_IOTLB = 1n << 2n;
const FIRST_STAGE = 1n;
const SECOND_STAGE = 2n;
/** PASIDs that a leaf has entries for. */
const PER_LEAF = VTD_SIZES.table / VTD_SIZES.pasid;

/** Tables of a unit that is deleted are not preserved any more. */
export function buildVtd(builder: HandoverBuilder, unit: UnitModel, label: string, topOf: TopOf): BuiltVtd {
  const bitmap = new Uint8Array(64);
  const directories = new Map<DeviceModel, Region>();
  const name = `${label}.root_table`;
  if (unit.deleted) return { root: builder.page(name), bitmap, directories };
  const root = builder.allocate(name);
  const contexts = new Map<number, Region>();
  for (const device of unit.devices) {
    const half = unit.mode === 'scalable' && (device.devid & 0x80) !== 0 ? 1 : 0;
    const key = (device.devid >> 8) * 2 + half;
    let table = contexts.get(key);
    if (table === undefined) {
      table = builder.allocate(`${label}.context_tables[${key}]`);
      contexts.set(key, table);
      bitmap[key >> 3] = (bitmap[key >> 3] ?? 0) | (1 << (key & 7));
    }
    if (unit.mode === 'legacy') writeLegacy(builder, table, device, topOf);
    else
      directories.set(
        device,
        writeScalable(builder, table, device, `${label}.pasids[${device.index}]`, topOf),
      );
  }
  builder.memory.fill(root, (bytes) => {
    for (const [key, table] of contexts) words(bytes, 8 * key, [table.address | PRESENT]);
  });
  return { root, bitmap, directories };
}

function words(bytes: Uint8Array, at: number, values: readonly bigint[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const [i, value] of values.entries()) view.setBigUint64(at + 8 * i, value, true);
}

function writeLegacy(builder: HandoverBuilder, table: Region, device: DeviceModel, topOf: TopOf): void {
  const { domain, id, devid } = device;
  const aw = BigInt(domain.shape.level - 1);
  builder.memory.fill(table, (bytes) =>
    words(bytes, VTD_SIZES.context * (devid & 0xff), [
      topOf(domain) | ats(device) | PRESENT,
      aw | (id << 8n),
    ]),
  );
}

function ats({ ats: state }: DeviceModel): bigint {
  return state === 'enabled' ? DEVICE_IOTLB : 0n;
}

function writeScalable(
  builder: HandoverBuilder,
  table: Region,
  device: DeviceModel,
  label: string,
  topOf: TopOf,
): Region {
  const { domain, id, devid, maxPasid } = device;
  const { format, level } = domain.shape;
  const directory = builder.allocate(label, { size: (maxPasid / PER_LEAF) * VTD_SIZES.pasidDir });
  const leaf = builder.allocate(`${label}.leaf`);
  // The directory has 2^(PDTS + 7) entries.
  const pdts = BigInt(Math.log2(maxPasid / PER_LEAF) - 7);
  builder.memory.fill(table, (bytes) =>
    words(bytes, VTD_SIZES.scalableContext * (devid & 0x7f), [
      directory.address | (pdts << 9n) | ats(device) | PRESENT,
    ]),
  );
  builder.memory.fill(directory, (bytes) => words(bytes, 0, [leaf.address | PRESENT]));
  builder.memory.fill(leaf, (bytes) => {
    const head = (BigInt(level - 1) << 2n) | PRESENT;
    const first = format === 'x86_64';
    // Requests without a PASID have PASID 0. For the first stage, AW is written and not read.
    words(bytes, 0, [
      head | ((first ? FIRST_STAGE : SECOND_STAGE) << 6n) | (first ? 0n : topOf(domain)),
      id,
      first ? topOf(domain) | (BigInt(level - 3) << 2n) : 0n,
    ]);
  });
  return directory;
}
