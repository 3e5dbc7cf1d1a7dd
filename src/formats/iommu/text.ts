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
  const found = /\.iommu(?:\.(iommus|domains|devices)\[\d+\](?:\.(\w+)(?:\.(\w+)\[\d+\])?)?)?$/.exec(path);
  if (found === null) return undefined;
  const [, kind, part, inside] = found;
  switch (kind) {
    case undefined:
      return stateLine(value);
    case 'iommus':
      return part === undefined ? (gone(value) ?? unitLine(value)) : unitPart(part, inside, value);
    case 'domains':
      return part === undefined
        ? (gone(value) ?? domainLine(value, sizeText))
        : domainPart(part, inside, value, sizeText);
    default:
      if (part === undefined) return deviceLine(value, sizeText);
      return part === 'reach' && inside === undefined ? reachLine(value, sizeText) : undefined;
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

function unitLine({ token, type, intel, arm_smmu_v3, tables, devices }: Fields): string {
  const root = isRecord(intel) ? intel.root_table : undefined;
  const base = isRecord(arm_smmu_v3) ? arm_smmu_v3.strtab_base : undefined;
  return [
    hex(token),
    TYPES[String(type)] ?? `type ${String(type)}`,
    ...(isRecord(tables) ? [vtdMode(tables.mode)] : []),
    count(devices, 'device'),
    ...(root === undefined ? [] : [`root table ${hex(root)}`]),
    ...(base === undefined ? [] : [`stream table ${hex(base)}`]),
    ...(isRecord(tables) ? [tablesText(tables)] : []),
  ].join(', ');
}

function vtdMode(mode: unknown): string {
  return mode === 'legacy' || mode === 'scalable' ? `${mode} mode` : String(mode);
}

function tablesText({ mode, tables, entries, complete }: Fields): string {
  const vtd = mode === 'legacy' || mode === 'scalable';
  const what = vtd ? 'context table' : 'second-level table';
  const unit = vtd ? ['context', 'contexts'] : ['stream', 'streams'];
  const text = `${plural(tables, what)} with ${String(entries)} ${entries === 1 ? unit[0] : unit[1]}`;
  return complete === false ? `${text} and what cannot be read` : text;
}

function unitPart(part: string, inside: string | undefined, value: Fields): string | undefined {
  return part === 'tables' && inside === undefined
    ? `${vtdMode(value.mode)}, ${tablesText(value)}`
    : undefined;
}

function domainLine(domain: Fields, sizeText: (bytes: unknown) => string): string {
  const { top_table, top_table_phys, top_level, vasz, tables, devices } = domain;
  const level = typeof top_level === 'bigint' ? Number(top_level) : top_level;
  return [
    count(devices, 'device'),
    ...(isRecord(tables) ? [mapsText(tables, sizeText)] : []),
    `tables ${hex(top_table_phys ?? top_table)}`,
    ...(typeof level === 'number' ? [plural(level + 1, 'level')] : []),
    ...(vasz === undefined ? [] : [`${String(vasz)} bits`]),
    ...(isRecord(tables) ? [] : ['not walked']),
  ].join(', ');
}

function domainPart(
  part: string,
  inside: string | undefined,
  value: Fields,
  sizeText: (bytes: unknown) => string,
): string | undefined {
  if (part !== 'tables') return undefined;
  switch (inside) {
    case undefined:
      return domainTables(value, sizeText);
    case 'mappings':
      return mappingLine(value, sizeText);
    case 'levels':
      return `level ${String(value.level)}: ${plural(value.tables, 'table')}, ${entries(value.tableEntries)} to tables, ${entries(value.leafEntries)} to memory`;
    case 'sizes':
      return `pages of ${sizeText(value.size)}: ${entries(value.entries)}`;
    default:
      return undefined;
  }
}

function domainTables(
  { format, confidence, levels, sizes, preserved, complete, bytes }: Fields,
  sizeText: (bytes: unknown) => string,
): string {
  const tables = list(levels).reduce<number>(
    (sum, each) => sum + (typeof each.tables === 'number' ? each.tables : 0),
    0,
  );
  const pages = list(sizes).map((each) => `${String(each.entries)} of ${sizeText(each.size)}`);
  return [
    `${formatName(format, confidence)}`,
    plural(tables, 'table'),
    ...(pages.length === 0 ? ['no pages'] : [`pages: ${pages.join(' + ')}`]),
    ...(complete === false ? ['not all of them could be walked'] : []),
    ...(preserved === undefined || bytes === 0n
      ? []
      : [preserved === true ? 'all that is mapped is preserved' : 'NOT all that is mapped is preserved']),
  ].join(', ');
}

/** A format that the hardware does not tell is a guess, and how good a guess it is belongs to it. */
function formatName(format: unknown, confidence: unknown): string {
  if (confidence === 1) return String(format);
  const percent = typeof confidence === 'number' ? ` (${Math.round(confidence * 100)} %)` : '';
  return `probably ${String(format)}${percent}`;
}

const ACCESS = ['none', 'r', 'w', 'rw'] as const;

function mappingLine(
  { iova, phys, size, permissions, smallestPage, largestPage }: Fields,
  sizeText: (bytes: unknown) => string,
): string {
  const pages =
    smallestPage === largestPage
      ? `pages of ${sizeText(smallestPage)}`
      : `pages of ${sizeText(smallestPage)} to ${sizeText(largestPage)}`;
  const access = typeof permissions === 'number' ? ACCESS[permissions & 3] : undefined;
  return `${hex(iova)} → ${hex(phys)}, ${sizeText(size)}, ${access === 'none' ? 'no access' : (access ?? 'unknown')}, ${pages}`;
}

function mapsText({ bytes, mappings, preserved }: Fields, sizeText: (bytes: unknown) => string): string {
  const runs = isRecord(mappings) && typeof mappings.length === 'number' ? mappings.length : 0;
  if (bytes === 0n) return 'maps nothing';
  return `maps ${sizeText(bytes)} in ${plural(runs, 'run')}${preserved === false ? ', NOT all of it preserved' : ''}`;
}

function deviceLine(device: Fields, sizeText: (bytes: unknown) => string): string {
  const { bdf, deleted, domain, iommu, reach, intel } = device;
  if (deleted === true) return `${String(bdf)}, deleted`;
  const pasid = isRecord(intel) ? intel.pasid_table : undefined;
  return [
    String(bdf),
    `${domain === null ? 'no domain' : `domain ${String(domain)}`} (${attachment(device)})`,
    iommu === null ? 'no IOMMU' : `IOMMU ${String(iommu)}`,
    ...(isRecord(reach) ? [reachLine(reach, sizeText)] : ['what it reaches is not known']),
    ...(pasid === undefined || pasid === 0n ? [] : [`PASID table ${hex(pasid)}`]),
  ].join(', ');
}

/** The id of the domain on the unit, by the name that its layout has for it. */
function attachment({ map, domain_iommu_ser: device, attachment_id: own }: Fields): string {
  if (isRecord(device)) return `DID ${String(device.did)}`;
  return `id ${String(isRecord(map) ? map.attachment_id : own)}`;
}

function reachLine({ kind, bytes, runs }: Fields, sizeText: (bytes: unknown) => string): string {
  const how = String(kind);
  if (bytes === undefined) return how === 'unknown' ? 'what it reaches is not known' : how;
  if (bytes === 0n) return `${how}, reaches nothing`;
  return `reaches ${sizeText(bytes)}${typeof runs === 'number' ? ` in ${plural(runs, 'range')}` : ''}${how === 'unknown' ? '' : ` (${how})`}`;
}

function hex(value: unknown): string {
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : 'unknown';
}
function plural(number: unknown, unit: string): string {
  return `${String(number)} ${unit}${number === 1 || number === 1n ? '' : 's'}`;
}
function entries(number: unknown): string {
  return `${String(number)} ${number === 1 ? 'entry' : 'entries'}`;
}
function count(of: unknown, unit: string): string {
  return plural(Array.isArray(of) ? of.length : 0, unit);
}
function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
