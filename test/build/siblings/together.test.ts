/** A VM with all that belongs to it: the IOMMU, the PCI core, VFIO, iommufd, its memory and virtual CPUs. */
import { expect, it } from 'vitest';
import { type HandoverSpec, type SessionSpec, specOf } from '../../../src/build/index.js';
import { rulesOf } from '../../formats/kho/support.js';
import { opened } from './support.js';

const SPEC: HandoverSpec = {
  sessions: [
    {
      name: 'vm',
      files: [
        { token: 1, kvm_vm: {} },
        { token: 2, guest_memfd: { size: 0x10000, contents: 'guest' } },
        { token: 3, kvm_vcpu: {} },
        { token: 4, kvm_vcpu: {} },
        { token: 5, memfd: { contents: 'the memory of the guest' } },
        { token: 6, iommufd: { hwpts: [{ token: 1, domain: 'guest0' }] } },
        { token: 7, vfio: { address: '0000:3a:01.0', iommufd_token: 6 } },
        { token: 8, eventfd: {} },
      ],
    },
  ],
  flbs: [
    { pci: {} },
    {
      iommu: {
        domains: [{ name: 'guest0', map: [{ iova: 0, size: 4096, file: 'vm/0x5' }] }],
        devices: [{ bdf: '0000:3a:01.0', domain: 'guest0' }],
      },
    },
  ],
};

it.each([
  ['x86_64', 4096],
  ['aarch64', 16384],
] as const)('is sound, and described so that it is again: %s, pages of %i', (abi, page_size) => {
  const spec = page_size === 4096 ? SPEC : { ...SPEC, flbs: [{ pci: {} }], sessions: withoutDomains() };
  const handover = opened({ abi, page_size, ...spec });
  expect(rulesOf(handover)).toEqual([]);
  const { spec: again, omitted } = specOf(handover);
  expect(omitted).toEqual([]);
  const second = opened(again);
  expect(rulesOf(second)).toEqual([]);
  expect(specOf(second).spec).toEqual(again);
});

it('a page table names its domain by the name that it has in the spec', () => {
  const { spec } = specOf(opened(SPEC));
  const hwpt = spec.sessions?.[0]?.files?.[5]?.iommufd;
  expect(hwpt).toEqual({ hwpts: [{ token: 1n, domain: 'domain0' }] });
});

function withoutDomains(): readonly SessionSpec[] {
  return (
    SPEC.sessions?.map((session) => ({
      ...session,
      files:
        session.files?.map((file) => (file.iommufd === undefined ? file : { ...file, iommufd: {} })) ?? [],
    })) ?? []
  );
}
