/** Siblings on a machine with pages of another size: the same bytes, or a sentence that says what has no place. */
import { expect, it } from 'vitest';
import { convertHandover, type FileSpec, type FlbSpec } from '../../../src/build/index.js';
import { rulesOf } from '../../formats/kho/support.js';
import { opened } from './support.js';

const FILES: readonly FileSpec[] = [
  { token: 1, kvm_vm: {} },
  { token: 2, guest_memfd: { vm_token: 1, size: 0x40000, folios: [{ index: 16, count: 32, flags: 0 }] } },
  { token: 3, guest_memfd: { vm_token: 1, contents: 'guest' } },
  { token: 4, kvm_vm: { mem_attrs: [{ gfn: 16, count: 16 }] } },
  { token: 5, huge_memfd: { folios: [{ index: 512, contents: 'huge' }] } },
];
const FLBS: readonly FlbSpec[] = [{ hugetlb: { hstates: [{ order: 9, nr_pages: 3 }] } }];
const convert = (files: readonly FileSpec[], flbs: readonly FlbSpec[] = []) =>
  convertHandover(opened({ sessions: [{ name: 's', files }], flbs }), { abi: 'aarch64', pageSize: 65536 });

it('what fits into larger pages is kept', () => {
  const { spec, dropped } = convert(FILES, FLBS);
  // A guest_memfd has whole pages, so that one of a page becomes longer.
  expect(dropped).toEqual(['that sessions[0].files[2] has 4096 bytes: it has 65536, whole pages of 65536']);
  expect(spec.sessions?.[0]?.files).toEqual([
    { token: 1n, kvm_vm: {} },
    { token: 2n, guest_memfd: { size: 0x40000n, vm_token: 1n, folios: [{ index: 1n, count: 2, flags: 0 }] } },
    { token: 3n, guest_memfd: { vm_token: 1n, contents: 'guest' } },
    { token: 4n, kvm_vm: { mem_attrs: [{ gfn: 1n, count: 1 }] } },
    { token: 5n, huge_memfd: { order: 5, folios: [{ index: 32n, contents: 'huge' }] } },
  ]);
  expect(spec.flbs).toEqual([{ name: 'hugetlb-v1', hugetlb: { hstates: [{ order: 5, nr_pages: 3n }] } }]);
  expect(rulesOf(opened(spec))).toEqual([]);
});

it('what does not is told', () => {
  const { spec, dropped } = convert(
    [
      { token: 1, kvm_vm: { mem_attrs: [{ gfn: 1 }] } },
      { token: 2, guest_memfd: { vm_token: 1, size: 0x3000, folios: [{ index: 1, flags: 0 }] } },
      { token: 3, huge_memfd: { order: 2, folios: [{}] } },
    ],
    [{ hugetlb: { hstates: [{ order: 4 }] } }],
  );
  expect(dropped).toMatchInlineSnapshot(`
    [
      "the attributes of memory of sessions[0].files[0]: they do not change at multiples of 65536 bytes",
      "that sessions[0].files[1] has 12288 bytes: it has 65536, whole pages of 65536",
      "which pages sessions[0].files[1] has: they do not lie at multiples of 65536 bytes; those of its contents are kept",
      "sessions[0].files[2]: huge pages of 16384 bytes are none where a page has 65536",
      "a pool of flbs[0]: huge pages of 65536 bytes are none where a page has 65536",
    ]
  `);
  expect(rulesOf(opened(spec))).toEqual([]);
});
