/** From the data of the files of VMs and virtual CPUs to what was kept of them. */
import { hasBits } from '../kho/bits.js';
import type { FileHandler } from '../kho/extension.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import type { Meaning, Stretch } from '../meaning.js';
import {
  CHOICE_MEANING,
  type CountedArray,
  checkTail,
  chooseLayout,
  claimBlock,
  Evidence,
  type Payload,
  readCounted,
  readPayload,
  type ToldChoice,
} from '../payload/index.js';
import { AttributeReader, type MemAttrRange } from './attributes.js';
import { KVM_PROFILES, type KvmProfile } from './profiles.js';
import { KVM } from './rules.js';
import {
  KVM_ARM_TYPE,
  KvmLuoSer,
  KvmLuoSerCaretaker,
  KvmLuoSerV1,
  KvmMemAttrs,
  KvmVcpuLuoSer,
  KvmX86VmType,
} from './schema.js';

export interface KvmVmValue extends Omit<ToldChoice, 'runner_up'> {
  readonly type: bigint;
  /** What the type says: `KVM_X86_DEFAULT_VM`, or `40 bits of IPA, protected`. */
  readonly type_name?: string;
  /** Whether the type has memory that the host cannot read. */
  readonly private_memory?: boolean;
  readonly nr_mem_attrs?: bigint;
  readonly mem_attrs?: Iterable<MemAttrRange>;
  /** Of forks: where the state of the architecture or a list of folios is. */
  readonly phys?: bigint;
  /** Of forks: the addresses of the folios, where `phys` leads to a list. */
  readonly folios?: readonly bigint[];
}
export interface KvmVcpuValue {
  readonly vcpu_id: number;
  readonly flags: number;
  readonly vm_token: bigint;
  readonly arch_state: bigint;
  readonly cb: bigint;
}

/** Pages with their attributes, however the array cuts them. */
function stretchOf(element: unknown): Stretch {
  // Elements of `mem_attrs` are ranges.
  const { gfn, count, attributes } = element as MemAttrRange;
  const from = Number(gfn);
  return { from, to: from + count, says: { attributes: Number(attributes) }, place: (at) => at };
}
const VM_MEANING: Meaning = {
  fields: {
    ...CHOICE_MEANING,
    type_name: { is: 'derived' },
    private_memory: { is: 'derived' },
    nr_mem_attrs: { is: 'layout' },
    mem_attrs: { stretches: stretchOf },
    phys: { is: 'address' },
    folios: { is: 'layout' },
  },
};
const VCPU_MEANING: Meaning = { fields: { arch_state: { is: 'address' }, cb: { is: 'address' } } };

export const kvmVmHandler: FileHandler = Object.freeze({
  compatible: 'kvm_vm_luo_v1',
  key: 'kvm_vm',
  meaning: VM_MEANING,
  decode: followKvmVm,
});
export const kvmVcpuHandler: FileHandler = Object.freeze({
  compatible: 'kvm_vcpu_luo_v1',
  key: 'kvm_vcpu',
  meaning: VCPU_MEANING,
  decode: followKvmVcpu,
});

/** Types whose private memory only guest_memfd can hold. */
const X86_PRIVATE = new Set([1n, 4n, 5n]);

interface VmType {
  readonly name: string;
  readonly private: boolean;
}
/** What the type says on the machine; undefined where the machine or the type is not known. */
function vmType(type: bigint, walk: Walk): VmType | undefined {
  const { name } = walk.image.machine;
  if (name === 'x86_64' || name === 'i386') {
    const member = Object.entries(KvmX86VmType.members).find(([, value]) => BigInt(value) === type);
    return member === undefined ? undefined : { name: member[0], private: X86_PRIVATE.has(type) };
  }
  if (name !== 'aarch64') return undefined;
  const ipa = type & KVM_ARM_TYPE.ipaBits;
  const isProtected = (type & KVM_ARM_TYPE.protected) !== 0n;
  if ((type & ~(KVM_ARM_TYPE.ipaBits | KVM_ARM_TYPE.protected)) !== 0n) return undefined;
  if (ipa !== 0n && (ipa < 32n || ipa > 52n)) return undefined;
  return {
    name: `${ipa === 0n ? 40 : ipa} bits of IPA${isProtected ? ', protected' : ''}`,
    private: isProtected,
  };
}

function isBlock(address: bigint, walk: Walk): boolean {
  if (address === 0n || !walk.isAligned(address)) return false;
  return walk.map.complete
    ? walk.map.blockAt(walk.pfn(address)) !== undefined
    : walk.image.at(address).state !== 'absent';
}

function evidenceOf(profile: KvmProfile, { bytes }: Payload, walk: Walk): Evidence {
  const evidence = new Evidence();
  evidence.addTail(bytes, profile.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const second = view.getBigUint64(8, walk.little);
  if (profile.name === 'caretaker' && second !== 0n)
    evidence.add(
      isBlock(second, walk) ? 4 : -4,
      `${hexText(second)} ${isBlock(second, walk) ? 'is' : 'would be'} a page`,
    );
  if (profile.name === 'v1') {
    const first = view.getBigUint64(16, walk.little);
    if ((second === 0n) !== (first === 0n))
      evidence.add(-6, `${second} entries would be at ${hexText(first)}`);
    else if (first !== 0n)
      evidence.add(
        isBlock(first, walk) ? 4 : -2,
        `${many(second, 'entry', 'entries')} are in an area that begins at ${hexText(first)}`,
      );
  }
  return evidence;
}

export function followKvmVm(data: bigint, walk: Walk, path: string): KvmVmValue | undefined {
  const payload = readPayload(walk, data, 32, path, 'the VM');
  if (payload === undefined) return undefined;
  const choice = chooseLayout(
    {
      part: 'kvm',
      all: KVM_PROFILES,
      evidence: (profile) => evidenceOf(profile, payload, walk),
      // Layouts of which all but the type is 0 say the same.
      differ: () => hasBits(payload.bytes.subarray(8, 32)),
    },
    walk,
    path,
    data,
  );
  if (choice === undefined) return undefined;
  const { profile, because } = choice;
  const ser = payload.bytes.subarray(0, profile.size);
  const fields =
    profile.name === 'v1'
      ? withAttributes(ser, payload, walk, path)
      : profile.name === 'caretaker'
        ? withState(walk.decodeBytes(KvmLuoSerCaretaker, ser, data, path), walk, path)
        : walk.decodeBytes(KvmLuoSer, ser, data, path);
  checkTail(walk, payload, profile.size, path);
  const said = vmType(fields.type, walk);
  const known = ['x86_64', 'i386', 'aarch64'].includes(walk.image.machine.name);
  if (said === undefined && known)
    walk.find(
      KVM.type,
      `${path}.type`,
      data,
      `The VM is of type ${hexText(fields.type)} on ${walk.image.machine.name}.`,
    );
  return {
    profile: profile.name,
    because,
    ...fields,
    ...(said === undefined ? {} : { type_name: said.name, private_memory: said.private }),
  };
}

type Fields = Omit<KvmVmValue, 'profile' | 'because' | 'type_name' | 'private_memory'>;

const ATTRIBUTE = 16;

function withAttributes(bytes: Uint8Array, payload: Payload, walk: Walk, path: string): Fields {
  const { address } = payload;
  const { type, nr_mem_attrs, mem_attrs } = walk.decodeBytes(KvmLuoSerV1, bytes, address, path);
  const at = `${path}.mem_attrs`;
  const reader = new AttributeReader(walk.little);
  const array: CountedArray = {
    descriptor: mem_attrs,
    descriptorAt: address + 16n,
    count: nr_mem_attrs,
    size: ATTRIBUTE,
    schema: KvmMemAttrs,
    what: 'the attributes of memory',
    short: KVM.attributes,
    countAt: address + 8n,
    take: many(nr_mem_attrs, 'entry takes', 'entries take'),
  };
  readCounted(walk, array, reader, at);
  if (reader.unordered > 0)
    walk.find(
      KVM['attributes-order'],
      at,
      address,
      `${many(reader.unordered, 'entry goes', 'entries go')} back, the first to page ${hexText(reader.firstUnordered)}.`,
    );
  if (reader.unknown > 0)
    walk.find(
      KVM['attributes-unknown'],
      at,
      address,
      `${many(reader.unknown, 'entry has', 'entries have')} unknown attributes, the first for page ${hexText(reader.firstUnknown)}.`,
    );
  return { type, nr_mem_attrs, mem_attrs: reader };
}

/** Folios of a list that are shown. */
const MAX_FOLIOS = 1 << 16;

function withState(
  { type, phys }: { readonly type: bigint; readonly phys: bigint },
  walk: Walk,
  path: string,
): Fields {
  if (phys === 0n) return { type, phys };
  const at = `${path}.phys`;
  checkState(phys, at, walk);
  const folios = isBlock(phys, walk) && walk.enter(phys, at) ? folioList(phys, walk, at) : undefined;
  return { type, phys, ...(folios === undefined ? {} : { folios }) };
}

/** The list of folios that `phys` leads to in some of the forks; undefined if it is something else. */
function folioList(address: bigint, walk: Walk, path: string): bigint[] | undefined {
  const order = walk.map.blockAt(walk.pfn(address)) ?? 0;
  const size = Math.min(walk.pageSize * 2 ** order, 8 * (MAX_FOLIOS + 1));
  const bytes = walk.image.read(address, size);
  if (!(bytes instanceof Uint8Array)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = view.getBigUint64(0, walk.little);
  if (count === 0n || count > BigInt(size / 8 - 1)) return undefined;
  const folios = Array.from({ length: Number(count) }, (_, i) => view.getBigUint64(8 + 8 * i, walk.little));
  if (!folios.every((folio) => isBlock(folio, walk))) return undefined;
  for (const folio of folios) claimBlock(walk, folio, path);
  return folios;
}

function checkState(address: bigint, path: string, walk: Walk): void {
  if (address === 0n) return;
  if (!walk.isAligned(address) || (walk.map.complete && walk.map.blockAt(walk.pfn(address)) === undefined))
    walk.find(
      KVM.state,
      path,
      address,
      `The state at ${hexText(address)} is not the start of a preserved block.`,
    );
  else claimBlock(walk, address, path);
}

export function followKvmVcpu(data: bigint, walk: Walk, path: string): KvmVcpuValue | undefined {
  const payload = readPayload(walk, data, 32, path, 'the virtual CPU');
  if (payload === undefined) return undefined;
  const value = walk.decodeBytes(KvmVcpuLuoSer, payload.bytes.subarray(0, 32), data, path);
  if (value.flags !== 0)
    walk.find(KVM.flags, `${path}.flags`, data + 4n, `The flags are ${hexText(value.flags)}.`);
  checkState(value.arch_state, `${path}.arch_state`, walk);
  checkState(value.cb, `${path}.cb`, walk);
  checkTail(walk, payload, 32, path);
  return value;
}
