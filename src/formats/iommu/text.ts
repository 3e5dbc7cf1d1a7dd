/** Each part of the state in a line, as trees show it. */
import { isRecord } from '../kho/record.js';

/** Members that are addresses, or words that people read in hexadecimal. */
export const IOMMU_HEX: readonly string[] = Object.freeze([
  'top_table',
  'top_table_phys',
  'restored_domain',
  'domain_phys',
  'iommu_phys',
  'dma_owner_token',
  'pasid_table',
  'phys_addr',
  'root_table',
  'context_tables_bitmap',
  'iommus_phys',
  'iommu_domains_phys',
  'devices_phys',
  'iommu_array_phys',
  'iommu_domain_array_phys',
  'device_array_phys',
  'strtab_base',
  'strtab_base_cfg',
  'l1_strtab_lu_state',
  'l2_strtab_lu_states_phys',
  'l1_cdtab_lu_state',
  'l2_cdtab_lu_states_phys',
  'iova',
  'phys',
]);

type Fields = Readonly<Record<string, unknown>>;

/** By where a part is; `sizeText` writes a number of bytes. */
export function iommuLine(
  path: string,
  value: Fields,
  sizeText: (bytes: unknown) => string,
): string | undefined {
  const kind = /\.iommu(?:\.(iommus|domains|devices)\[\d+\])?$/.exec(path);
  if (kind === null) return undefined;
  switch (kind[1]) {
    case undefined:
      return stateLine(value);
    case 'iommus':
      return gone(value) ?? unitLine(value);
    case 'domains':
      return gone(value) ?? domainLine(value, sizeText);
    default:
      return deviceLine(value, sizeText);
  }
}

function stateLine({ profile, candidates, iommus, domains, devices }: Fields): string {
  const others = Array.isArray(candidates) ? candidates.filter((each) => each !== profile) : [];
  return [
    `layout ${String(profile)}${others.length === 0 ? '' : ` (or ${others.join(', ')})`}`,
    count(iommus, 'IOMMU'),
    count(domains, 'domain'),
    count(devices, 'device'),
  ].join(', ');
}

function gone({ deleted }: Fields): string | undefined {
  return deleted === true ? 'deleted' : undefined;
}

const TYPES: Readonly<Record<string, string>> = { 0: 'no driver', 1: 'INTEL', 2: 'ARM_SMMUV3' };

function unitLine({ token, type, intel, devices }: Fields): string {
  const root = isRecord(intel) ? intel.root_table : undefined;
  return [
    hex(token),
    TYPES[String(type)] ?? `type ${String(type)}`,
    ...(root === undefined ? [] : [`root table ${hex(root)}`]),
    count(devices, 'device'),
  ].join(', ');
}

function domainLine(domain: Fields, sizeText: (bytes: unknown) => string): string {
  const { top_table, top_table_phys, top_level, vasz, tables, devices } = domain;
  return [
    `tables ${hex(top_table_phys ?? top_table)}, level ${String(top_level)}`,
    ...(vasz === undefined ? [] : [`${String(vasz)} bits`]),
    ...(isRecord(tables) ? [mapsText(tables, sizeText)] : []),
    count(devices, 'device'),
  ].join(', ');
}

function mapsText(
  { format, confidence, bytes, mappings, preserved }: Fields,
  sizeText: (bytes: unknown) => string,
): string {
  const runs = isRecord(mappings) && typeof mappings.length === 'number' ? mappings.length : 0;
  const what = `${confidence === 1 ? '' : 'probably '}${String(format)}`;
  if (bytes === 0n) return `${what}, maps nothing`;
  return `${what}, maps ${sizeText(bytes)} in ${runs} ${runs === 1 ? 'run' : 'runs'}${preserved === false ? ', not all of it preserved' : ''}`;
}

function deviceLine(device: Fields, sizeText: (bytes: unknown) => string): string {
  const { bdf, deleted, domain, iommu, reach, intel, map, domain_iommu_ser } = device;
  if (deleted === true) return `${String(bdf)}, deleted`;
  const attachment = isRecord(map)
    ? map.attachment_id
    : isRecord(domain_iommu_ser)
      ? domain_iommu_ser.did
      : undefined;
  const pasid = isRecord(intel) ? intel.pasid_table : undefined;
  return [
    String(bdf),
    `${domain === null ? 'no domain' : `domain ${String(domain)}`} (id ${String(attachment)})`,
    iommu === null ? 'no IOMMU' : `IOMMU ${String(iommu)}`,
    ...(pasid === undefined || pasid === 0n ? [] : [`PASID table ${hex(pasid)}`]),
    ...(isRecord(reach)
      ? [
          `${String(reach.kind)}${reach.bytes === undefined ? '' : reach.bytes === 0n ? ', reaches nothing' : `, reaches ${sizeText(reach.bytes)}`}`,
        ]
      : []),
  ].join(', ');
}

function hex(value: unknown): string {
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : 'unknown';
}
function count(list: unknown, unit: string): string {
  const length = Array.isArray(list) ? list.length : 0;
  return `${length} ${unit}${length === 1 ? '' : 's'}`;
}
