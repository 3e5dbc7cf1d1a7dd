/** What must hold between a guest_memfd and its VM. */
import { isRecord } from '../kho/record.js';
import type { Walk } from '../kho/walk.js';
import { vmOf } from '../kvm/index.js';
import { filesOf } from '../luo/parts.js';
import { GUEST_MEMFD } from './rules.js';

export function checkGuestMemfds(entries: Readonly<Record<string, unknown>>, walk: Walk): void {
  const files = filesOf(entries);
  for (const { path, session, file } of files) {
    const value = file.guest_memfd;
    // Without a token there is nothing to look for, and a finding already.
    if (!isRecord(value) || typeof value.vm_token !== 'bigint' || value.vm_token === 0n) continue;
    const found = vmOf(files, session, value.vm_token);
    if (found.vm === undefined) {
      walk.find(
        GUEST_MEMFD['vm-token'],
        `${path}.guest_memfd.vm_token`,
        undefined,
        `There is no VM for the guest_memfd: ${found.instead}.`,
      );
      continue;
    }
    const vm = found.vm.file.kvm_vm;
    if (isRecord(vm) && vm.private_memory === true)
      walk.find(
        GUEST_MEMFD.private,
        `${path}.guest_memfd.vm_token`,
        undefined,
        `Its VM is of the type ${String(vm.type_name)}, which has private memory.`,
      );
  }
}
