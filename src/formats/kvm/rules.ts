/** What must hold of preserved VMs and virtual CPUs. */
import { ruleTable } from '../kho/findings.js';

export const KVM = ruleTable('kvm', {
  type: [
    'error',
    'refused',
    'The type of the VM does not exist',
    'On x86 a VM is of type 0 (default) to 5 (TDX). On arm64 the type is the number of bits of an intermediate physical address, 32 to 52 or 0, and bit 31 for a protected VM. Creating the VM again fails otherwise.',
  ],
  attributes: [
    'error',
    'overrun',
    'The array is shorter than nr_mem_attrs',
    'The array has 16 bytes for each entry. The kernel reads on behind the area.',
  ],
  'attributes-order': [
    'warning',
    'unnoticed',
    'The attributes of memory are not in ascending order',
    'They are written by ascending page of the guest, each page once.',
  ],
  'attributes-unknown': [
    'warning',
    'refused',
    'An attribute of memory is not known',
    'PRIVATE (bit 3) is the only one; the kernel refuses to set others.',
  ],
  state: [
    'error',
    'refused',
    'State of the architecture is not preserved',
    'phys, arch_state and cb are addresses of preserved pages, or 0.',
  ],
  flags: [
    'warning',
    'unnoticed',
    'Flags of a virtual CPU are not zero',
    'Nothing is known of flags of a virtual CPU.',
  ],
  'vm-token': [
    'error',
    'refused',
    'The token of a virtual CPU names no VM',
    'vm_token is the token of a preserved VM in the same session; the virtual CPU is created in that VM.',
  ],
  'vcpu-duplicate': [
    'error',
    'refused',
    'Two virtual CPUs of a VM have the same number',
    'Creating the second one fails with -EEXIST.',
  ],
});
