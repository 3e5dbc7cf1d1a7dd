/**
 * Stream table and context descriptors of an SMMUv3, as its specification and Linux's driver have them. Only
 * beside E is the table's address handed over; what DMA preservation keeps of it is not known well enough to be
 * built, so that those handles are 0.
 */
import { SMMU_SIZES } from '../../formats/iommu/hw/index.js';
import type { HandoverBuilder } from '../handover/builder.js';
import type { Region } from '../memory.js';
import type { DeviceModel, DomainModel, UnitModel } from './model.js';

/** Linux: stream ids of 16 bits, 8 of them for the second level. */
const STREAM_BITS = 16;
const SPLIT = 8;
/** STRTAB_BASE_CFG: two levels. */
export const STRTAB_BASE_CFG = (1n << 16n) | (BigInt(SPLIT) << 6n) | BigInt(STREAM_BITS);

const VALID = 1n;
const S1_TRANSLATE = 5n << 1n;
const S2_TRANSLATE = 6n << 1n;
/** Of 48 bits; both stages have addresses of at most so many here. */
const OUTPUT_48 = 5n;
const AA64_S2 = 1n << 51n;
const RECORD_FAULTS = 1n << 58n;

/** Requester ids are stream ids. Gives the stream table. */
export function buildSmmu(
  builder: HandoverBuilder,
  unit: UnitModel,
  label: string,
  topOf: (domain: DomainModel) => bigint,
): Region {
  const name = `${label}.strtab`;
  if (unit.deleted) return builder.page(name);
  const table = builder.allocate(name, { size: 2 ** (STREAM_BITS - SPLIT) * SMMU_SIZES.l1 });
  const seconds = new Map<number, Region>();
  for (const device of unit.devices) {
    const index = device.devid >> SPLIT;
    let second = seconds.get(index);
    if (second === undefined) {
      second = builder.allocate(`${label}.streams[${index}]`, { size: 2 ** SPLIT * SMMU_SIZES.ste });
      seconds.set(index, second);
    }
    writeStream(builder, second, device, `${label}.cd[${device.index}]`, topOf);
  }
  builder.memory.fill(table, (bytes) => {
    // The span is one more than the power of two of entries.
    for (const [index, second] of seconds)
      words(bytes, SMMU_SIZES.l1 * index, [second.address | BigInt(SPLIT + 1)]);
  });
  return table;
}

function writeStream(
  builder: HandoverBuilder,
  second: Region,
  { devid, domain, id }: DeviceModel,
  label: string,
  topOf: (domain: DomainModel) => bigint,
): void {
  const { format, level, vasz = 48 } = domain.shape;
  const at = SMMU_SIZES.ste * (devid % 2 ** SPLIT);
  const unused = BigInt(64 - vasz);
  if (format === 'armv8-s2') {
    // The walk begins with level 2 - SL0 of the architecture, whose levels count from the topmost one.
    const sl0 = BigInt(level - 1);
    const config = id | (unused << 32n) | (sl0 << 38n) | (OUTPUT_48 << 48n) | AA64_S2 | RECORD_FAULTS;
    builder.memory.fill(second, (bytes) =>
      words(bytes, at, [S2_TRANSLATE | VALID, 0n, config, topOf(domain)]),
    );
    return;
  }
  const descriptor = builder.allocate(label);
  builder.memory.fill(second, (bytes) => words(bytes, at, [descriptor.address | S1_TRANSLATE | VALID]));
  // EPD1: there is no upper half. Bits 41, 45 and 46: AArch64 tables, faults recorded, and accesses ended.
  const flags = (1n << 30n) | (1n << 31n) | (OUTPUT_48 << 32n) | (1n << 41n) | (1n << 45n) | (1n << 46n);
  builder.memory.fill(descriptor, (bytes) => words(bytes, 0, [unused | flags | (id << 48n), topOf(domain)]));
}

function words(bytes: Uint8Array, at: number, values: readonly bigint[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const [i, value] of values.entries()) view.setBigUint64(at + 8 * i, value, true);
}
