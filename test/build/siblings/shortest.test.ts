/** The shortest spec of each kind of file and FLB is valid: what is built of it checks clean. */
import { describe, expect, it } from 'vitest';
import { buildFromText, contentsOfBuilt, type FileSpec, type FlbSpec } from '../../../src/build/index.js';
import { openHandover } from '../../../src/formats/kho/index.js';
import { bytesSource, openImage, writeMemory } from '../../../src/memory/index.js';
import { rulesOf } from '../../formats/kho/support.js';
import { opened } from './support.js';

const VM: FileSpec = { token: 1, kvm_vm: {} };
const FILES: Readonly<Record<string, readonly FileSpec[]>> = {
  vfio: [{ token: 1, vfio: { address: '3a:01.0' } }],
  iommufd: [{ token: 1, iommufd: {} }],
  kvm_vm: [VM],
  kvm_vcpu: [VM, { token: 2, kvm_vcpu: {} }, { token: 3, kvm_vcpu: {} }],
  guest_memfd: [{ token: 2, guest_memfd: {} }, VM],
  huge_memfd: [{ token: 1, huge_memfd: {} }],
  eventfd: [{ token: 1, eventfd: {} }],
  dmabuf: [{ token: 1, dmabuf: { address: '3a:01.0' } }],
};
const FLBS: Readonly<Record<string, FlbSpec>> = { pci: { pci: {} }, hugetlb: { hugetlb: {} } };
const MACHINES = [
  ['x86_64', 4096],
  ['aarch64', 4096],
  ['aarch64', 16384],
  ['aarch64', 65536],
  ['s390x', 4096],
] as const;

describe.each(MACHINES)('%s, pages of %i', (abi, page_size) => {
  it.each(Object.entries(FILES))('%s', (key, files) => {
    const handover = opened({ abi, page_size, sessions: [{ name: 's', files }] });
    expect(rulesOf(handover)).toEqual([]);
    const index = files.findIndex((file) => file[key] !== undefined);
    expect(handover.value.entries).toHaveProperty(`LUO.sessions[0].files[${index}].${key}`);
  });
  it.each(Object.entries(FLBS))('%s', (key, flb) => {
    const handover = opened({
      abi,
      page_size,
      sessions: [{ name: 's', files: FILES.vfio ?? [] }],
      flbs: [flb],
    });
    expect(rulesOf(handover)).toEqual([]);
    expect(handover.value.entries).toHaveProperty(`LUO.flbs[0].${key}`);
  });
});

it('devices that no list names are those of the files', () => {
  const handover = opened({
    sessions: [
      { name: 'a', files: [{ token: 1, vfio: { address: '10001:3a:01.0' } }] },
      { name: 'b', files: [{ token: 1, vfio: { address: '0000:01:00.0' } }, VM].slice(0, 1) },
    ],
    flbs: [{ pci: {} }],
  });
  expect(handover.value.entries).toHaveProperty('LUO.flbs[0].pci.devices[0].address', '10001:3a:01.0');
  expect(handover.value.entries).toHaveProperty('LUO.flbs[0].pci.devices[1].address', '0000:01:00.0');
});

it('from the text of a spec', () => {
  const built = buildFromText(`
sessions:
  - name: vm
    files:
      - token: 1
        kvm_vm:
      - token: 2
        guest_memfd: { contents: hello }
      - { token: 3, vfio: { address: 0000:3a:01.0 } }
      - { token: 4, eventfd: { flags: [EFD_SEMAPHORE] } }
flbs:
  - pci:
  - hugetlb: { hstates: [{ order: 9, nr_pages: 512 }] }
`);
  const bytes = Buffer.concat([...writeMemory('elf', contentsOfBuilt(built))]);
  expect(rulesOf(openHandover(openImage(bytesSource(new Uint8Array(bytes)))))).toEqual([]);
});
