/** Specs of siblings, as they are described: drawn from choices. */
import type {
  ConfigSpec,
  FileSpec,
  FlbSpec,
  GuestMemfdSpec,
  HandoverSpec,
  HugeMemfdSpec,
  IommufdSpec,
  KvmVmSpec,
  PciSpec,
  SavedStateSpec,
  VfioSpec,
} from '../../../src/build/index.js';
import { IOMMUFD_BUILDS, PCI_BUILDS, VFIO_BUILDS } from '../../../src/build/index.js';
import { pciAddress } from '../../../src/formats/pci/index.js';
import type { Draw } from '../../../src/testing/choices.js';

export interface SiblingSpec {
  readonly spec: HandoverSpec;
  /** The layouts, which bytes do not always tell. */
  readonly forced: Readonly<Record<string, string>>;
}

export const MACHINES = [
  ['x86_64', 4096],
  ['aarch64', 4096],
  ['aarch64', 16384],
  ['aarch64', 65536],
] as const;

const U64 = (1n << 64n) - 1n;

function listOf<T>(draw: Draw, most: number, each: (i: number) => T): T[] {
  return Array.from({ length: draw.below(most + 1) }, (_, i) => each(i));
}
/** A member, once in a while; never one that says what is there anyway. */
function maybe<K extends string, T>(
  draw: Draw,
  key: K,
  usual: T | undefined,
  value: () => T,
): { readonly [P in K]?: T } {
  const drawn = draw.below(2) === 0 ? usual : value();
  // One member, by a name that is known to the compiler.
  return (drawn === usual ? {} : { [key]: drawn }) as { readonly [P in K]?: T };
}
function textOf(draw: Draw): string {
  return String.fromCharCode(...Array.from({ length: 1 + draw.below(40) }, () => 0x61 + draw.below(26)));
}

/** Addresses that differ from each other. */
class Devices {
  readonly #draw: Draw;
  readonly #seen = new Set<string>();

  constructor(draw: Draw) {
    this.#draw = draw;
  }
  next(bits: 0 | 16 | 32): string {
    const domain =
      bits === 0 ? 0 : bits === 16 ? this.#draw.below(3) : this.#draw.pick([0, 1, 0x10000, 0xfffffff0]);
    for (let bdf = 0x100 + this.#draw.below(0xfe00); ; bdf++) {
      const address = pciAddress(domain, bdf & 0xffff);
      if (this.#seen.has(address)) continue;
      this.#seen.add(address);
      return address;
    }
  }
}

function savedState(draw: Draw): SavedStateSpec {
  const words = listOf(draw, 15, () => draw.below(2 ** 32));
  const caps = listOf(draw, 4, () => {
    const cap_extended = draw.once(2);
    return {
      cap_nr: draw.below(cap_extended ? 0x10000 : 0x100),
      ...(cap_extended ? { cap_extended: true } : {}),
      hex: Buffer.from(draw.bytes(1 + draw.below(60))).toString('hex'),
    };
  });
  return {
    ...(words.length === 0 ? {} : { config_space: [...words, 1 + draw.below(9)] }),
    ...(caps.length === 0 ? {} : { caps }),
  };
}
function config(draw: Draw): ConfigSpec {
  return {
    // What says nothing is not described.
    cfg_size: 4096,
    ...maybe(draw, 'pci_config_map', undefined, () => textOf(draw)),
    ...maybe(draw, 'vconfig', undefined, () => textOf(draw)),
    ...maybe(draw, 'rbar', undefined, () => [...listOf(draw, 6, () => draw.below(2 ** 32)), 1]),
    ...maybe(draw, 'saved_state', undefined, () => savedState(draw)),
  };
}

function vfio(
  draw: Draw,
  layout: (typeof VFIO_BUILDS)[number],
  devices: Devices,
  iommufd: bigint | undefined,
): VfioSpec {
  const bits = layout.startsWith('v2') ? 32 : layout.startsWith('v1') ? 16 : 0;
  const token = layout.endsWith('-iommufd') && iommufd !== undefined && draw.once(2) ? iommufd : undefined;
  const kept = layout === 'rfc-config' && draw.once(2) ? config(draw) : undefined;
  const implied = kept !== undefined ? 'rfc-config' : token === undefined ? 'v2-reset' : 'v2-iommufd';
  return {
    address: devices.next(bits),
    ...(layout === implied ? {} : { layout }),
    ...(/reset|iommufd|config/.test(layout) && draw.once(2) ? { reset_works: false } : {}),
    ...(token === undefined ? {} : { iommufd_token: token }),
    ...(kept === undefined ? {} : { config: kept }),
  };
}

function iommufd(draw: Draw, layout: (typeof IOMMUFD_BUILDS)[number]): IommufdSpec {
  const said = layout === 'C' ? {} : { layout };
  if (layout === 'R1')
    return { ...said, ...maybe(draw, 'folio', undefined, () => ({ contents: textOf(draw) })) };
  const hwpts = listOf(draw, 4, (i) => ({
    token: (draw.integer(0n, layout === 'B' ? 0xffffff00n : U64 - 8n) & ~7n) + BigInt(i),
    domain_data: 0x100000n + 16n + BigInt(37 * i) + BigInt(draw.below(100) * 65536),
  }));
  return { ...said, ...(hwpts.length === 0 ? {} : { hwpts }) };
}

function kvmVm(draw: Draw, abi: string): KvmVmSpec {
  const type = abi === 'aarch64' ? draw.pick([0n, 32n, 40n, 52n]) : draw.pick([0n, 2n, 3n]);
  const said = type === 0n ? {} : { type };
  switch (draw.below(4)) {
    case 1: {
      let gfn = 0n;
      return {
        ...said,
        mem_attrs: Array.from({ length: 1 + draw.below(4) }, () => {
          gfn += BigInt(1 + draw.below(100));
          const range = {
            gfn,
            ...maybe(draw, 'count', 1, () => 1 + draw.below(600)),
            ...maybe(draw, 'attributes', 8n, () => 0n),
          };
          gfn += BigInt(range.count ?? 1);
          return range;
        }),
      };
    }
    case 2:
      return { ...said, state: maybe(draw, 'contents', undefined, () => textOf(draw)) };
    case 3:
      return { ...said, folios: [{}, ...listOf(draw, 3, () => ({ contents: textOf(draw) }))] };
    default:
      return said;
  }
}

function guestMemfd(draw: Draw, vm_token: bigint, pageSize: number): GuestMemfdSpec {
  const common = { ...maybe(draw, 'flags', 3, () => 2), vm_token };
  const size = (pages: number) =>
    maybe(draw, 'size', undefined, () => BigInt((pages + 1 + draw.below(9)) * pageSize));
  if (draw.once(3)) return { ...common, ...size(1) };
  if (draw.once(2)) return { ...common, ...size(1), contents: textOf(draw) };
  // Runs that do not follow each other.
  let next = 0;
  const folios = Array.from({ length: 1 + draw.below(3) }, () => {
    const index = next + 1 + draw.below(5);
    const count = 1 + draw.below(4);
    next = index + count;
    return { index: BigInt(index), ...(count === 1 ? {} : { count }), flags: 0 };
  });
  return { size: BigInt((next + draw.below(9)) * pageSize), ...common, folios };
}

function hugeMemfd(draw: Draw, pageSize: number): HugeMemfdSpec {
  const usual = Math.log2(pageSize / 8);
  const order = draw.pick([1, 3, usual]);
  let next = 0;
  const folios = listOf(draw, 3, () => {
    const index = next + (1 + draw.below(3)) * 2 ** order;
    const count = 1 + draw.below(3);
    next = index + count * 2 ** order;
    return {
      index: BigInt(index),
      ...(count === 1 ? {} : { count }),
      ...maybe(draw, 'contents', undefined, () => textOf(draw)),
    };
  });
  return {
    ...(order === usual ? {} : { order }),
    ...(draw.once(2) ? { size: BigInt((next + 2 ** order) * pageSize) } : {}),
    ...(draw.once(2) ? { pos: BigInt(1 + draw.below(1000)) } : {}),
    ...(folios.length === 0 ? {} : { folios }),
  };
}

function pciFlb(draw: Draw, layout: (typeof PCI_BUILDS)[number], devices: Devices): PciSpec {
  const said = layout === 'accepted-v2' ? {} : { layout };
  if (layout.startsWith('rfc'))
    return {
      ...said,
      rfc_devices: listOf(draw, 4, (i) => ({
        path: i + 1,
        ...maybe(draw, 'flags', 0, () => draw.below(2 ** 32)),
        ...(layout === 'rfc-named' ? maybe(draw, 'driver_name', undefined, () => textOf(draw)) : {}),
        ...maybe(draw, 'driver_data', 0n, () => draw.integer(0n, U64)),
      })),
    };
  const small = layout === 'v1' || layout === 'v2';
  const sorted = layout < 'v4' && layout.startsWith('v');
  const addresses = Array.from({ length: 1 + draw.below(draw.pick([3, 40, 600])) }, () =>
    devices.next(small ? 16 : 32),
  );
  if (sorted)
    addresses.sort(
      (a, b) =>
        Number.parseInt(a.split(':')[0] ?? '', 16) - Number.parseInt(b.split(':')[0] ?? '', 16) ||
        (a < b ? -1 : 1),
    );
  const max =
    /^v[2-5]/.test(layout) && draw.once(2) ? { max_nr_devices: addresses.length + 1 + draw.below(9) } : {};
  return { ...said, devices: addresses, ...max };
}
const PCI_NAME: Readonly<Record<string, string>> = { v7: 'pci-v1', v5: 'pci-v3', v2: 'pci-v1', v1: 'pci-v1' };

export function siblingSpec(
  draw: Draw,
  [abi, page_size]: readonly [abi: string, page_size: number],
): SiblingSpec {
  const forced = {
    pci: draw.pick(PCI_BUILDS),
    'vfio-pci': draw.pick(VFIO_BUILDS),
    iommufd: draw.pick(IOMMUFD_BUILDS),
  };
  const devices = new Devices(draw);
  const sessions = Array.from({ length: 1 + draw.below(2) }, (_, n) => {
    let token = draw.pick([1n, 1n, 0x1001n, 0xfffff000n]);
    const files: FileSpec[] = [];
    const add = (file: Omit<FileSpec, 'token'>): bigint => {
      files.push({ token, ...file });
      return token++;
    };
    const fd = draw.once(2) ? add({ iommufd: iommufd(draw, forced.iommufd) }) : undefined;
    for (let left = draw.below(3); left > 0; left--)
      add({ vfio: vfio(draw, forced['vfio-pci'], devices, fd) });
    for (let left = draw.below(2); left > 0; left--) {
      const vm = add({ kvm_vm: kvmVm(draw, abi) });
      for (let id = draw.below(3); id > 0; id--)
        add({
          kvm_vcpu: {
            vcpu_id: id + draw.below(9) * 16,
            vm_token: vm,
            ...maybe(draw, 'arch_state', undefined, () => ({ contents: textOf(draw) })),
            ...maybe(draw, 'cb', undefined, () => ({})),
          },
        });
      if (draw.once(2)) add({ guest_memfd: guestMemfd(draw, vm, page_size) });
    }
    if (draw.once(2)) add({ huge_memfd: hugeMemfd(draw, page_size) });
    if (draw.once(2))
      add({
        eventfd: {
          ...maybe(draw, 'count', 0n, () => draw.integer(0n, U64 - 1n)),
          ...maybe(draw, 'flags', 0, () => draw.pick([1, 0x800, 0x80801])),
        },
      });
    add({ dmabuf: { address: pciAddress(draw.pick([0, 0x10000]), draw.below(0x10000)) } });
    return { name: `s${n}`, files };
  });
  const flbs: FlbSpec[] = [];
  if (draw.once(2))
    flbs.push({
      name: forced.pci.startsWith('accepted') ? 'pci' : (PCI_NAME[forced.pci] ?? 'pci-v2'),
      pci: pciFlb(draw, forced.pci, devices),
    });
  if (draw.once(2))
    flbs.push({
      name: 'hugetlb-v1',
      hugetlb: {
        ...maybe(draw, 'hstates', undefined, () =>
          [9, 13, 1, 18].slice(0, 1 + draw.below(4)).map((order) => ({
            order,
            ...maybe(draw, 'nr_pages', 0n, () => draw.integer(0n, U64)),
          })),
        ),
      },
    });
  return {
    spec: { abi, page_size, sessions, ...(flbs.length === 0 ? {} : { flbs }) },
    forced,
  };
}
