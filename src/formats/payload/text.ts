/** How what files and FLBs left is shown in one line. */
import { isRecord } from '../kho/record.js';

/** Fields that people read in hexadecimal. */
export const PAYLOAD_HEX: readonly string[] = Object.freeze([
  'bdf',
  'vm_token',
  'domain_data',
  'folio',
  'arch_state',
  'cb',
  'phys',
  'pci_saved_state_phys',
  'driver_data',
  'cap_nr',
  'gfn',
  'attributes',
  'iova',
  'attrs',
]);

/** The line of what lies at the path of a value; undefined where there is nothing to say beyond its fields. */
export function payloadLine(path: string, value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  if (/\.pci\.devices\[\d+\]$/.test(path) && typeof value.address === 'string')
    return typeof value.refcount === 'number'
      ? `${value.address}, refcount ${value.refcount}`
      : value.address;
  if (/\.(vfio|dmabuf)$/.test(path) && typeof value.address === 'string') return value.address;
  if (/\.iommufd\.hwpts\[\d+\]$/.test(path) && typeof value.token === 'bigint')
    return `token 0x${value.token.toString(16)}`;
  if (/\.kvm_vm$/.test(path) && typeof value.type_name === 'string') return value.type_name;
  if (/\.kvm_vcpu$/.test(path) && typeof value.vcpu_id === 'number') return `virtual CPU ${value.vcpu_id}`;
  if (/\.guest_memfd\.folios\[\d+\]$/.test(path)) return guestFolioLine(value);
  if (
    /\.mem_attrs\[\d+\]$/.test(path) &&
    typeof value.gfn === 'bigint' &&
    typeof value.attributes === 'bigint'
  )
    return `${String(value.count)} pages from 0x${value.gfn.toString(16)} on, 0x${value.attributes.toString(16)}`;
  return undefined;
}

/** Unlike in a memfd, bit 0 says that the folio is up to date. */
function guestFolioLine({
  index,
  pfn,
  count,
  flags,
  step,
}: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof index !== 'bigint' || typeof pfn !== 'bigint' || typeof count !== 'number') return undefined;
  const bits = Number(flags);
  const names = [...(bits & 1 ? ['UPTODATE'] : []), ...(bits & ~1 ? [`0x${(bits & ~1).toString(16)}`] : [])];
  return [
    count === 1 ? `page ${index}` : `pages ${index} to ${index + BigInt(count) - 1n}`,
    `${step === -1 ? 'downward from ' : ''}pfn 0x${pfn.toString(16)}`,
    names.length === 0 ? 'no flags' : names.join('|'),
  ].join(', ');
}
