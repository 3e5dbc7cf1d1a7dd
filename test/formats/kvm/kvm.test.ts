import { describe, expect, it } from 'vitest';
import { ABI, encode, type Schema, sizeof, toHex } from '../../../src/codec/index.js';
import {
  KVM,
  KvmLuoSer,
  KvmLuoSerCaretaker,
  KvmLuoSerV1,
  KvmMemAttr,
  KvmVcpuLuoSer,
  type KvmVcpuValue,
  type KvmVmValue,
} from '../../../src/formats/kvm/index.js';
import { rulesOf } from '../kho/support.js';
import { fileValue, joined, Machine, words } from '../machine.js';

describe('structs', () => {
  it.each<[string, Schema, number]>([
    ['v1', KvmLuoSerV1, 32],
    ['v2', KvmLuoSer, 8],
    ['caretaker', KvmLuoSerCaretaker, 16],
    ['attributes', KvmMemAttr, 16],
    ['vcpu', KvmVcpuLuoSer, 32],
  ])('%s', (_, schema, size) => {
    for (const abi of Object.values(ABI)) expect(sizeof(schema, abi)).toBe(size);
  });
  it('golden bytes', () => {
    const value = { vcpu_id: 3, flags: 0, vm_token: 0x1001n, arch_state: 0x5000n, cb: 0n };
    expect(toHex(encode(KvmVcpuLuoSer, value, { abi: ABI.x86_64 }))).toBe(
      '0300000000000000' + '0110000000000000' + '0050000000000000' + '0000000000000000',
    );
  });
});

const attributes = (
  ...entries: readonly (readonly [gfn: number | bigint, attributes: number])[]
): Uint8Array => joined(...entries.map(([gfn, each]) => words([8, gfn], [8, each])));
const withAttributes = (on: Machine, bytes: Uint8Array, nr = bytes.length / 16): Uint8Array =>
  joined(words([8, 1], [8, nr]), on.area(bytes));
const vm = (on: Machine): KvmVmValue => fileValue<KvmVmValue>(on.open(), 'kvm_vm');

describe('VMs', () => {
  it('with their type alone', () => {
    const on = new Machine();
    on.file('kvm_vm_luo_v1', words([8, 5]));
    expect(rulesOf(on.open())).toEqual([]);
    expect(vm(on)).toMatchObject({
      profile: 'v2',
      type: 5n,
      type_name: 'KVM_X86_TDX_VM',
      private_memory: true,
    });
  });
  it('of arm64', () => {
    const on = new Machine(65536);
    on.file('kvm_vm_luo_v1', words([8, 0x80000030n]));
    expect(rulesOf(on.open())).toEqual([]);
    expect(vm(on)).toMatchObject({ type_name: '48 bits of IPA, protected', private_memory: true });
  });
  it('with attributes of memory', () => {
    const on = new Machine();
    on.file('kvm_vm_luo_v1', withAttributes(on, attributes([16, 8], [17, 8], [18, 8], [100, 8])));
    expect(rulesOf(on.open())).toEqual([]);
    const value = vm(on);
    expect(value).toMatchObject({ profile: 'v1', nr_mem_attrs: 4n, type_name: 'KVM_X86_SW_PROTECTED_VM' });
    expect([...(value.mem_attrs ?? [])]).toEqual([
      { gfn: 16n, count: 3, attributes: 8n },
      { gfn: 100n, count: 1, attributes: 8n },
    ]);
  });
  it('with thousands of attributes, over several pages', () => {
    const on = new Machine();
    const entries = Array.from({ length: 5000 }, (_, i) => [i + 1, 8] as const);
    on.file('kvm_vm_luo_v1', withAttributes(on, attributes(...entries)));
    expect(rulesOf(on.open())).toEqual([]);
    expect([...(vm(on).mem_attrs ?? [])]).toEqual([{ gfn: 1n, count: 5000, attributes: 8n }]);
  });
  it('of forks, with state or with folios', () => {
    const state = new Machine();
    state.file('kvm_vm_luo_v1', words([8, 0], [8, state.hold(Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9))]));
    expect(rulesOf(state.open())).toEqual([]);
    expect(vm(state)).toMatchObject({ profile: 'caretaker' });
    expect(vm(state).folios).toBeUndefined();
    const list = new Machine();
    const folios = [list.block(), list.block(1)];
    list.file(
      'kvm_vm_luo_v1',
      words([8, 0], [8, list.hold(words([8, 2], [8, folios[0] ?? 0], [8, folios[1] ?? 0]))]),
    );
    expect(rulesOf(list.open())).toEqual([]);
    expect(vm(list).folios?.map(Number)).toEqual(folios);
  });
  it.each(['v1', 'v2', 'caretaker'])('%s can be forced', (profile) => {
    const on = new Machine();
    on.file('kvm_vm_luo_v1', words([8, 0]));
    const handover = on.open({ forced: { kvm: profile } });
    expect(fileValue<KvmVmValue>(handover, 'kvm_vm').profile).toBe(profile);
    expect(rulesOf(handover)).toEqual([]);
  });
});

const vcpu = (id: number, token: number, { flags = 0, state = 0, cb = 0 } = {}): Uint8Array =>
  words([4, id], [4, flags], [8, token], [8, state], [8, cb]);

it('virtual CPUs', () => {
  const on = new Machine();
  on.file('kvm_vm_luo_v1', words([8, 0]), 0x10n);
  on.file('kvm_vcpu_luo_v1', vcpu(0, 0x10, { state: on.block(), cb: on.block() }));
  on.file('kvm_vcpu_luo_v1', vcpu(1, 0x10));
  expect(rulesOf(on.open())).toEqual([]);
  expect(fileValue<KvmVcpuValue>(on.open(), 'kvm_vcpu', 2)).toMatchObject({ vcpu_id: 1, vm_token: 0x10n });
});

it.each<[keyof typeof KVM, (on: Machine) => void, 4096 | 65536]>([
  ['type', (on) => on.file('kvm_vm_luo_v1', words([8, 6])), 4096],
  ['type', (on) => on.file('kvm_vm_luo_v1', words([8, 60])), 65536],
  ['type', (on) => on.file('kvm_vm_luo_v1', words([8, 0x100000028n])), 65536],
  [
    'attributes',
    (on) =>
      on.file(
        'kvm_vm_luo_v1',
        withAttributes(on, attributes(...Array.from({ length: 256 }, (_, i) => [i + 1, 8] as const)), 1000),
      ),
    4096,
  ],
  [
    'attributes-order',
    (on) => on.file('kvm_vm_luo_v1', withAttributes(on, attributes([5, 8], [1, 8]))),
    4096,
  ],
  ['attributes-unknown', (on) => on.file('kvm_vm_luo_v1', withAttributes(on, attributes([5, 16]))), 4096],
  [
    'state',
    (on) => {
      on.file('kvm_vm_luo_v1', words([8, 0]), 1n);
      on.file('kvm_vcpu_luo_v1', vcpu(0, 1, { state: on.block(0, false) }));
    },
    4096,
  ],
  [
    'flags',
    (on) => {
      on.file('kvm_vm_luo_v1', words([8, 0]), 1n);
      on.file('kvm_vcpu_luo_v1', vcpu(0, 1, { flags: 1 }));
    },
    4096,
  ],
  ['vm-token', (on) => on.file('kvm_vcpu_luo_v1', vcpu(0, 1)), 4096],
  [
    'vm-token',
    (on) => {
      on.file('kvm_vm_luo_v1', words([8, 0]), 1n, 1);
      on.file('kvm_vcpu_luo_v1', vcpu(0, 1), 2n, 0);
    },
    4096,
  ],
  [
    'vcpu-duplicate',
    (on) => {
      on.file('kvm_vm_luo_v1', words([8, 0]), 1n);
      on.file('kvm_vcpu_luo_v1', vcpu(7, 1));
      on.file('kvm_vcpu_luo_v1', vcpu(7, 1));
    },
    4096,
  ],
])('%s', (rule, make, pageSize) => {
  const on = new Machine(pageSize);
  make(on);
  expect(rulesOf(on.open())).toEqual([KVM[rule].name]);
});

it('any flip of a bit is decoded or found', () => {
  for (let bit = 0; bit < 40 * 8; bit++) {
    const on = new Machine();
    const bytes = joined(withAttributes(on, attributes([1, 8], [2, 8])), new Uint8Array(8));
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    on.file('kvm_vm_luo_v1', bytes);
    expect(() => on.open()).not.toThrow();
  }
});
it('claims of terabytes of attributes cost nothing', () => {
  const on = new Machine();
  on.file(
    'kvm_vm_luo_v1',
    joined(words([8, 1], [8, 1n << 58n]), words([8, on.block()], [4, 0xffffffff], [2, 1], [2, 0])),
  );
  expect(rulesOf(on.open({ forced: { kvm: 'v1' } }))).toContain('kho/vmalloc-total');
});
