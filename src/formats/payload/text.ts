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
export function payloadLine(
  path: string,
  value: unknown,
  sizeText: (bytes: unknown) => string,
): string | undefined {
  if (!isRecord(value)) return undefined;
  for (const [where, line] of LINES) if (where.test(path)) return line(value, sizeText);
  return undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const LINES: readonly (readonly [
  RegExp,
  (value: Fields, sizeText: (bytes: unknown) => string) => string | undefined,
])[] = [
  [
    /\.pci$/,
    ({ profile, devices, rfc_devices: rfc, nr_devices, max_nr_devices }) =>
      isText(profile)
        ? parts([
            `layout ${profile}`,
            plural(lengthOf(rfc) ?? lengthOf(devices) ?? nr_devices, 'device'),
            max_nr_devices !== undefined && `room for ${String(max_nr_devices)}`,
          ])
        : undefined,
  ],
  [
    /\.pci\.devices\[\d+\]$/,
    ({ address, refcount }) =>
      isText(address) ? parts([address, typeof refcount === 'number' && `refcount ${refcount}`]) : undefined,
  ],
  [
    /\.vfio$/,
    ({ address, profile, reset_works, iommufd_ser, pci_saved_state: saved }) =>
      isText(address)
        ? parts([
            address,
            iommufdText(iommufd_ser),
            reset_works !== undefined && (reset_works === 0 ? 'reset does not work' : 'reset works'),
            isRecord(saved) && plural(lengthOf(saved.caps) ?? 0, 'saved capability', 'saved capabilities'),
            isText(profile) && `layout ${profile}`,
          ])
        : undefined,
  ],
  [
    /\.pci_saved_state\.caps\[\d+\]$/,
    ({ cap_nr, cap_extended, size }) =>
      parts([
        `${cap_extended === 0 ? 'capability' : 'extended capability'} ${hexText(cap_nr)}`,
        plural(size, 'byte'),
      ]),
  ],
  [/\.dmabuf$/, ({ address }) => (isText(address) ? address : undefined)],
  [
    /\.iommufd$/,
    ({ profile, hwpts, nr_hwpts, folio }) =>
      isText(profile)
        ? parts([
            folio === undefined
              ? plural(lengthOf(hwpts) ?? nr_hwpts, 'page table')
              : `a folio at ${hexText(folio)}`,
            `layout ${profile}`,
          ])
        : undefined,
  ],
  [
    /\.iommufd\.hwpts\[\d+\]$/,
    ({ token, domain_data, reclaimed }) =>
      typeof token === 'bigint'
        ? parts([
            `token ${hexText(token)}`,
            `iommu_domain_ser at ${hexText(domain_data)}`,
            reclaimed !== 0 && reclaimed !== undefined && `reclaimed ${String(reclaimed)}`,
          ])
        : undefined,
  ],
  [
    /\.kvm_vm$/,
    ({ type_name, type, private_memory, profile, phys, mem_attrs, nr_mem_attrs }) =>
      parts([
        isText(type_name) ? type_name : `type ${hexText(type)}`,
        private_memory === true && 'with private memory',
        mem_attrs !== undefined && `${plural(nr_mem_attrs, 'page')} with attributes`,
        phys !== undefined && `its state is at ${hexText(phys)}`,
        isText(profile) && `layout ${profile}`,
      ]),
  ],
  [
    /\.kvm_vcpu$/,
    ({ vcpu_id, vm_token, arch_state, cb, flags }) =>
      typeof vcpu_id === 'number'
        ? parts([
            `virtual CPU ${vcpu_id}`,
            vm_token !== undefined && `of the VM ${hexText(vm_token)}`,
            arch_state !== undefined && `state ${hexText(arch_state)}`,
            cb !== undefined && `control block ${hexText(cb)}`,
            flags !== 0 && flags !== undefined && `flags ${hexText(flags)}`,
          ])
        : undefined,
  ],
  [
    /\.guest_memfd$/,
    ({ size, flags, vm_token, nr_folios }, sizeText) =>
      typeof size === 'bigint'
        ? parts([
            sizeText(size),
            guestFlags(flags),
            plural(nr_folios, 'folio'),
            vm_token === 0n ? 'of no VM' : `of the VM ${hexText(vm_token)}`,
          ])
        : undefined,
  ],
  [/\.guest_memfd\.folios\[\d+\]$/, guestFolioLine],
  [
    /\.huge_memfd$/,
    ({ size, pos, nr_folios, order }, sizeText) =>
      typeof size === 'bigint'
        ? parts([
            sizeText(size),
            `position ${String(pos)}`,
            `${plural(nr_folios, 'huge page')} of order ${String(order)}`,
          ])
        : undefined,
  ],
  [
    /\.huge_memfd\.folios\[\d+\]$/,
    ({ index, pfn, count }) =>
      typeof index === 'bigint'
        ? `${plural(count, 'huge page')} from index ${index}, pfn ${hexText(pfn)}`
        : undefined,
  ],
  [
    /\.hugetlb$/,
    ({ hstates }) => (Array.isArray(hstates) ? `${plural(hstates.length, 'size')} of huge pages` : undefined),
  ],
  [
    /\.hugetlb\.hstates\[\d+\]$/,
    ({ nr_pages, order }) => `${plural(nr_pages, 'page')} of order ${String(order)}`,
  ],
  [
    /\.eventfd$/,
    ({ count, flags }) => (typeof count === 'bigint' ? `count ${count}, ${eventFlags(flags)}` : undefined),
  ],
  [
    /\.mem_attrs\[\d+\]$/,
    ({ gfn, count, attributes }) =>
      typeof gfn === 'bigint' && typeof attributes === 'bigint'
        ? `${plural(count, 'page')} from gfn ${hexText(gfn)} on, ${attributes === 8n ? 'PRIVATE' : hexText(attributes)}`
        : undefined,
  ],
];

function iommufdText(ser: unknown): string | false {
  if (!isRecord(ser)) return false;
  return ser.token === 0 ? 'attached to no iommufd' : `attached to the iommufd ${hexText(ser.token)}`;
}

const GUEST_FLAGS = ['MMAP', 'INIT_SHARED'] as const;
function guestFlags(flags: unknown): string {
  if (typeof flags !== 'bigint') return 'flags unknown';
  const names: string[] = GUEST_FLAGS.filter((_, bit) => (flags & (1n << BigInt(bit))) !== 0n);
  if (flags >> 2n !== 0n) names.push(hexText((flags >> 2n) << 2n));
  return names.length === 0 ? 'no flags' : names.join('|');
}

const EVENT_FLAGS = [
  ['SEMAPHORE', 1],
  ['NONBLOCK', 0x800],
  ['CLOEXEC', 0x80000],
] as const;
function eventFlags(flags: unknown): string {
  if (typeof flags !== 'number') return 'flags unknown';
  const names: string[] = EVENT_FLAGS.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  const rest = flags & ~0x80801;
  if (rest !== 0) names.push(hexText(rest >>> 0));
  return names.length === 0 ? 'no flags' : names.join('|');
}

function parts(list: readonly (string | false)[]): string {
  return list.filter((part) => part !== false).join(', ');
}
function isText(value: unknown): value is string {
  return typeof value === 'string';
}
function hexText(value: unknown): string {
  return typeof value === 'bigint' || typeof value === 'number' ? `0x${value.toString(16)}` : 'unknown';
}
function lengthOf(list: unknown): number | undefined {
  return Array.isArray(list) ? list.length : undefined;
}
function plural(number: unknown, unit: string, units = `${unit}s`): string {
  return `${String(number)} ${number === 1 || number === 1n ? unit : units}`;
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
