import { describe, expect, it } from 'vitest';
import { ABI, encode, layoutOf, sizeof } from '../../../src/codec/index.js';
import {
  checkGuestMemfdCreate,
  checkGuestMemfdFallocate,
  checkGuestMemfdFault,
  checkGuestMemfdMemslot,
  checkGuestMemfdMmap,
  checkGuestMemfdRead,
  checkMemoryAttributes,
  checkPreFaultMemory,
  GUEST_MEMFD_CAPABILITY,
  type GuestMemfd,
  type GuestMemfdSeries,
  type GuestMemfdVm,
  guestMemfdFlags,
  guestMemfdStat,
  FALLOC_FL_KEEP_SIZE as KEEP,
  KVM_CAPS,
  KVM_IOCTLS,
  KvmCreateGuestMemfd,
  type KvmErrno,
  KvmUserspaceMemoryRegion2,
  type KvmVerdict,
  type MemoryRegion,
  FALLOC_FL_PUNCH_HOLE as PUNCH,
  X86_VM_TYPES,
} from '../../../src/formats/kvm-uapi/index.js';

const vmOf = (
  type: bigint,
  series: GuestMemfdSeries = 'shipped',
  arch: GuestMemfdVm['arch'] = 'x86_64',
): GuestMemfdVm => ({
  arch,
  type,
  series,
  pageSize: 4096,
});
const VM = vmOf(0n);
const errno = (verdict: KvmVerdict): KvmErrno | 'ok' => (verdict.ok ? 'ok' : verdict.errno);
/** Every refusal says why. */
const told = (verdict: KvmVerdict): KvmErrno | 'ok' => {
  if (!verdict.ok) expect(verdict.because).not.toBe('');
  return errno(verdict);
};

describe('structs', () => {
  it.each(KVM_IOCTLS)('$name: $size bytes', ({ schema, size }) => {
    for (const abi of [ABI.x86_64, ABI.aarch64, ABI.s390x, ABI.riscv64, ABI.i386])
      expect(sizeof(schema, abi)).toBe(size);
  });
  it('numbers', () => {
    expect(Object.fromEntries(KVM_IOCTLS.map(({ name, number }) => [name, number]))).toEqual({
      KVM_SET_USER_MEMORY_REGION2: 0x40a0ae49,
      KVM_SET_MEMORY_ATTRIBUTES: 0x4020aed2,
      KVM_CREATE_GUEST_MEMFD: 0xc040aed4,
      KVM_PRE_FAULT_MEMORY: 0xc040aed5,
    });
    expect(KVM_CAPS).toMatchObject({ KVM_CAP_GUEST_MEMFD: 234, KVM_CAP_GUEST_MEMFD_FLAGS: 244 });
    expect(GUEST_MEMFD_CAPABILITY.v11).toBe('KVM_CAP_GMEM_SHARED_MEM');
  });
  it('offsets', () => {
    const offsets = Object.fromEntries(
      layoutOf(KvmUserspaceMemoryRegion2, ABI.x86_64).parts.flatMap((part) =>
        part.part === 'member' ? [[part.path, part.offset]] : [],
      ),
    );
    expect(offsets).toMatchObject({
      slot: 0,
      flags: 4,
      guest_phys_addr: 8,
      memory_size: 16,
      userspace_addr: 24,
      guest_memfd_offset: 32,
      guest_memfd: 40,
    });
    const bytes = encode(KvmCreateGuestMemfd, { size: 0x4000n, flags: 3n }, { abi: ABI.x86_64 });
    expect([...bytes.subarray(0, 16)]).toEqual([0, 0x40, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
  });
});

describe('creating', () => {
  it('takes whole pages only: every size below one is refused', () => {
    for (let size = 1n; size < 4096n; size++)
      expect(told(checkGuestMemfdCreate(VM, { size, flags: 0n }))).toBe('EINVAL');
    for (const size of [0n, 1n << 63n, (1n << 64n) - 4096n, 4097n])
      expect(told(checkGuestMemfdCreate(VM, { size, flags: 0n }))).toBe('EINVAL');
    for (const size of [4096n, 8192n, (1n << 63n) - 4096n])
      expect(told(checkGuestMemfdCreate(VM, { size, flags: 0n }))).toBe('ok');
  });
  // Which single bits a VM takes: of v11, and as shipped.
  it.each<[keyof typeof X86_VM_TYPES, number[], number[]]>([
    ['KVM_X86_DEFAULT_VM', [0], [0, 1]],
    ['KVM_X86_SW_PROTECTED_VM', [0], [0]],
    ['KVM_X86_SEV_VM', [], [0, 1]],
    ['KVM_X86_SEV_ES_VM', [], [0, 1]],
    ['KVM_X86_SNP_VM', [], [0]],
    ['KVM_X86_TDX_VM', [], [0]],
  ])('each single flag of %s', (type, v11, shipped) => {
    for (const [series, bits] of [
      ['v11', v11],
      ['shipped', shipped],
    ] as const) {
      const vm = vmOf(X86_VM_TYPES[type], series);
      for (let bit = 0; bit < 64; bit++)
        expect(told(checkGuestMemfdCreate(vm, { size: 4096n, flags: 1n << BigInt(bit) }))).toBe(
          bits.includes(bit) ? 'ok' : 'EINVAL',
        );
    }
  });
  it('of arm64', () => {
    expect(guestMemfdFlags(vmOf(40n, 'shipped', 'arm64'))).toBe(3n);
    expect(guestMemfdFlags(vmOf(0x80000028n, 'shipped', 'arm64'))).toBe(1n);
    expect(guestMemfdFlags(vmOf(40n, 'v11', 'arm64'))).toBe(1n);
  });
  it('names the flag as the series does', () => {
    const refusal = (series: GuestMemfdSeries): string => {
      const verdict = checkGuestMemfdCreate(vmOf(4n, series), { size: 4096n, flags: 3n });
      return verdict.ok ? '' : verdict.because;
    };
    expect(refusal('v11')).toContain('GUEST_MEMFD_FLAG_SUPPORT_SHARED');
    expect(refusal('shipped')).toContain('GUEST_MEMFD_FLAG_INIT_SHARED');
    expect(refusal('shipped')).not.toContain('GUEST_MEMFD_FLAG_MMAP');
  });
});

const file = (flags: bigint, size = 4n * 4096n, vm = VM): GuestMemfd => ({ vm, size, flags });

describe('the file', () => {
  it('can be mapped, not read', () => {
    expect(told(checkGuestMemfdRead())).toBe('EINVAL');
    expect(told(checkGuestMemfdMmap(file(0n), { shared: true }))).toBe('ENODEV');
    expect(told(checkGuestMemfdMmap(file(3n), { shared: false }))).toBe('EINVAL');
    expect(told(checkGuestMemfdMmap(file(3n), { shared: true }))).toBe('ok');
  });
  it('gives SIGBUS behind its end, and where it is private', () => {
    expect(checkGuestMemfdFault(file(3n), 4n * 4096n - 1n)).toEqual({ ok: true });
    expect(checkGuestMemfdFault(file(3n), 4n * 4096n)).toMatchObject({ ok: false, signal: 'SIGBUS' });
    expect(checkGuestMemfdFault(file(1n), 0n)).toMatchObject({ ok: false, signal: 'SIGBUS' });
    expect(checkGuestMemfdFault(file(1n, 4096n, vmOf(0n, 'v11')), 0n)).toEqual({ ok: true });
  });
  it.each<[number, bigint, bigint, KvmErrno | 'ok']>([
    [KEEP, 0n, 4096n, 'ok'],
    [KEEP, 0n, 16384n, 'ok'],
    [KEEP, 4096n, 16384n, 'EINVAL'],
    [KEEP, 16384n, 4096n, 'EINVAL'],
    [KEEP, 1n, 4096n, 'EINVAL'],
    [KEEP, 0n, 4095n, 'EINVAL'],
    [KEEP, 0n, 0n, 'EINVAL'],
    [KEEP, -4096n, 4096n, 'EINVAL'],
    [0, 0n, 4096n, 'EOPNOTSUPP'],
    [PUNCH, 0n, 4096n, 'EOPNOTSUPP'],
    [KEEP | 16, 0n, 4096n, 'EOPNOTSUPP'],
    [KEEP | PUNCH, 0n, 4096n, 'ok'],
    [KEEP | PUNCH, 16384n, 4096n, 'ok'],
    [KEEP | PUNCH, 1n, 4096n, 'EINVAL'],
    [KEEP | PUNCH, 0n, 4095n, 'EINVAL'],
  ])('fallocate with mode %i from %i on, %i bytes: %s', (mode, offset, length, expected) => {
    expect(told(checkGuestMemfdFallocate(file(3n), { mode, offset, length }))).toBe(expected);
  });
  it('says its size', () => expect(guestMemfdStat(file(0n))).toEqual({ st_size: 16384n, st_blksize: 4096 }));
});

describe('slots', () => {
  const region = (changes: Partial<MemoryRegion> = {}): MemoryRegion => ({
    slot: 0,
    flags: 4,
    guest_phys_addr: 0x100000n,
    memory_size: 4096n,
    userspace_addr: 0n,
    guest_memfd_offset: 0n,
    guest_memfd: FILE,
    ...changes,
  });
  const FILE = file(3n);
  it.each<[string, Partial<MemoryRegion>, readonly Partial<MemoryRegion>[], KvmErrno | 'ok']>([
    ['sound', {}, [], 'ok'],
    ['all of the file', { memory_size: 16384n }, [], 'ok'],
    ['KVM_MEM_LOG_DIRTY_PAGES', { flags: 5 }, [], 'EINVAL'],
    ['KVM_MEM_READONLY', { flags: 6 }, [], 'EINVAL'],
    ['an unknown flag', { flags: 8 }, [], 'EINVAL'],
    ['an offset within a page', { guest_memfd_offset: 1n }, [], 'EINVAL'],
    ['an offset that wraps', { guest_memfd_offset: (1n << 64n) - 4096n }, [], 'EINVAL'],
    ['more than the file', { memory_size: 5n * 4096n }, [], 'EINVAL'],
    ['an offset behind the file', { guest_memfd_offset: 16384n }, [], 'EINVAL'],
    ['a size within a page', { memory_size: 4095n }, [], 'EINVAL'],
    ['an address within a page', { guest_phys_addr: 1n }, [], 'EINVAL'],
    ['an address that wraps', { guest_phys_addr: (1n << 64n) - 4096n, memory_size: 8192n }, [], 'EINVAL'],
    ['the file of another VM', { guest_memfd: file(3n, 16384n, vmOf(0n)) }, [], 'EINVAL'],
    ['the same part of the file', { slot: 1, guest_phys_addr: 0x200000n }, [{}], 'EEXIST'],
    ['the same address', { slot: 1, guest_memfd_offset: 4096n }, [{}], 'EEXIST'],
    ['another part', { slot: 1, guest_phys_addr: 0x200000n, guest_memfd_offset: 4096n }, [{}], 'ok'],
    ['a slot that is changed', { guest_phys_addr: 0x300000n }, [{}], 'EINVAL'],
    ['a slot that is deleted', { memory_size: 0n }, [{}], 'ok'],
    ['a slot that is not there to delete', { memory_size: 0n }, [], 'EINVAL'],
    ['dirty logging without a file', { flags: 3 }, [], 'ok'],
  ])('%s', (_, changes, slots, expected) => {
    expect(told(checkGuestMemfdMemslot(VM, slots.map(region), region(changes)))).toBe(expected);
  });
  it('no descriptor of a guest_memfd', () => {
    const { guest_memfd: _, ...without } = region();
    expect(told(checkGuestMemfdMemslot(VM, [], without))).toBe('EBADF');
  });
});

describe('ranges', () => {
  const sound = { address: 0x1000n, size: 0x2000n, attributes: 8n, flags: 0n };
  const TDX = vmOf(5n);
  it.each<[Partial<typeof sound>, KvmErrno | 'ok']>([
    [{}, 'ok'],
    [{ attributes: 0n }, 'ok'],
    [{ flags: 1n }, 'EINVAL'],
    [{ attributes: 1n }, 'EINVAL'],
    [{ attributes: 9n }, 'EINVAL'],
    [{ size: 0n }, 'EINVAL'],
    [{ address: (1n << 64n) - 0x1000n }, 'EINVAL'],
    [{ address: 0x1001n }, 'EINVAL'],
    [{ size: 0x1001n }, 'EINVAL'],
  ])('attributes %o: %s', (changes, expected) => {
    expect(told(checkMemoryAttributes(TDX, { ...sound, ...changes }))).toBe(expected);
    const { attributes, address, ...rest } = { ...sound, ...changes };
    if (attributes === 8n) expect(told(checkPreFaultMemory(TDX, { ...rest, gpa: address }))).toBe(expected);
  });
  it('a VM without private memory has no attribute', () => {
    expect(told(checkMemoryAttributes(VM, sound))).toBe('EINVAL');
    expect(told(checkMemoryAttributes(VM, { ...sound, attributes: 0n }))).toBe('ok');
  });
});
