/** What must hold between virtual CPUs and the VMs of their session. */
import { baseVersion } from '../kho/generations.js';
import { isRecord } from '../kho/record.js';
import { hexText, type Walk } from '../kho/walk.js';
import { type FilePart, filesOf } from '../luo/parts.js';
import { KVM } from './rules.js';

/** The VM of a session that a token names: its file, or what there is instead. */
export function vmOf(
  files: readonly FilePart[],
  session: number,
  token: bigint,
): { readonly vm: FilePart } | { readonly vm: undefined; readonly instead: string } {
  const named = files.find((part) => part.session === session && part.token === token);
  if (named !== undefined && baseVersion(named.compatible) === 'kvm_vm_luo_v1') return { vm: named };
  const elsewhere = files.find(
    (part) =>
      part.token === token && part.session !== session && baseVersion(part.compatible) === 'kvm_vm_luo_v1',
  );
  return {
    vm: undefined,
    instead:
      named !== undefined
        ? `the file ${hexText(token)} of its session is ${JSON.stringify(named.compatible)}`
        : elsewhere !== undefined
          ? `the VM ${hexText(token)} is in another session, ${elsewhere.path}`
          : `its session has no file ${hexText(token)}`,
  };
}

export function checkVcpus(entries: Readonly<Record<string, unknown>>, walk: Walk): void {
  const files = filesOf(entries);
  const numbers = new Map<string, string>();
  for (const { path, session, file } of files) {
    const value = file.kvm_vcpu;
    if (!isRecord(value) || typeof value.vm_token !== 'bigint' || typeof value.vcpu_id !== 'number') continue;
    const found = vmOf(files, session, value.vm_token);
    if (found.vm === undefined)
      walk.find(
        KVM['vm-token'],
        `${path}.kvm_vcpu.vm_token`,
        undefined,
        `There is no VM for the virtual CPU: ${found.instead}.`,
      );
    const key = `${session} ${value.vm_token} ${value.vcpu_id}`;
    const before = numbers.get(key);
    if (before !== undefined)
      walk.find(
        KVM['vcpu-duplicate'],
        `${path}.kvm_vcpu.vcpu_id`,
        undefined,
        `The virtual CPU ${value.vcpu_id} of the VM is ${before} too.`,
      );
    numbers.set(key, path);
  }
}
