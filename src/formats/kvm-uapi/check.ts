/** What the kernel answers to what a program does with a guest_memfd, as its selftest expects it. */
import {
  GUEST_MEMFD_FLAG_NAMES,
  type GuestMemfdVm,
  guestMemfdFlags,
  hasPrivateMemory,
  vmTypeName,
} from './vm-types.js';

export type KvmErrno = 'EBADF' | 'EEXIST' | 'EINVAL' | 'ENODEV' | 'EOPNOTSUPP';

/** What the kernel answers. */
export type KvmVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly errno: KvmErrno; readonly because: string };
/** What touching mapped memory does. */
export type FaultVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly signal: 'SIGBUS'; readonly because: string };

const OK: KvmVerdict = Object.freeze({ ok: true });
function refuse(errno: KvmErrno, because: string): KvmVerdict {
  return { ok: false, errno, because };
}
const U64 = 1n << 64n;

/** A guest_memfd as far as the kernel looks at it. */
export interface GuestMemfd {
  readonly vm: GuestMemfdVm;
  /** In bytes. */
  readonly size: bigint;
  readonly flags: bigint;
}

/** KVM_CREATE_GUEST_MEMFD. */
export function checkGuestMemfdCreate(
  vm: GuestMemfdVm,
  { size, flags }: { readonly size: bigint; readonly flags: bigint },
): KvmVerdict {
  const unknown = flags & ~guestMemfdFlags(vm);
  if (unknown !== 0n) {
    const names = Object.entries(GUEST_MEMFD_FLAG_NAMES[vm.series])
      .filter(([, bit]) => (unknown & bit) !== 0n)
      .map(([name]) => name);
    return refuse(
      'EINVAL',
      `${vmTypeName(vm)} does not take ${names.length === 0 ? `the flag 0x${unknown.toString(16)}` : names.join(' and ')}`,
    );
  }
  const signed = BigInt.asIntN(64, size);
  if (signed <= 0n) return refuse('EINVAL', `a file of ${signed} bytes cannot be`);
  if (size % BigInt(vm.pageSize) !== 0n)
    return refuse('EINVAL', `${size} bytes are not whole pages of ${vm.pageSize} bytes`);
  return OK;
}

/** read, write, pread and pwrite: the file has none of them. */
export function checkGuestMemfdRead(): KvmVerdict {
  return refuse('EINVAL', 'a guest_memfd can be mapped, not read or written');
}

/** mmap. How far the mapping reaches does not matter: touching it behind the file does. */
export function checkGuestMemfdMmap(
  { vm, flags }: GuestMemfd,
  { shared }: { readonly shared: boolean },
): KvmVerdict {
  if ((flags & 1n) === 0n) {
    const [name] = Object.keys(GUEST_MEMFD_FLAG_NAMES[vm.series]);
    return refuse('ENODEV', `the file was created without ${name}`);
  }
  return shared ? OK : refuse('EINVAL', 'MAP_PRIVATE: only MAP_SHARED can be');
}

/** Touching mapped memory at an offset of the file. */
export function checkGuestMemfdFault({ vm, size, flags }: GuestMemfd, offset: bigint): FaultVerdict {
  const page = BigInt(vm.pageSize);
  if (offset >= ((size + page - 1n) / page) * page)
    return { ok: false, signal: 'SIGBUS', because: `the file has ${size} bytes` };
  // In v11 what can be mapped is shared.
  if (vm.series === 'shipped' && (flags & 2n) === 0n)
    return {
      ok: false,
      signal: 'SIGBUS',
      because: 'the file was created without GUEST_MEMFD_FLAG_INIT_SHARED, so that its memory is private',
    };
  return { ok: true };
}

export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;

/** fallocate. What is punched reads as zeros afterwards; behind the end there is nothing to punch, which is fine. */
export function checkGuestMemfdFallocate(
  { vm, size }: GuestMemfd,
  { mode, offset, length }: { readonly mode: number; readonly offset: bigint; readonly length: bigint },
): KvmVerdict {
  // The system call itself looks at these before the file does.
  if (offset < 0n || length <= 0n) return refuse('EINVAL', `${length} bytes from ${offset} on are no range`);
  if ((mode & FALLOC_FL_KEEP_SIZE) === 0)
    return refuse('EOPNOTSUPP', 'without FALLOC_FL_KEEP_SIZE: the size of the file cannot change');
  if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) !== 0)
    return refuse('EOPNOTSUPP', 'FALLOC_FL_PUNCH_HOLE is all that can stand beside FALLOC_FL_KEEP_SIZE');
  const page = BigInt(vm.pageSize);
  if (offset % page !== 0n || length % page !== 0n)
    return refuse('EINVAL', `${length} bytes from ${offset} on are not whole pages of ${page} bytes`);
  if ((mode & FALLOC_FL_PUNCH_HOLE) === 0 && offset + length > size)
    return refuse('EINVAL', `${length} bytes from ${offset} on reach behind the ${size} bytes of the file`);
  return OK;
}

/** What fstat says of size and block size, in bytes. */
export function guestMemfdStat({ vm, size }: GuestMemfd): {
  readonly st_size: bigint;
  readonly st_blksize: number;
} {
  return { st_size: size, st_blksize: vm.pageSize };
}

const LOG_DIRTY_PAGES = 1;
const READONLY = 2;
const USE_GUEST_MEMFD = 4;

/** `struct kvm_userspace_memory_region2` as decoded; `guest_memfd` is the file itself. */
export interface MemoryRegion {
  readonly slot: number;
  /** KVM_MEM_* */
  readonly flags: number;
  readonly guest_phys_addr: bigint;
  /** In bytes; 0 deletes the slot. */
  readonly memory_size: bigint;
  readonly userspace_addr: bigint;
  readonly guest_memfd_offset: bigint;
  /** Undefined where the descriptor is none of a guest_memfd, or not needed. */
  readonly guest_memfd?: GuestMemfd;
}

/** KVM_SET_USER_MEMORY_REGION2 of a VM that has these slots. */
export function checkGuestMemfdMemslot(
  vm: GuestMemfdVm,
  slots: readonly MemoryRegion[],
  region: MemoryRegion,
): KvmVerdict {
  const page = BigInt(vm.pageSize);
  const { flags, guest_phys_addr: gpa, memory_size: size, guest_memfd_offset: offset } = region;
  const ofFile = (flags & USE_GUEST_MEMFD) !== 0;
  const allowed = ofFile ? USE_GUEST_MEMFD : LOG_DIRTY_PAGES | READONLY | USE_GUEST_MEMFD;
  if ((flags & ~allowed) !== 0)
    return refuse(
      'EINVAL',
      ofFile
        ? 'KVM_MEM_GUEST_MEMFD excludes KVM_MEM_LOG_DIRTY_PAGES and KVM_MEM_READONLY'
        : `0x${(flags & ~allowed).toString(16)} is no flag of a slot`,
    );
  if (size % page !== 0n || gpa % page !== 0n || region.userspace_addr % page !== 0n)
    return refuse('EINVAL', `addresses and size are whole pages of ${page} bytes`);
  if (gpa + size >= U64) return refuse('EINVAL', 'the slot wraps around the end of the address space');
  if (ofFile && (offset % page !== 0n || offset + size >= U64))
    return refuse(
      'EINVAL',
      offset % page !== 0n
        ? 'guest_memfd_offset is not page aligned'
        : 'guest_memfd_offset + memory_size wraps',
    );
  const old = slots.find(({ slot }) => slot === region.slot);
  if (size === 0n)
    return old === undefined ? refuse('EINVAL', `there is no slot ${region.slot} to delete`) : OK;
  if (old !== undefined && ((old.flags & USE_GUEST_MEMFD) !== 0 || ofFile))
    return refuse('EINVAL', `the slot ${region.slot} is of a guest_memfd: it can be deleted, not changed`);
  const overlaps = slots.some(
    (slot) =>
      slot.slot !== region.slot &&
      slot.guest_phys_addr < gpa + size &&
      gpa < slot.guest_phys_addr + slot.memory_size,
  );
  if (overlaps) return refuse('EEXIST', 'another slot is at that address of the guest');
  if (!ofFile) return OK;
  const file = region.guest_memfd;
  if (file === undefined) return refuse('EBADF', 'guest_memfd is no descriptor of a guest_memfd');
  if (file.vm !== vm) return refuse('EINVAL', 'the guest_memfd belongs to another VM');
  if (offset + size > file.size)
    return refuse(
      'EINVAL',
      `${size} bytes from ${offset} on reach behind the ${file.size} bytes of the file`,
    );
  const bound = slots.some(
    (slot) =>
      slot.slot !== region.slot &&
      slot.guest_memfd === file &&
      slot.guest_memfd_offset < offset + size &&
      offset < slot.guest_memfd_offset + slot.memory_size,
  );
  return bound ? refuse('EEXIST', 'another slot has that part of the file') : OK;
}

const PRIVATE = 8n;

/** KVM_SET_MEMORY_ATTRIBUTES. */
export function checkMemoryAttributes(
  vm: GuestMemfdVm,
  range: {
    readonly address: bigint;
    readonly size: bigint;
    readonly attributes: bigint;
    readonly flags: bigint;
  },
): KvmVerdict {
  if (range.flags !== 0n) return refuse('EINVAL', 'flags are 0');
  const unknown = range.attributes & ~(hasPrivateMemory(vm) ? PRIVATE : 0n);
  if (unknown !== 0n)
    return refuse('EINVAL', `0x${unknown.toString(16)} is no attribute of ${vmTypeName(vm)}`);
  return checkRange(vm, range.address, range.size);
}

/** KVM_PRE_FAULT_MEMORY. */
export function checkPreFaultMemory(
  vm: GuestMemfdVm,
  range: { readonly gpa: bigint; readonly size: bigint; readonly flags: bigint },
): KvmVerdict {
  if (range.flags !== 0n) return refuse('EINVAL', 'flags are 0');
  return checkRange(vm, range.gpa, range.size);
}

function checkRange({ pageSize }: GuestMemfdVm, address: bigint, size: bigint): KvmVerdict {
  if (size === 0n) return refuse('EINVAL', 'the range is empty');
  if (address + size >= U64) return refuse('EINVAL', 'the range wraps around the end of the address space');
  const page = BigInt(pageSize);
  if (address % page !== 0n || size % page !== 0n)
    return refuse('EINVAL', `address and size are whole pages of ${page} bytes`);
  return OK;
}
