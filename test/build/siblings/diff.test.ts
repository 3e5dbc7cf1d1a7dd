/** Two handovers that differ in one thing of a sibling differ in one place; where things lie is none. */
import { expect, it } from 'vitest';
import {
  buildHandover,
  contentsOfBuilt,
  type FileSpec,
  type FlbSpec,
  type HandoverSpec,
} from '../../../src/build/index.js';
import { bytesSource, openImage, writeMemory } from '../../../src/memory/index.js';
import { diff, openDump } from '../../../src/state/index.js';

function state(spec: HandoverSpec) {
  const bytes = Buffer.concat([...writeMemory('elf', contentsOfBuilt(buildHandover(spec)))]);
  return { kind: 'handover', state: openDump(openImage(bytesSource(new Uint8Array(bytes)))) } as const;
}
type Parts = {
  readonly files: Readonly<Record<string, FileSpec>>;
  readonly flbs: Readonly<Record<string, FlbSpec>>;
};

const DOMAINS = 0x40000000;
/** The session has the files by their names, in this order. */
const FILES: Readonly<Record<string, FileSpec>> = {
  memory: { token: 1, memfd: { size: 4096, folios: [{ at: DOMAINS }] } },
  iommufd: {
    token: 2,
    iommufd: {
      hwpts: [
        { token: 1, domain_data: DOMAINS + 16 },
        { token: 2, domain_data: DOMAINS + 64 },
      ],
    },
  },
  vfio: { token: 3, vfio: { address: '0000:3a:01.0', iommufd_token: 2 } },
  vm: { token: 4, kvm_vm: { type: 0 } },
  old: { token: 5, kvm_vm: { mem_attrs: [{ gfn: 0x10, count: 5 }] } },
  fork: { token: 6, kvm_vm: { state: { contents: 'registers' } } },
  vcpu: { token: 7, kvm_vcpu: { vm_token: 4, vcpu_id: 0, arch_state: {} } },
  guest: { token: 8, guest_memfd: { vm_token: 4, size: 16384, contents: 'guest' } },
  huge: { token: 9, huge_memfd: { order: 2, size: 65536, folios: [{}] } },
  eventfd: { token: 10, eventfd: { count: 3 } },
  dmabuf: { token: 11, dmabuf: { address: '0000:3a:01.0' } },
  saved: {
    token: 12,
    compatible: 'vfio-v1',
    vfio: {
      address: '0000:3b:00.0',
      config: {
        saved_state: {
          caps: [
            { cap_nr: 5, hex: '01' },
            { cap_nr: 16, hex: '02' },
          ],
        },
      },
    },
  },
};
const FLBS: Readonly<Record<string, FlbSpec>> = {
  pci: {
    name: 'pci',
    pci: { devices: ['0000:00:1c.0', '0000:3a:01.0', '0000:3b:00.0'] },
  },
  hugetlb: { name: 'hugetlb-v1', hugetlb: { hstates: [{ order: 9, nr_pages: 8 }, { order: 13 }] } },
};
function spec({ files = {}, flbs = {} }: Partial<Parts>, seed = 1): HandoverSpec {
  return {
    memory: { seed },
    sessions: [{ name: 's', files: Object.values({ ...FILES, ...files }) }],
    flbs: Object.values({ ...FLBS, ...flbs }),
  };
}
const A = state(spec({}));
function told(b: HandoverSpec): string[] {
  return diff(A, state(b)).differences.map(({ kind, path }) => `${kind} ${path}`);
}

it('where things lie is no difference', () => {
  expect(told(spec({}, 99))).toEqual([]);
});
it('the order of what is listed is none', () => {
  const moved = spec({
    flbs: {
      pci: { name: 'pci', pci: { devices: ['0000:3b:00.0', '0000:00:1c.0', '0000:3a:01.0'] } },
      hugetlb: { name: 'hugetlb-v1', hugetlb: { hstates: [{ order: 13 }, { order: 9, nr_pages: 8 }] } },
    },
    files: {
      iommufd: {
        token: 2,
        iommufd: {
          hwpts: [
            { token: 2, domain_data: DOMAINS + 64 },
            { token: 1, domain_data: DOMAINS + 16 },
          ],
        },
      },
      saved: {
        token: 12,
        compatible: 'vfio-v1',
        vfio: {
          address: '0000:3b:00.0',
          config: {
            saved_state: {
              caps: [
                { cap_nr: 16, hex: '02' },
                { cap_nr: 5, hex: '01' },
              ],
            },
          },
        },
      },
    },
  });
  expect(told(moved)).toEqual([]);
});

it.each<[string, Partial<Parts>]>([
  [
    'vfio, whether it can be reset',
    {
      files: { vfio: { token: 3, vfio: { address: '0000:3a:01.0', iommufd_token: 2, reset_works: false } } },
    },
  ],
  [
    'iommufd, a page table more',
    {
      files: {
        iommufd: {
          token: 2,
          iommufd: {
            hwpts: [
              { token: 1, domain_data: DOMAINS + 16 },
              { token: 2, domain_data: DOMAINS + 64 },
              { token: 3, domain_data: DOMAINS + 128 },
            ],
          },
        },
      },
    },
  ],
  [
    'vm, attributes of pages',
    {
      files: {
        old: {
          token: 5,
          kvm_vm: {
            mem_attrs: [
              { gfn: 0x10, count: 4 },
              { gfn: 0x14, attributes: 0 },
            ],
          },
        },
      },
    },
  ],
  [
    'vcpu, its number',
    { files: { vcpu: { token: 7, kvm_vcpu: { vm_token: 4, vcpu_id: 9, arch_state: {} } } } },
  ],
  ['vcpu, whether there is state', { files: { vcpu: { token: 7, kvm_vcpu: { vm_token: 4, vcpu_id: 0 } } } }],
  [
    'guest_memfd, its contents',
    { files: { guest: { token: 8, guest_memfd: { vm_token: 4, size: 16384, contents: 'guess' } } } },
  ],
  [
    'guest_memfd, its flags',
    {
      files: { guest: { token: 8, guest_memfd: { vm_token: 4, size: 16384, flags: 2, contents: 'guest' } } },
    },
  ],
  [
    'huge memfd, its size',
    { files: { huge: { token: 9, huge_memfd: { order: 2, size: 32768, folios: [{}] } } } },
  ],
  ['eventfd, its counter', { files: { eventfd: { token: 10, eventfd: { count: 4 } } } }],
  [
    'saved state, a capability',
    {
      files: {
        saved: {
          token: 12,
          compatible: 'vfio-v1',
          vfio: {
            address: '0000:3b:00.0',
            config: {
              saved_state: {
                caps: [
                  { cap_nr: 5, hex: '01' },
                  { cap_nr: 16, hex: '03' },
                ],
              },
            },
          },
        },
      },
    },
  ],
  [
    'pci, a refcount',
    {
      flbs: {
        pci: {
          name: 'pci',
          pci: { devices: [{ address: '0000:00:1c.0', refcount: 3 }, '0000:3a:01.0', '0000:3b:00.0'] },
        },
      },
    },
  ],
  [
    'hugetlb, a pool',
    {
      flbs: {
        hugetlb: {
          name: 'hugetlb-v1',
          hugetlb: {
            hstates: [
              { order: 9, nr_pages: 8 },
              { order: 13, nr_pages: 1 },
            ],
          },
        },
      },
    },
  ],
])('%s is one difference', (_, change) => {
  expect(told(spec(change))).toMatchSnapshot();
  expect(told(spec(change, 7))).toHaveLength(1);
});
