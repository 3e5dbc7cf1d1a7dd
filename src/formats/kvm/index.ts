/** VMs and virtual CPUs that are preserved as files: `kvm_vm_luo_v1`, and of forks `kvm_vcpu_luo_v1`. */
export { AttributeReader, type MemAttrRange } from './attributes.js';
export { checkVcpus, vmOf } from './check.js';
export {
  followKvmVcpu,
  followKvmVm,
  type KvmVcpuValue,
  type KvmVmValue,
  kvmVcpuHandler,
  kvmVmHandler,
} from './follow.js';
export { KVM_PROFILES, type KvmProfile } from './profiles.js';
export { KVM } from './rules.js';
export * from './schema.js';
