/** The structs of KVM's ioctls for guest_memfd (include/uapi/linux/kvm.h), as in Linux 7.2. */
import { array, flags, hex, reserved, type Schema, struct, u32, u64 } from '../../codec/index.js';

export const KvmGuestMemfdFlags = flags('guest_memfd_flags', hex(u64), {
  GUEST_MEMFD_FLAG_MMAP: 1,
  GUEST_MEMFD_FLAG_INIT_SHARED: 2,
});
export const KvmMemoryRegionFlags = flags('kvm_mem_flags', hex(u32), {
  KVM_MEM_LOG_DIRTY_PAGES: 1,
  KVM_MEM_READONLY: 2,
  KVM_MEM_GUEST_MEMFD: 4,
});
export const KvmMemoryAttributeFlags = flags('kvm_memory_attribute', hex(u64), {
  KVM_MEMORY_ATTRIBUTE_PRIVATE: 8,
});

export const KvmCreateGuestMemfd = struct('kvm_create_guest_memfd', {
  size: u64,
  flags: KvmGuestMemfdFlags,
  reserved: reserved(array(u64, 6)),
});
export const KvmUserspaceMemoryRegion2 = struct('kvm_userspace_memory_region2', {
  slot: u32,
  flags: KvmMemoryRegionFlags,
  guest_phys_addr: hex(u64),
  memory_size: u64,
  userspace_addr: hex(u64),
  guest_memfd_offset: u64,
  guest_memfd: u32,
  pad1: reserved(u32),
  pad2: reserved(array(u64, 14)),
});
export const KvmMemoryAttributes = struct('kvm_memory_attributes', {
  address: hex(u64),
  size: u64,
  attributes: KvmMemoryAttributeFlags,
  flags: hex(u64),
});
export const KvmPreFaultMemory = struct('kvm_pre_fault_memory', {
  gpa: hex(u64),
  size: u64,
  flags: hex(u64),
  padding: reserved(array(u64, 5)),
});

/** The type of all of KVM's ioctls. */
export const KVMIO = 0xae;

export interface KvmIoctl {
  readonly name: string;
  /** The whole number, which tells direction and size. */
  readonly number: number;
  readonly on: 'VM' | 'virtual CPU';
  readonly schema: Schema;
  /** In bytes. */
  readonly size: number;
}

function ioctl(
  name: string,
  direction: 'write' | 'both',
  nr: number,
  on: KvmIoctl['on'],
  schema: Schema,
  size: number,
): KvmIoctl {
  const way = direction === 'both' ? 3 : 1;
  return Object.freeze({
    name,
    number: way * 2 ** 30 + size * 2 ** 16 + KVMIO * 2 ** 8 + nr,
    on,
    schema,
    size,
  });
}
export const KVM_IOCTLS: readonly KvmIoctl[] = Object.freeze([
  ioctl('KVM_SET_USER_MEMORY_REGION2', 'write', 0x49, 'VM', KvmUserspaceMemoryRegion2, 160),
  ioctl('KVM_SET_MEMORY_ATTRIBUTES', 'write', 0xd2, 'VM', KvmMemoryAttributes, 32),
  ioctl('KVM_CREATE_GUEST_MEMFD', 'both', 0xd4, 'VM', KvmCreateGuestMemfd, 64),
  ioctl('KVM_PRE_FAULT_MEMORY', 'both', 0xd5, 'virtual CPU', KvmPreFaultMemory, 64),
]);

/** What KVM_CHECK_EXTENSION is asked for. */
export const KVM_CAPS = Object.freeze({
  KVM_CAP_USER_MEMORY2: 231,
  KVM_CAP_MEMORY_ATTRIBUTES: 233,
  KVM_CAP_GUEST_MEMFD: 234,
  KVM_CAP_VM_TYPES: 235,
  KVM_CAP_GUEST_MEMFD_FLAGS: 244,
});
