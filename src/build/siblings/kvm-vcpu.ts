/** Builds what forks hand over of virtual CPUs. */
import { KvmVcpuLuoSer, type KvmVcpuValue } from '../../formats/kvm/index.js';
import { buildError } from '../build-error.js';
import type { HandoverBuilder } from '../handover/builder.js';
import type { FileBuilder, FilePlace } from '../handover/extension.js';
import type { Word } from '../handover/spec.js';
import { field, number, object, word } from '../spec/shape.js';
import { smallOf } from '../words.js';
import { type BlockSpec, blockShape, buildBlock, describeBlock } from './block.js';
import { namedFile, VM_FILE } from './session-files.js';

export interface KvmVcpuSpec {
  /** How many virtual CPUs of its VM the session has before it if not given. */
  readonly vcpu_id?: number;
  /** The VM's file in the same session; the only one if not given. */
  readonly vm_token?: Word;
  readonly arch_state?: BlockSpec;
  readonly cb?: BlockSpec;
}
const SIZE = 32;

export const kvmVcpuBuilder: FileBuilder = {
  key: 'kvm_vcpu',
  field: field(
    object('kvm_vcpu', 'A virtual CPU', {
      vcpu_id: field(number(0xffffffff), 'its number; counted from 0 for each VM if not given'),
      vm_token: field(word, 'the token of its VM in the same session; the only VM if not given'),
      arch_state: field(blockShape, 'state of the architecture'),
      cb: field(blockShape, 'its control block'),
    }),
    'a virtual CPU',
  ),
  compatible: () => 'kvm_vcpu_luo_v1',
  build: (value, builder, place) => {
    // The spec of a file says that this key has the type.
    const spec = value as KvmVcpuSpec;
    const path = `${place.path}.kvm_vcpu`;
    const vm = namedFile(builder, place.session, VM_FILE, spec.vm_token, `${path}.vm_token`);
    const vcpu_id = numberOf(spec, vm.token, builder, place, path);
    const arch =
      spec.arch_state === undefined ? undefined : buildBlock(spec.arch_state, builder, `${path}.arch_state`);
    const cb = spec.cb === undefined ? undefined : buildBlock(spec.cb, builder, `${path}.cb`);
    const region = builder.object(path, KvmVcpuLuoSer, SIZE, () => ({
      vcpu_id,
      flags: 0,
      vm_token: vm.token,
      arch_state: arch?.address ?? 0n,
      cb: cb?.address ?? 0n,
    }));
    return () => region.address;
  },
  saysCompatible: (compatible) => (compatible === 'kvm_vcpu_luo_v1' ? {} : { compatible }),
  describe: (value, describer, place) => {
    // What the decoder of virtual CPUs gives under this key.
    const { vcpu_id, vm_token, arch_state, cb } = value as KvmVcpuValue;
    const path = `${place.path}.kvm_vcpu`;
    return {
      vcpu_id,
      vm_token,
      ...(arch_state === 0n
        ? {}
        : { arch_state: describeBlock(arch_state, describer, `${path}.arch_state`) }),
      ...(cb === 0n ? {} : { cb: describeBlock(cb, describer, `${path}.cb`) }),
    } satisfies KvmVcpuSpec;
  },
};

/** The number that was given, or how many are of the VM before it. No two of a VM have the same one. */
function numberOf(
  { vcpu_id }: KvmVcpuSpec,
  vm: bigint,
  builder: HandoverBuilder,
  { session, file }: FilePlace,
  path: string,
): number {
  const taken = new Set<number>();
  for (const other of builder.sessions.get(session) ?? []) {
    if (other === file) break;
    // The spec of a file says that this key has the type.
    const spec = other.kvm_vcpu as KvmVcpuSpec | undefined;
    if (spec === undefined) continue;
    if (namedFile(builder, session, VM_FILE, spec.vm_token, path).token === vm)
      taken.add(spec.vcpu_id ?? taken.size);
  }
  const id = smallOf(vcpu_id ?? taken.size, 32, `${path}.vcpu_id`);
  if (taken.has(id))
    throw buildError('build-value', `${path}.vcpu_id`, `its VM has a virtual CPU ${id} already`);
  return id;
}
