/** What holds of the data of every handler alike. */
import { describe, expect, it } from 'vitest';
import { ABI } from '../../../src/codec/index.js';
import { followIommufd } from '../../../src/formats/iommufd/index.js';
import { unknownMap } from '../../../src/formats/kho/preserved.js';
import { Walk } from '../../../src/formats/kho/walk.js';
import { PAYLOAD } from '../../../src/formats/payload/index.js';
import { followPci } from '../../../src/formats/pci/index.js';
import { followVfio } from '../../../src/formats/vfio-pci/index.js';
import { Memory } from '../kho/builder.js';
import { rulesOf } from '../kho/support.js';
import { joined, Machine, words } from '../machine.js';

const FILES: readonly (readonly [compatible: string, bytes: Uint8Array])[] = [
  ['vfio-v1', words([2, 0x3a08])],
  ['vfio-pci-v1', words([2, 0x3a08], [2, 0], [1, 1])],
  ['vfio-pci-v2', words([4, 0], [2, 0x3a08], [1, 1])],
  ['iommufd-v1', words([8, 0])],
  ['kvm_vm_luo_v1', words([8, 0])],
  ['guest_memfd_luo_v1', joined(words([8, 4096], [8, 3], [8, 0], [8, 0x99]), new Uint8Array(16))],
  ['huge-memfd-v1', joined(words([8, 4096 * 4], [8, 0], [8, 0]), new Uint8Array(16), words([1, 2]))],
  ['eventfd-v1', words([8, 0], [4, 0])],
  ['dmabuf-v1', words([4, 0], [2, 0x3a08])],
];
const FLBS: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ['pci', words([4, 1], [4, 0], [8, 0])],
  ['pci-v1', words([8, 1], [2, 0], [2, 0x108])],
  ['hugetlb-v1', joined(words([8, 1], [1, 9]), new Uint8Array(27), words([1, 1]))],
];

/** A machine with the payload at an address that `place` decides. */
function machine(compatible: string, isFlb: boolean, place: (on: Machine) => number): Machine {
  const on = new Machine();
  on.file('kvm_vm_luo_v1', words([8, 0]), 0x99n);
  if (isFlb) on.flb(compatible, place(on));
  else on.file(compatible, place(on));
  return on;
}
const rules = (on: Machine, forced: Readonly<Record<string, string>> = {}): string[] =>
  rulesOf(on.open({ forced })).filter((rule) => rule !== 'kho/opaque');

describe.each([
  ...FILES.map((each) => [...each, false] as const),
  ...FLBS.map((each) => [...each, true] as const),
])('%s', (compatible, bytes, isFlb) => {
  it('is sound', () => expect(rules(machine(compatible, isFlb, (on) => on.hold(bytes)))).toEqual([]));
  it('is missing', () => expect(rules(machine(compatible, isFlb, () => 0))).toEqual([PAYLOAD.none.name]));
  it('is not preserved', () =>
    expect(rules(machine(compatible, isFlb, (on) => on.hold(bytes, false)))).toEqual([
      PAYLOAD['not-preserved'].name,
    ]));
  it('does not begin a page', () =>
    expect(rules(machine(compatible, isFlb, (on) => on.hold(joined(new Uint8Array(8), bytes)) + 8))).toEqual([
      PAYLOAD.unaligned.name,
    ]));
  it('is not in the dump', () =>
    expect(rules(machine(compatible, isFlb, () => 0x7000000))).toEqual(
      [PAYLOAD['not-preserved'].name, 'kho/memory-absent'].sort(),
    ));
  it('has something behind its end', () =>
    expect(
      rules(
        machine(compatible, isFlb, (on) =>
          on.hold(joined(bytes, new Uint8Array(2048 - bytes.length), words([1, 1]))),
        ),
      ),
    ).toContain(PAYLOAD.tail.name));
  it('has an owner alone', () => {
    const on = machine(compatible, isFlb, (each) => each.hold(bytes));
    const at = on.hold(bytes);
    on.file('eventfd-v1', at);
    on.file('eventfd-v1', at);
    expect(rules(on)).toContain('kho/shared');
  });
});

describe('layouts', () => {
  it('that do not exist are not taken', () => {
    const on = machine('vfio-pci-v1', false, (each) => each.hold(words([2, 0x3a08], [2, 0], [1, 1])));
    expect(rules(on, { 'vfio-pci': 'v9' })).toEqual([PAYLOAD.forced.name]);
  });
  it('that fit equally well are told', () => {
    // 00:00.0 with reset_works, or 00:00.1 without: neither is a device that anybody preserves.
    const on = machine('vfio-pci-v1', false, (each) => each.hold(words([4, 0], [1, 1])));
    expect(rules(on)).toEqual([PAYLOAD.ambiguous.name]);
    expect(rules(on, { 'vfio-pci': 'v2' })).toEqual([]);
  });
});

it('byte order and size of pointers are those of the machine', () => {
  const memory = new Memory();
  memory.bytes(0x10000, Uint8Array.of(0x3a, 0x08, 0, 1, 1));
  memory.bytes(0x11000, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0x3a, 8));
  memory.bytes(0x12000, Uint8Array.of(0, 0x01, 0x30, 0));
  const image = memory.image(62);
  const big = new Walk(image, ABI.s390x, unknownMap(4096));
  expect(followVfio(0x10000n, big, 'x', 'vfio-pci-v1')).toMatchObject({ address: '0001:3a:01.0' });
  expect(followPci(0x11000n, big, 'y', 'pci-v1')).toMatchObject({
    profile: 'v1',
    devices: [{ domain: 1, bdf: 0x3a08, address: '0001:3a:01.0' }],
  });
  const narrow = new Walk(image, ABI.powerpc, unknownMap(4096));
  narrow.forced = { iommufd: 'R1' };
  expect(followIommufd(0x12000n, narrow, 'z')).toMatchObject({ folio: 0x13000n });
});
