/** Fixtures of preserved VMs and virtual CPUs. */
import { KVM, KVM_PROFILES } from '../../../formats/kvm/index.js';
import type { BuiltDump } from '../../generate/built-dump.js';
import {
  type Boundary,
  type Choices,
  type Fault,
  handoverGenerator,
} from '../../generate/handover-generator.js';
import type { GeneratedMachine } from '../../generate/machines.js';
import { randomAround } from '../../generate/random-spec.js';
import type { Generator } from '../../generate/types.js';
import type { FileSpec, HandoverSpec } from '../../handover/spec.js';
import type { KvmVmSpec } from '../kvm-vm.js';
import { fileLabel, filePath, session } from './places.js';

/** The least that makes a VM one of a generation. */
function least(generation: string): KvmVmSpec {
  if (generation === 'v1') return { mem_attrs: [{ gfn: 1 }] };
  return generation === 'caretaker' ? { state: {} } : {};
}
const vm = (generation: string, spec: KvmVmSpec = {}): Partial<FileSpec> => ({
  kvm_vm: { ...least(generation), ...spec },
});
const isOf =
  (name: string) =>
  (generation: string): boolean =>
    generation === name;
const onX86 = (_: string, { abi }: GeneratedMachine): boolean => abi === 'x86_64';
const onArm = (_: string, { abi }: GeneratedMachine): boolean => abi === 'aarch64';
/** Entries of a page of the array. */
const page = ({ pageSize }: GeneratedMachine): number => pageSize / 16;

const BOUNDARIES: readonly Boundary[] = [
  { name: 'vm', covers: 'a VM of the usual type', spec: (generation) => session([vm(generation)]) },
  {
    name: 'types-x86',
    covers: 'a VM of each type of x86',
    on: onX86,
    spec: (generation) => session([0, 1, 2, 3, 4, 5].map((type) => vm(generation, { type }))),
  },
  {
    name: 'types-arm',
    covers: 'VMs with the fewest and the most bits of IPA, one of them protected',
    on: onArm,
    spec: (generation) => session([32, 52, 0x80000000 + 40].map((type) => vm(generation, { type }))),
  },
  {
    name: 'vcpus',
    covers: 'two VMs with two virtual CPUs each, with state and without',
    spec: (generation) =>
      session([
        vm(generation),
        vm(generation),
        { kvm_vcpu: { vm_token: 1 } },
        { kvm_vcpu: { vm_token: 1, arch_state: { contents: 'registers' }, cb: {} } },
        { kvm_vcpu: { vm_token: 2 } },
        { kvm_vcpu: { vm_token: 2, vcpu_id: 0xffffffff } },
      ]),
  },
  {
    name: 'attributes-page-full',
    covers: 'attributes for as many pages as fill a page of the array',
    on: isOf('v1'),
    spec: (generation, machine) =>
      session([vm(generation, { mem_attrs: [{ gfn: 0, count: page(machine) }] })]),
  },
  {
    name: 'attributes-page-and-one',
    covers: 'attributes for one page more than fills a page of the array',
    on: isOf('v1'),
    spec: (generation, machine) =>
      session([
        vm(generation, {
          mem_attrs: [{ gfn: 0, count: page(machine), attributes: 0 }, { gfn: 2 ** 40 }],
        }),
      ]),
  },
  {
    name: 'folios',
    covers: 'a list of folios that fills its page',
    on: isOf('caretaker'),
    spec: (_, machine) =>
      session([
        { kvm_vm: { folios: Array.from({ length: machine.pageSize === 4096 ? 511 : 9 }, () => ({})) } },
      ]),
  },
];

function randomSpec(generation: string, { abi }: GeneratedMachine, choices: Choices): HandoverSpec {
  const files: Partial<FileSpec>[] = [];
  for (let left = choices.between(1, 3); left > 0; left--) {
    let gfn = choices.below(1000);
    const spec: KvmVmSpec =
      generation === 'v1'
        ? {
            mem_attrs: Array.from({ length: choices.between(1, 5) }, () => {
              const range = { gfn, count: choices.between(1, 300), attributes: choices.one([0, 8]) };
              gfn += range.count + choices.below(1000);
              return range;
            }),
          }
        : generation === 'caretaker' && choices.chance(0.5)
          ? { state: { contents: choices.name(60) } }
          : least(generation);
    files.push({ kvm_vm: { ...spec, type: abi === 'aarch64' ? choices.between(32, 52) : choices.below(6) } });
    const vm_token = files.length;
    for (let vcpus = choices.below(4); vcpus > 0; vcpus--)
      files.push({ kvm_vcpu: { vm_token, ...(choices.chance(0.5) ? { arch_state: {} } : {}) } });
  }
  return { ...randomAround(choices, true), ...session(files) };
}

const ALL = KVM_PROFILES.map(({ name }) => name);
const VM = `${filePath(0)}.kvm_vm`;
const at = (dump: BuiltDump, index = 0, key = 'kvm_vm'): bigint => dump.region(`${fileLabel(index)}.${key}`);
const array = (dump: BuiltDump): bigint => dump.region(`${fileLabel(0)}.kvm_vm.mem_attrs`);
const vcpus = (generation: string): HandoverSpec =>
  session([vm(generation), { kvm_vcpu: {} }, { kvm_vcpu: {} }]);

const FAULTS: readonly Fault[] = [
  {
    rule: 'kvm/type',
    on: ALL,
    spec: (generation) => session([vm(generation)]),
    path: `${VM}.type`,
    edit: (dump) => dump.u64(at(dump), 6),
  },
  {
    rule: 'kvm/attributes',
    on: ['v1'],
    spec: () => session([{ kvm_vm: { mem_attrs: [{ gfn: 0, count: 256 }] } }]),
    path: `${VM}.mem_attrs`,
    edit: (dump) => dump.u64(at(dump) + 8n, 257),
  },
  {
    rule: 'kvm/attributes-order',
    on: ['v1'],
    spec: () => session([{ kvm_vm: { mem_attrs: [{ gfn: 4, count: 2 }] } }]),
    path: `${VM}.mem_attrs`,
    edit: (dump) => dump.u64(array(dump) + 16n, 2),
  },
  {
    rule: 'kvm/attributes-unknown',
    on: ['v1'],
    spec: () => session([{ kvm_vm: { mem_attrs: [{ gfn: 4, count: 2 }] } }]),
    path: `${VM}.mem_attrs`,
    edit: (dump) => dump.u64(array(dump) + 24n, 1),
  },
  {
    rule: 'kvm/state',
    on: ['caretaker'],
    spec: () => session([{ kvm_vm: { state: {} } }]),
    path: `${VM}.phys`,
    edit: (dump) => dump.preserve(dump.region(`${fileLabel(0)}.kvm_vm.state`), 0, false),
  },
  {
    rule: 'kvm/flags',
    on: ALL,
    spec: vcpus,
    path: `${filePath(1)}.kvm_vcpu.flags`,
    edit: (dump) => dump.u32(at(dump, 1, 'kvm_vcpu') + 4n, 1),
  },
  {
    rule: 'kvm/vm-token',
    on: ALL,
    spec: vcpus,
    path: `${filePath(1)}.kvm_vcpu.vm_token`,
    edit: (dump) => dump.u64(at(dump, 1, 'kvm_vcpu') + 8n, 0x99),
  },
  {
    rule: 'kvm/vcpu-duplicate',
    on: ALL,
    spec: vcpus,
    path: `${filePath(2)}.kvm_vcpu.vcpu_id`,
    edit: (dump) => dump.u32(at(dump, 2, 'kvm_vcpu'), 0),
  },
];

export const kvmGenerator: Generator = handoverGenerator({
  format: 'kvm',
  // From the oldest on, the forks last.
  generations: ['v1', 'v2', 'caretaker'].flatMap((name) => KVM_PROFILES.filter((each) => each.name === name)),
  rules: Object.values(KVM),
  base: () => ({}),
  boundaries: BOUNDARIES,
  random: randomSpec,
  faults: FAULTS,
  unbroken: {},
});
