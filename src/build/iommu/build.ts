/** Builds the IOMMU's state: arrays of objects, tables of the hardware, page tables. */
import { IOMMU_ARM_SMMUV3, IOMMU_INTEL, slotsOf } from '../../formats/iommu/index.js';
import type { HandoverBuilder } from '../handover/builder.js';
import { buildArray, buildRoot, type Put } from './arrays.js';
import { buildTables } from './domain-tables.js';
import { type DeviceModel, type DomainModel, modelOf, type UnitModel } from './model.js';
import type { FileRun, Files } from './pieces.js';
import { buildSmmu, STRTAB_BASE_CFG } from './smmu-tables.js';
import type { IommuSpec } from './spec.js';
import { type BuiltVtd, buildVtd } from './vtd-tables.js';

/** Gives the physical address of the root, to be asked for when all addresses are known. */
export function buildIommu(spec: IommuSpec, builder: HandoverBuilder, label: string): () => bigint {
  const model = modelOf(spec, filesOf(builder), builder.pageSize, label);
  const { profile, units, domains, devices } = model;
  const slots = slotsOf(profile, builder.abi);
  const root = buildRoot(builder, profile, label);
  const tops = domains.map((domain) =>
    buildTables(builder, domain, `${label}.domains[${domain.index}].tables`),
  );
  const topOf = ({ index }: DomainModel): bigint => tops[index]?.address ?? 0n;

  const vtd = new Map<UnitModel, BuiltVtd>();
  const streams = new Map<UnitModel, { readonly address: bigint }>();
  for (const unit of units) {
    const name = `${label}.units[${unit.index}]`;
    if (unit.type === IOMMU_INTEL) vtd.set(unit, buildVtd(builder, unit, name, topOf));
    // The address of the stream table has a place beside E only.
    else if (unit.type === IOMMU_ARM_SMMUV3 && slots.iommus.place('arm_smmu_v3.strtab_base') !== undefined)
      streams.set(unit, buildSmmu(builder, unit, name, topOf));
  }

  const putHeader = (
    put: Put,
    at: (typeof slots)['iommus' | 'domains' | 'devices']['at'],
    { deleted, refCount, index }: UnitModel | DomainModel | DeviceModel,
  ): void => {
    put(at.idx, index);
    put(at.ref_count, refCount);
    // A word of flags is the place of each of its bits, too: DELETED is the lowest.
    put(at.deleted, deleted ? 1 : 0);
  };
  const iommus = buildArray(builder, profile, 'iommus', units, label, (unit, put) => {
    const { at, place } = slots.iommus;
    putHeader(put, at, unit);
    put(at.token, unit.base);
    put(at.type, unit.type);
    const intel = vtd.get(unit);
    if (intel !== undefined) {
      put(place('intel.phys_addr'), unit.base);
      put(place('intel.root_table'), intel.root.address);
      const words = place('intel.context_tables_bitmap');
      const view = new DataView(intel.bitmap.buffer);
      if (words !== undefined)
        for (let i = 0; i < 8; i++)
          put({ offset: words.offset + 8 * i, size: 8 }, view.getBigUint64(8 * i, true));
    }
    if (unit.type !== IOMMU_ARM_SMMUV3) return;
    put(place('arm_smmu_v3.phys_addr'), unit.base);
    put(place('arm_smmu_v3.strtab_base'), streams.get(unit)?.address ?? 0n);
    put(place('arm_smmu_v3.strtab_base_cfg'), STRTAB_BASE_CFG);
  });
  const array = buildArray(builder, profile, 'domains', domains, label, (domain, put) => {
    const { at, place } = slots.domains;
    const { level, vasz = 0, signExtend } = domain.shape;
    putHeader(put, at, domain);
    put(at.top_table, topOf(domain));
    put(at.top_level, level);
    put(at.vasz, vasz);
    put(at.sign_extend, signExtend ? 1 : 0);
    put(place('attach_count'), domain.devices.length);
  });
  // Page tables of iommufds are given by the address of their domain.
  for (const { name, index } of domains)
    if (name !== undefined) builder.named.set(`iommu.domains.${name}`, () => array.slot(index));
  const list = buildArray(builder, profile, 'devices', devices, label, (device, put) => {
    const { at, place } = slots.devices;
    putHeader(put, at, device);
    put(at.owner, device.owner);
    put(at.devid, device.devid);
    put(at.segment, device.segment);
    put(at.id, device.id);
    put(at.domain, array.slot(device.domain.index));
    put(at.iommu, iommus.slot(device.unit.index));
    if (device.unit.type !== IOMMU_INTEL) return;
    put(place('intel.ats_enabled'), device.ats === 'enabled' ? 1 : 0);
    put(place('intel.ats_supported'), device.ats === 'off' ? 0 : 1);
    const directory = vtd.get(device.unit)?.directories.get(device);
    if (directory === undefined) return;
    put(place('intel.pasid_table'), directory.address);
    put(place('intel.max_pasid'), device.maxPasid);
  });
  root.lead({ iommus, domains: array, devices: list });
  return () => root.region.address;
}

/** Folios of the files that were built. */
function filesOf(builder: HandoverBuilder): Files {
  const known = new Map<string, readonly FileRun[]>();
  return (name) => {
    const folios = builder.folios.get(name);
    const before = known.get(name);
    if (folios === undefined || before !== undefined) return before;
    const runs = folios
      .map(({ index, order, count, region }) => ({ index, order, count, phys: () => region.address }))
      .sort((a, b) => (a.index < b.index ? -1 : 1));
    known.set(name, runs);
    return runs;
  };
}
