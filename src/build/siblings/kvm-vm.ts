/** Builds what is handed over of VMs: their type, and what RFC v1 and forks have beside it. */
import {
  KVM_ARM_TYPE,
  KvmLuoSer,
  KvmLuoSerCaretaker,
  KvmLuoSerV1,
  type KvmVmValue,
} from '../../formats/kvm/index.js';
import { buildError } from '../build-error.js';
import type { HandoverBuilder } from '../handover/builder.js';
import type { Describer } from '../handover/describer.js';
import type { FileBuilder } from '../handover/extension.js';
import type { FileSpec, Word } from '../handover/spec.js';
import type { Region } from '../memory.js';
import { field, list, needed, number, object, word } from '../spec/shape.js';
import { wordOf } from '../words.js';
import { type BlockSpec, blockShape, buildBlock, describeBlock } from './block.js';

/** Pages of the guest that follow each other and have the same attributes. */
export interface MemAttrSpec {
  /** The first page of the guest. */
  readonly gfn: Word;
  /** 1 if not given. */
  readonly count?: number;
  /** 8, private memory, if not given. */
  readonly attributes?: Word;
}
export interface KvmVmSpec {
  /** 0 to 5 on x86; bits of IPA and bit 31 for a protected VM on arm64. 0 if not given. */
  readonly type?: Word;
  /** Of RFC v1, which has them. */
  readonly mem_attrs?: readonly MemAttrSpec[];
  /** Of forks: state of the architecture. */
  readonly state?: BlockSpec;
  /** Of forks: a list of folios in its place. */
  readonly folios?: readonly BlockSpec[];
}

const SIZES = { v1: 32, v2: 8, caretaker: 16 } as const;
const ATTRIBUTE = 16;
/** KVM_MEMORY_ATTRIBUTE_PRIVATE */
const PRIVATE = 8n;
/** Entries of one VM: their array has to be made in memory. */
const MAX_ATTRIBUTES = 2 ** 24;

/** Types of x86 whose private memory only guest_memfd can hold. */
const X86_PRIVATE: readonly bigint[] = [1n, 4n, 5n];

/** Whether the VM of a file has memory that the host cannot read. */
export function hasPrivateMemory({ kvm_vm }: FileSpec, { abi }: HandoverBuilder): boolean {
  // The spec of a file says that this key has the type.
  const type = BigInt((kvm_vm as KvmVmSpec | undefined)?.type ?? 0);
  return abi.name === 'aarch64' ? (type & KVM_ARM_TYPE.protected) !== 0n : X86_PRIVATE.includes(type);
}

export const kvmVmBuilder: FileBuilder = {
  key: 'kvm_vm',
  field: field(
    object('kvm_vm', 'A virtual machine of KVM', {
      type: field(word, '0 to 5 on x86; on arm64 bits of IPA, and bit 31 if protected. 0 if not given'),
      mem_attrs: field(
        list(
          object('attributes of memory', 'Pages of the guest that follow each other', {
            gfn: needed(word, 'the first page of the guest'),
            count: field(number(2 ** 24), '1 if not given'),
            attributes: field(word, '8, private memory, if not given'),
          }),
        ),
        'makes it one of RFC v1, which has them',
      ),
      state: field(blockShape, 'makes it one of a fork that keeps state of the architecture'),
      folios: field(list(blockShape), 'makes it one of a fork that keeps a list of folios'),
    }),
    'a VM',
  ),
  compatible: () => 'kvm_vm_luo_v1',
  build: (value, builder, place) => {
    // The spec of a file says that this key has the type.
    const spec = value as KvmVmSpec;
    const path = `${place.path}.kvm_vm`;
    const type = typeOf(spec.type ?? 0n, builder, `${path}.type`);
    const { mem_attrs = [], state, folios = [] } = spec;
    if ([mem_attrs.length > 0, state !== undefined, folios.length > 0].filter(Boolean).length > 1)
      throw buildError('build-value', path, 'a VM has one of mem_attrs, state and folios: no layout has two');
    if (mem_attrs.length > 0) {
      const count = countOf(mem_attrs, `${path}.mem_attrs`);
      const entries = mem_attrs.map(({ gfn, count = 1, attributes = PRIVATE }, i) => ({
        gfn: wordOf(gfn, `${path}.mem_attrs[${i}].gfn`),
        count,
        attributes: wordOf(attributes, `${path}.mem_attrs[${i}].attributes`),
      }));
      const descriptor = builder.vmalloc(`${path}.mem_attrs`, count * ATTRIBUTE, (bytes) =>
        writeAttributes(bytes, entries, builder.abi.endian === 'little'),
      );
      const region = builder.object(path, KvmLuoSerV1, SIZES.v1, () => ({
        type,
        nr_mem_attrs: count,
        mem_attrs: descriptor(),
      }));
      return () => region.address;
    }
    const block =
      state !== undefined
        ? buildBlock(state, builder, `${path}.state`)
        : folios.length > 0
          ? buildFolios(folios, builder, `${path}.folios`)
          : undefined;
    const region =
      block === undefined
        ? builder.object(path, KvmLuoSer, SIZES.v2, () => ({ type }))
        : builder.object(path, KvmLuoSerCaretaker, SIZES.caretaker, () => ({ type, phys: block.address }));
    return () => region.address;
  },
  saysCompatible: (compatible) => (compatible === 'kvm_vm_luo_v1' ? {} : { compatible }),
  describe: (value, describer, { path }) => {
    // What the decoder of VMs gives under this key.
    const { type, mem_attrs, phys, folios } = value as KvmVmValue;
    const attributes = [...(mem_attrs ?? [])].map(
      (range): MemAttrSpec => ({
        gfn: range.gfn,
        ...(range.count === 1 ? {} : { count: range.count }),
        ...(range.attributes === PRIVATE ? {} : { attributes: range.attributes }),
      }),
    );
    return {
      ...(type === 0n ? {} : { type }),
      ...(attributes.length === 0 ? {} : { mem_attrs: attributes }),
      ...(phys === undefined || phys === 0n ? {} : stateOf(phys, folios, describer, `${path}.kvm_vm`)),
    } satisfies KvmVmSpec;
  },
};

function typeOf(asked: Word, { abi }: HandoverBuilder, path: string): bigint {
  const type = wordOf(asked, path);
  if (abi.name === 'x86_64' && type > 5n)
    throw buildError('build-value', path, `VMs of x86 are of the types 0 to 5, not ${type}`);
  if (abi.name === 'aarch64') {
    const bits = type & KVM_ARM_TYPE.ipaBits;
    const rest = type & ~(KVM_ARM_TYPE.ipaBits | KVM_ARM_TYPE.protected);
    if (rest !== 0n || (bits !== 0n && (bits < 32n || bits > 52n)))
      throw buildError(
        'build-value',
        path,
        `the type of a VM of arm64 is 32 to 52 bits of IPA or 0, and bit 31, not 0x${type.toString(16)}`,
      );
  }
  return type;
}

/** Entries of all ranges. They ascend, and each page is there once. */
function countOf(ranges: readonly MemAttrSpec[], path: string): number {
  let total = 0;
  let next = 0n;
  for (const [i, { gfn, count = 1, attributes = PRIVATE }] of ranges.entries()) {
    const where = `${path}[${i}]`;
    const first = wordOf(gfn, `${where}.gfn`);
    if (count < 1 || first + BigInt(count) > 1n << 52n)
      throw buildError('build-value', where, `a guest has no ${count} pages from ${first} on`);
    if (first < next) throw buildError('build-value', where, 'pages of the guest ascend, each of them once');
    if ((wordOf(attributes, `${where}.attributes`) & ~PRIVATE) !== 0n)
      throw buildError('build-value', `${where}.attributes`, '8 (private) is the only attribute');
    next = first + BigInt(count);
    total += count;
  }
  if (total > MAX_ATTRIBUTES)
    throw buildError('build-full', path, `${total} entries are more than ${MAX_ATTRIBUTES}`);
  return total;
}

function writeAttributes(
  bytes: Uint8Array,
  entries: readonly { readonly gfn: bigint; readonly count: number; readonly attributes: bigint }[],
  little: boolean,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  for (const { gfn, count, attributes } of entries)
    for (let i = 0; i < count; i++) {
      view.setBigUint64(at, gfn + BigInt(i), little);
      view.setBigUint64(at + 8, attributes, little);
      at += ATTRIBUTE;
    }
}

/** A list of folios: how many, and the address of each. */
function buildFolios(folios: readonly BlockSpec[], builder: HandoverBuilder, path: string): Region {
  const blocks = folios.map((folio, i) => buildBlock(folio, builder, `${path}[${i}]`));
  const list = builder.allocate(path, { size: 8 * (1 + blocks.length) });
  builder.memory.fill(list, (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const little = builder.abi.endian === 'little';
    view.setBigUint64(0, BigInt(blocks.length), little);
    for (const [i, block] of blocks.entries()) view.setBigUint64(8 + 8 * i, block.address, little);
  });
  return list;
}

function stateOf(
  phys: bigint,
  folios: readonly bigint[] | undefined,
  describer: Describer,
  path: string,
): Pick<KvmVmSpec, 'state' | 'folios'> {
  if (folios === undefined) return { state: describeBlock(phys, describer, `${path}.state`) };
  return { folios: folios.map((folio, i) => describeBlock(folio, describer, `${path}.folios[${i}]`)) };
}
