/** The layouts of `kvm_vm_luo_v1`. */
import type { Schema } from '../../codec/index.js';
import type { Generation } from '../format.js';
import { KvmLuoSer, KvmLuoSerCaretaker, KvmLuoSerV1 } from './schema.js';

export interface KvmProfile extends Generation {
  readonly name: 'v2' | 'v1' | 'caretaker';
  readonly schema: Schema;
  /** In bytes. */
  readonly size: number;
}
export const KVM_PROFILES: readonly KvmProfile[] = Object.freeze([
  {
    name: 'v2',
    title: 'the type of the VM',
    source: 'RFC v2 of 2026-06-05 and v3 of 2026-06-22',
    schema: KvmLuoSer,
    size: 8,
  },
  {
    name: 'v1',
    title: 'the type, and attributes of memory',
    source: 'RFC v1 of 2026-05-18',
    schema: KvmLuoSerV1,
    size: 32,
  },
  {
    name: 'caretaker',
    title: 'the type, and where the state of the architecture or a list of folios is',
    source: 'forks of RFC v2 that keep virtual CPUs running',
    schema: KvmLuoSerCaretaker,
    size: 16,
  },
]);
