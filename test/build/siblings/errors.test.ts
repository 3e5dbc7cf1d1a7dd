/** Specs of siblings that cannot be built say where and why. */
import { expect, it } from 'vitest';
import { buildHandover, type FileSpec, type FlbSpec } from '../../../src/build/index.js';
import { isCarryoverError } from '../../../src/codec/index.js';

function message(files: readonly Partial<FileSpec>[], flbs: readonly FlbSpec[] = [], abi = 'x86_64'): string {
  try {
    buildHandover({
      abi,
      sessions: [{ name: 's', files: files.map((file, i) => ({ token: i + 1, ...file })) }],
      flbs,
    });
  } catch (error) {
    if (isCarryoverError(error)) return `${error.code} ${error.path.join('.')}: ${error.reason}`;
    throw error;
  }
  return 'it was built';
}
const VM = { kvm_vm: {} };
const vfio = (spec: object): Partial<FileSpec> => ({ vfio: { address: '3a:01.0', ...spec } });
const pci = (spec: object, name?: string): FlbSpec[] => [
  { ...(name === undefined ? {} : { name }), pci: spec },
];

it.each<[string, readonly Partial<FileSpec>[], FlbSpec[]?, string?]>([
  [
    'build-value sessions[0].files[0].guest_memfd.vm_token: nothing says which VM it is: the session has no VM',
    [{ guest_memfd: {} }],
  ],
  [
    'build-value sessions[0].files[2].guest_memfd.vm_token: nothing says which VM it is: the session has the VM 0x1, 0x2',
    [VM, VM, { guest_memfd: {} }],
  ],
  [
    'build-value sessions[0].files[1].guest_memfd.vm_token: 0x9 is no VM: the session has the VM 0x1',
    [VM, { guest_memfd: { vm_token: 9 } }],
  ],
  [
    'build-value sessions[0].files[1].guest_memfd.vm_token: a VM with private memory cannot be preserved with it',
    [{ kvm_vm: { type: 5 } }, { guest_memfd: {} }],
  ],
  [
    'build-value sessions[0].files[1].guest_memfd.size: 4097 bytes are not one or more whole pages of 4096 bytes',
    [VM, { guest_memfd: { size: 4097 } }],
  ],
  [
    'build-value sessions[0].files[1].guest_memfd.flags: only memory with INIT_SHARED can be preserved',
    [VM, { guest_memfd: { flags: 1 } }],
  ],
  [
    'build-value sessions[0].files[1].guest_memfd.folios[1]: pages are in the order of the file, each of them once',
    [VM, { guest_memfd: { size: 8192, folios: [{ index: 1 }, { index: 0 }] } }],
  ],
  [
    'build-value sessions[0].files[1].guest_memfd.folios[0]: the file has 1 pages, and they end at 2',
    [VM, { guest_memfd: { size: 4096, folios: [{ count: 2 }] } }],
  ],
  [
    'build-value sessions[0].files[2].kvm_vcpu.vcpu_id: its VM has a virtual CPU 0 already',
    [VM, { kvm_vcpu: {} }, { kvm_vcpu: { vcpu_id: 0 } }],
  ],
  [
    'build-value sessions[0].files[0].kvm_vm.type: VMs of x86 are of the types 0 to 5, not 6',
    [{ kvm_vm: { type: 6 } }],
  ],
  [
    'build-value sessions[0].files[0].kvm_vm: a VM has one of mem_attrs, state and folios: no layout has two',
    [{ kvm_vm: { mem_attrs: [{ gfn: 1 }], state: {} } }],
  ],
  [
    'build-value sessions[0].files[0].kvm_vm.mem_attrs[1]: pages of the guest ascend, each of them once',
    [{ kvm_vm: { mem_attrs: [{ gfn: 1, count: 2 }, { gfn: 2 }] } }],
  ],
  [
    'build-value sessions[0].files[0].vfio.address: "3a" is no address such as 0000:3a:01.0',
    [vfio({ address: '3a' })],
  ],
  [
    'build-value sessions[0].files[0].vfio.address: the layout has 16 bits for the domain, and 10000 has more',
    [vfio({ layout: 'v1-reset', address: '10000:3a:01.0' })],
  ],
  [
    'build-value sessions[0].files[0].vfio.address: the layout has no place for a domain, and the device is in 0001',
    [vfio({ layout: 'rfc', address: '0001:3a:01.0' })],
  ],
  [
    'build-value sessions[0].files[0].vfio.iommufd_token: 0x7 is no iommufd: the session has no iommufd',
    [vfio({ iommufd_token: 7 })],
  ],
  [
    'build-value sessions[0].files[1].vfio.iommufd_token: the device keeps 32 bits of the token, and 0x100000001 has more',
    [{ token: 0x100000001, iommufd: {} }, vfio({ iommufd_token: 0x100000001 })],
  ],
  [
    'build-value sessions[0].files[0].vfio.layout: the layout v2-reset goes by vfio-pci-v2, vfio-pci-v1, not by "vfio-v1"',
    [{ compatible: 'vfio-v1', ...vfio({ layout: 'v2-reset' }) }],
  ],
  [
    'build-value sessions[0].files[0].iommufd.hwpts[0].domain: there is no domain "guest0"; the spec names none',
    [{ iommufd: { hwpts: [{ token: 1, domain: 'guest0' }] } }],
  ],
  [
    'build-value sessions[0].files[0].iommufd.hwpts[0]: a page table has either domain or domain_data',
    [{ iommufd: { hwpts: [{ token: 1 }] } }],
  ],
  [
    'build-value sessions[0].files[0].iommufd.hwpts[1].token: a page table before it has the token 1 too',
    [
      {
        iommufd: {
          hwpts: [
            { token: 1, domain: 'a' },
            { token: 1, domain: 'b' },
          ],
        },
      },
    ],
  ],
  [
    'build-value sessions[0].files[0].iommufd.hwpts[0].token: tokens of the layout B have 32 bits, and 4294967296 has more',
    [{ iommufd: { layout: 'B', hwpts: [{ token: 2n ** 32n, domain: 'a' }] } }],
  ],
  [
    'build-value sessions[0].files[0].huge_memfd.order: huge pages are of the orders 1 to 22, not 0',
    [{ huge_memfd: { order: 0 } }],
  ],
  [
    'build-value sessions[0].files[0].huge_memfd.size: 4096 bytes are not whole pages of 2097152 bytes',
    [{ huge_memfd: { size: 4096 } }],
  ],
  [
    'build-value sessions[0].files[0].huge_memfd.folios[1]: there is a folio at index 0 already',
    [{ huge_memfd: { folios: [{}, { index: 0 }] } }],
  ],
  [
    'build-value flbs[0].pci.devices[1]: 0000:3a:01.0 is there before',
    [VM],
    pci({ devices: ['3a:01.0', '0000:3a:01.0'] }),
  ],
  [
    'build-value flbs[0].pci.devices[0].refcount: it counts the device itself and those below it, 1 to 1, not 2',
    [VM],
    pci({ devices: [{ address: '3a:01.0', refcount: 2 }] }),
  ],
  [
    'build-full flbs[0].pci.max_nr_devices: there is room for 0 of 1 devices',
    [VM],
    pci({ layout: 'v5', devices: ['3a:01.0'], max_nr_devices: 0 }),
  ],
  [
    'build-value flbs[0].pci.layout: the layout v1 goes by pci-v1, not by "pci"',
    [VM],
    pci({ layout: 'v1' }, 'pci'),
  ],
  [
    'build-full flbs[0].hugetlb.hstates: there is room for 4 pools, and there are 5',
    [VM],
    [{ hugetlb: { hstates: [1, 2, 3, 4, 5].map((order) => ({ order })) } }],
  ],
  [
    'build-value sessions[0].files[0].kvm_vm.type: the type of a VM of arm64 is 32 to 52 bits of IPA or 0, and bit 31, not 0x1',
    [{ kvm_vm: { type: 1 } }],
    [],
    'aarch64',
  ],
])('%s', (expected, files, flbs = [], abi = 'x86_64') => {
  expect(message(files, flbs, abi)).toBe(expected);
});

it('a layout follows from the name of an FLB', () => {
  for (const name of ['pci', 'pci-v1', 'pci-v2', 'pci-v3'])
    expect(message([VM], pci({ devices: ['3a:01.0'] }, name))).toBe('it was built');
});
