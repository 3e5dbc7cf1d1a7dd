/**
 * A host in the middle of a live update: virtual machines with guest memory, KVM, iommufd and VFIO files, PCI
 * devices, and the IOMMU's state in layout F2 with tables that VT-d hardware accepts (legacy mode).
 */
import { type MappingInput, writeTables } from '../../src/formats/pgtable/index.js';
import { joined, Machine, words } from '../formats/machine.js';

const PAGE = 4096;
export const HUGE = 1 << 21;

export interface GuestSpec {
  /** Blocks of 2 MiB of guest memory. */
  readonly blocks: number;
  /** Devices of this guest, in one domain. */
  readonly devices: readonly DeviceSpec[];
  /** What is mapped beside all of its memory. */
  readonly mappings?: readonly MappingInput[];
  /** Leave out the KVM files and the guest_memfd. */
  readonly plain?: true;
}
export interface DeviceSpec {
  readonly segment: number;
  /** Bus, device, function. */
  readonly bdf: number;
  /** Place in the list of units. */
  readonly unit: number;
  /** The guest whose domain it is attached to, by its place; its own if not given. */
  readonly domain?: number;
}
export interface HostSpec {
  readonly units: number;
  readonly guests: readonly GuestSpec[];
  /** Sessions that the guests are spread over; one for each if not given. */
  readonly sessions?: number;
}

export interface Host {
  readonly machine: Machine;
  /** Addresses of the slots. */
  readonly domains: readonly number[];
  readonly devices: readonly number[];
  /** Topmost tables. */
  readonly tops: readonly number[];
}

/** Two guests: one with two devices behind two units, a small one with one; a domain without a device. */
export const SMALL: HostSpec = {
  units: 2,
  guests: [
    {
      blocks: 4,
      devices: [
        { segment: 1, bdf: 0x3a08, unit: 0 },
        { segment: 1, bdf: 0x3a10, unit: 0 },
        { segment: 0, bdf: 0x0700, unit: 1 },
      ],
    },
    {
      blocks: 1,
      devices: [{ segment: 0, bdf: 0x0801, unit: 1 }],
      plain: true,
    },
  ],
};

/** So many guests with one domain each, and so many devices in each of them, behind eight units. */
export function crowd(guests: number, devices: number): HostSpec {
  return {
    units: 8,
    sessions: Math.min(guests, 8),
    guests: Array.from({ length: guests }, (_, guest) => ({
      blocks: 1,
      plain: true,
      devices: Array.from({ length: devices }, (_, i) => {
        const n = guest * devices + i;
        // Functions 0 of the lower half of each bus.
        return { segment: 0, bdf: ((n >> 4) << 8) | ((n & 15) << 3), unit: guest % 8 };
      }),
    })),
  };
}

/** Pages of an array of objects, chained; gives the address of the first page and of each slot. */
function place(on: Machine, count: number, stride: number): { first: number; slots: number[] } {
  const capacity = Math.floor((PAGE - 16) / stride);
  const pages = Array.from({ length: Math.max(1, Math.ceil(count / capacity)) }, () => on.block());
  for (const [i, page] of pages.entries())
    on.write(page, words([8, pages[i + 1] ?? 0], [8, Math.min(capacity, count - i * capacity)]));
  const slots = Array.from(
    { length: count },
    (_, i) => (pages[Math.floor(i / capacity)] ?? 0) + 16 + (i % capacity) * stride,
  );
  return { first: pages[0] ?? 0, slots };
}

export function host(spec: HostSpec): Host {
  const on = new Machine();
  const tops: number[] = [];
  const all = spec.guests.flatMap((guest, index) =>
    guest.devices.map((device) => ({ guest, index, device })),
  );
  const units = place(on, spec.units, 112);
  const domains = place(on, spec.guests.length, 40);
  const devices = place(on, all.length, 72);

  for (const [i, guest] of spec.guests.entries()) {
    const token = 0x1000n * BigInt(i + 1);
    const session = i % (spec.sessions ?? spec.guests.length);
    const memory = Array.from({ length: guest.blocks }, () => on.block(9));
    const folios = memory.map((address, index) =>
      words([8, (3n << 52n) | BigInt(address / PAGE)], [8, index * 512]),
    );
    const ser = words([8, 0], [8, guest.blocks * HUGE], [4, 7], [4, 0], [8, guest.blocks]);
    on.file('memfd-v2', joined(ser, on.area(joined(...folios))), token, session);
    const top = on.block();
    tops.push(top);
    const mappings = memory.map((address, index) => ({
      iova: BigInt(index * HUGE),
      phys: BigInt(address),
      size: BigInt(HUGE),
    }));
    let first = true;
    const { pages } = writeTables(
      { format: 'vtdss', level: 3, vasz: 48, signExtend: false },
      [...mappings, ...(guest.mappings ?? [])],
      () => {
        if (!first) return BigInt(on.block());
        first = false;
        return BigInt(top);
      },
    );
    for (const { address, bytes } of pages) on.write(Number(address), bytes);
    const slot = domains.slots[i] ?? 0;
    on.write(slot, words([4, 1], [4, 0], [8, top], [8, 3], [4, 48], [1, 0], [3, 0], [8, 0]));

    const iommufd = token + 1n;
    on.file('iommufd-v1', words([8, 1], [8, slot], [8, 0x70 + i], [8, 0]), iommufd, session);
    for (const [j, { segment, bdf }] of guest.devices.entries())
      on.file(
        'vfio-pci-v2',
        words([4, segment], [2, bdf], [1, 1], [4, iommufd]),
        token + 2n + BigInt(j),
        session,
      );
    if (guest.plain === true) continue;
    const vm = token + 0x100n;
    on.file('kvm_vm_luo_v1', words([8, 0]), vm, session);
    on.file(
      'kvm_vcpu_luo_v1',
      words([4, 0], [4, 0], [8, vm], [8, on.block()], [8, on.block()]),
      token + 0x101n,
      session,
    );
    const pagesOf = [on.block(), on.block()];
    const array = joined(
      ...pagesOf.map((page, index) => words([8, (1n << 52n) | BigInt(page / PAGE)], [8, index])),
    );
    on.file(
      'guest_memfd_luo_v1',
      joined(words([8, 2 * PAGE], [8, 3], [8, 2], [8, vm]), on.area(array)),
      token + 0x102n,
      session,
    );
  }

  for (let i = 0; i < spec.units; i++) {
    const behind = all.filter(({ device }) => device.unit === i);
    const root = on.block();
    const tables = new Map<number, number>();
    const bitmap = new Uint8Array(64);
    for (const { device, index } of behind) {
      const bus = device.bdf >> 8;
      const table = tables.get(bus) ?? on.block();
      if (!tables.has(bus)) on.write(root + 16 * bus, words([8, table | 1]));
      tables.set(bus, table);
      const half = bus * 2 + ((device.bdf & 0x80) === 0 ? 0 : 1);
      bitmap[half >> 3] = (bitmap[half >> 3] ?? 0) | (1 << (half & 7));
      on.write(
        table + 16 * (device.bdf & 255),
        words([8, (tops[device.domain ?? index] ?? 0) | 1], [8, 2 | ((2 + (device.domain ?? index)) << 8)]),
      );
    }
    const base = 0xfed90000 + i * 0x1000;
    on.write(
      units.slots[i] ?? 0,
      joined(words([4, behind.length], [4, 0], [8, base], [8, 1], [8, 0], [8, base], [8, root]), bitmap),
    );
  }

  for (const [i, { index, device }] of all.entries()) {
    const domain = device.domain ?? index;
    const owner = 0x1000n * BigInt(index + 1) + 1n;
    on.write(
      devices.slots[i] ?? 0,
      joined(
        words([4, 1], [4, 0], [4, device.bdf], [4, device.segment], [8, owner], [8, 2 + domain]),
        words([8, domains.slots[domain] ?? 0], [8, units.slots[device.unit] ?? 0]),
        words([1, 1], [1, 1], [6, 0], [8, 0], [8, 0]),
      ),
    );
  }
  on.flb(
    'iommu-liveupdate',
    words([8, 1], [8, units.first], [8, domains.first], [8, devices.first]),
    spec.guests.length,
  );
  const list = on.chain(all.map(({ device }) => words([4, device.segment], [2, device.bdf], [2, 1])));
  on.flb('pci', words([4, 1], [4, all.length], [8, list.first]), all.length);
  return { machine: on, domains: domains.slots, devices: devices.slots, tops };
}

/** One file or FLB of each other kind, as the postings have them. */
export function siblings(): Machine {
  const on = new Machine();
  on.file('eventfd-v1', words([8, 5], [4, 0x80801]));
  on.file('dmabuf-v1', words([4, 1], [2, 0x3a08]));
  on.file('rxe-liveupdate-v1', words([8, 0]));
  const folio = words([8, BigInt(on.block(9) / PAGE)], [8, 0]);
  on.file('huge-memfd-v1', joined(words([8, HUGE], [8, 16], [8, 1]), on.area(folio), words([1, 9])));
  const attributes = joined(...[0x10, 0x11, 0x40].map((gfn) => words([8, gfn], [8, 8])));
  on.file('kvm_vm_luo_v1', joined(words([8, 1], [8, 3]), on.area(attributes)));
  const saved = joined(
    words(...Array.from({ length: 16 }, (_, i) => [4, 0x10ec0000 + i] as const)),
    words([2, 0x10], [1, 0], [4, 4], [4, 0x1234]),
    words([2, 0x1e], [1, 1], [4, 2], [2, 9]),
    words([2, 0], [1, 0], [4, 0]),
  );
  const config = new Uint8Array(8235);
  config.set(words([2, 0x3a08], [4, 256], [4, 0x10ec8086]));
  config.set(words([4, 0xfe000000], [4, 0]), 8198);
  config.set(words([1, 1], [8, on.hold(saved)]), 8226);
  on.file('vfio-v1', config);
  on.file('iommufd-v1', words([8, on.block()]));
  const hstates = new Uint8Array(37);
  hstates.set(words([8, 12], [1, 9], [8, 1], [1, 18]));
  hstates[36] = 2;
  on.flb('hugetlb-v1', hstates);
  return on;
}
