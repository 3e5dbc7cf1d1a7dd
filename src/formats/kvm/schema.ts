/** What the files of a VM and of its virtual CPUs hand over. All packed. */
import { array, enumeration, hex, phys, struct, u32, u64 } from '../../codec/index.js';
import { KhoVmalloc } from '../kho/schema.js';

const PACKED = { packed: true } as const;

/** Types of VMs on x86. */
export const KvmX86VmType = enumeration('kvm_vm_type', u64, {
  KVM_X86_DEFAULT_VM: 0,
  KVM_X86_SW_PROTECTED_VM: 1,
  KVM_X86_SEV_VM: 2,
  KVM_X86_SEV_ES_VM: 3,
  KVM_X86_SNP_VM: 4,
  KVM_X86_TDX_VM: 5,
});
/** On arm64: the bits of an intermediate physical address, and whether the VM is protected. */
export const KVM_ARM_TYPE = Object.freeze({ ipaBits: 0xffn, protected: 1n << 31n });

/** Attributes of a page of the guest. */
export const KvmMemAttr = struct('kvm_luo_mem_attr', { gfn: hex(u64), attributes: hex(u64) }, PACKED);
export const KvmMemAttrs = array(KvmMemAttr, 'rest');

/** RFC v1: with the attributes of memory. */
export const KvmLuoSerV1 = struct(
  'kvm_luo_ser',
  { type: hex(u64), nr_mem_attrs: u64, mem_attrs: KhoVmalloc },
  PACKED,
);
export const KvmLuoSer = struct('kvm_luo_ser', { type: hex(u64) }, PACKED);
/** Forks that keep the state of the architecture too. */
export const KvmLuoSerCaretaker = struct('kvm_luo_ser', { type: hex(u64), phys: phys() }, PACKED);

/** `flags` are not said to have any meaning. */
export const KvmVcpuLuoSer = struct(
  'kvm_vcpu_luo_ser',
  { vcpu_id: u32, flags: hex(u32), vm_token: hex(u64), arch_state: phys(), cb: phys() },
  PACKED,
);
