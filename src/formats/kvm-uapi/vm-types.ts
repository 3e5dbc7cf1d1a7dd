/** Which VM takes which flags of a guest_memfd, in the series that made it mappable and in what shipped. */

/** `v11`: the series of June 2025, with its names. `shipped`: Linux 7.2. */
export type GuestMemfdSeries = 'v11' | 'shipped';

export const X86_VM_TYPES = Object.freeze({
  KVM_X86_DEFAULT_VM: 0n,
  KVM_X86_SW_PROTECTED_VM: 1n,
  KVM_X86_SEV_VM: 2n,
  KVM_X86_SEV_ES_VM: 3n,
  KVM_X86_SNP_VM: 4n,
  KVM_X86_TDX_VM: 5n,
});

export interface GuestMemfdVm {
  readonly arch: 'x86_64' | 'arm64';
  /** As given to KVM_CREATE_VM. */
  readonly type: bigint;
  readonly series: GuestMemfdSeries;
  /** In bytes. */
  readonly pageSize: number;
}

/** The flags of a series, by their bits. */
export const GUEST_MEMFD_FLAG_NAMES: Readonly<Record<GuestMemfdSeries, Readonly<Record<string, bigint>>>> =
  Object.freeze({
    v11: Object.freeze({ GUEST_MEMFD_FLAG_SUPPORT_SHARED: 1n }),
    shipped: Object.freeze({ GUEST_MEMFD_FLAG_MMAP: 1n, GUEST_MEMFD_FLAG_INIT_SHARED: 2n }),
  });

/** How a program finds out what a VM takes. */
export const GUEST_MEMFD_CAPABILITY: Readonly<Record<GuestMemfdSeries, string>> = Object.freeze({
  v11: 'KVM_CAP_GMEM_SHARED_MEM',
  shipped: 'KVM_CAP_GUEST_MEMFD_FLAGS',
});

const ARM_PROTECTED = 1n << 31n;
const { KVM_X86_DEFAULT_VM, KVM_X86_SW_PROTECTED_VM, KVM_X86_SNP_VM, KVM_X86_TDX_VM } = X86_VM_TYPES;

/** `KVM_X86_SNP_VM`, `a protected VM`, … */
export function vmTypeName({ arch, type }: GuestMemfdVm): string {
  if (arch === 'arm64') return (type & ARM_PROTECTED) === 0n ? 'a VM of arm64' : 'a protected VM of arm64';
  const found = Object.entries(X86_VM_TYPES).find(([, value]) => value === type);
  return found?.[0] ?? `a VM of type ${type}`;
}

/** Whether guest_memfd is where the VM has memory that the host cannot read. */
export function hasPrivateMemory({ arch, type }: GuestMemfdVm): boolean {
  if (arch === 'arm64') return (type & ARM_PROTECTED) !== 0n;
  return type === KVM_X86_SW_PROTECTED_VM || type === KVM_X86_SNP_VM || type === KVM_X86_TDX_VM;
}

/** The flags that KVM_CREATE_GUEST_MEMFD takes for the VM. */
export function guestMemfdFlags(vm: GuestMemfdVm): bigint {
  if (vm.series === 'shipped') return hasPrivateMemory(vm) ? 1n : 3n;
  if (vm.arch === 'arm64') return hasPrivateMemory(vm) ? 0n : 1n;
  return vm.type === KVM_X86_DEFAULT_VM || vm.type === KVM_X86_SW_PROTECTED_VM ? 1n : 0n;
}
