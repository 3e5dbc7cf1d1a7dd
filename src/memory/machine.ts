/** Which ABI follows from what a dump's headers say about the machine. */
import { ABI, type ABI as ABIType, type Endian, makeABI, withParts } from '../codec/index.js';
import type { Machine } from './image.js';
import type { ElfNote } from './notes.js';

/** Machines by ELF's `e_machine`, with the names that the kernel gives them in `uname -m`. */
const ELF_MACHINES: Readonly<Record<number, string>> = {
  3: 'i386',
  4: 'm68k',
  8: 'mips',
  20: 'powerpc',
  21: 'powerpc64',
  22: 's390x',
  40: 'arm',
  43: 'sparc64',
  50: 'ia64',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv64',
  258: 'loongarch64',
};

const EM_386 = 3;
const EM_X86_64 = 62;

/** The preset for a name and byte order; where the order is not the preset's, its mirror image. */
function abiOf(name: string, endian: Endian, bits: 32 | 64): ABIType | undefined {
  const preset = (ABI as Readonly<Record<string, ABIType>>)[name];
  // What is not a preset but is laid out naturally, as most are.
  if (preset === undefined)
    return name === 'loongarch64' ? makeABI({ name, endian, pointerSize: 8 }) : undefined;
  if (preset.pointerSize * 8 !== bits) {
    if (name === 'mips' || name === 'riscv64' || name === 'x86_64' || name === 's390x')
      return makeABI({
        name: `${name}, ${bits} bits`,
        endian,
        pointerSize: bits === 64 ? 8 : 4,
        pageSize: preset.pageSize,
      });
    return undefined;
  }
  if (preset.endian === endian) return preset;
  return withParts(preset, { endian, bitOrder: endian === 'little' ? 'lsb' : 'msb' });
}

export function machineOfElf(elfMachine: number, endian: Endian, bits: 32 | 64): Machine {
  // QEMU takes an x86_64 machine that is outside of long mode just now, as during a kexec, for an i386, and
  // writes a 64-bit file because there is memory (or firmware) near 4 GiB. The kernel stays a 64-bit one.
  const name = ELF_MACHINES[elfMachine === EM_386 && bits === 64 ? EM_X86_64 : elfMachine];
  return {
    name: name ?? `e_machine ${elfMachine}`,
    endian,
    bits,
    elfMachine,
    abi: name === undefined ? undefined : abiOf(name, endian, bits),
  };
}

/** Names as `uname -m` has them, for which a preset goes by another one. */
const UNAMES: readonly (readonly [RegExp, string])[] = [
  [/^i[3-6]86$/, 'i386'],
  [/^arm(v\d.*)?$/, 'arm'],
  [/^aarch64/, 'aarch64'],
  [/^ppc64/, 'powerpc64'],
  [/^ppc/, 'powerpc'],
  [/^mips/, 'mips'],
];

/** The machine by the name that its kernel gives it (`utsname.machine`). */
export function machineOfUname(uname: string, endian: Endian, bits: 32 | 64): Machine {
  const name = UNAMES.find(([pattern]) => pattern.test(uname))?.[1] ?? uname;
  return {
    name: uname === '' ? 'unknown' : uname,
    endian,
    bits,
    elfMachine: undefined,
    abi: abiOf(name, endian, bits),
  };
}

/** ELF's number of a machine by its name, as far as it is known. */
export function elfMachineOf({ name }: Machine): number | undefined {
  const preset = UNAMES.find(([pattern]) => pattern.test(name))?.[1] ?? name;
  const number = Object.entries(ELF_MACHINES).find(([, other]) => other === preset)?.[0];
  return number === undefined ? undefined : Number(number);
}

/** What `uname -m` says on a machine. */
export function unameOf({ name, endian, bits }: Machine): string {
  switch (name) {
    case 'i386':
      return 'i686';
    case 'arm':
      return endian === 'big' ? 'armv7b' : 'armv7l';
    case 'aarch64':
      return endian === 'big' ? 'aarch64_be' : name;
    case 'powerpc':
      return 'ppc';
    case 'powerpc64':
      return endian === 'little' ? 'ppc64le' : 'ppc64';
    case 'mips':
      return bits === 64 ? 'mips64' : name;
    default:
      return name;
  }
}

/** The machine that an ABI is of, for memory that is built rather than read. */
export function machineOfABI(abi: ABIType): Machine {
  const [name = abi.name] = abi.name.split(/,| with /);
  const bits = abi.pointerSize === 8 ? 64 : 32;
  const machine: Machine = { name, endian: abi.endian, bits, elfMachine: undefined, abi };
  return { ...machine, elfMachine: elfMachineOf(machine) };
}

/** The machine with the page size that the dump tells. */
export function withPageSize(machine: Machine, pageSize: number | undefined): Machine {
  if (machine.abi === undefined || pageSize === undefined || machine.abi.pageSize === pageSize)
    return machine;
  return { ...machine, abi: withParts(machine.abi, { pageSize }) };
}

/** Machines by the size of the register sets that a dump has of its processors (NT_PRSTATUS). */
const PRSTATUS_SIZES: Readonly<Record<number, number>> = { 336: 62, 392: 183, 144: 3, 148: 40 };
const NT_PRSTATUS = 1;

/** The machine whose registers the notes hold, for containers that do not name it. */
export function machineOfNotes(
  notes: readonly ElfNote[],
  endian: Endian,
  bits: 32 | 64,
): Machine | undefined {
  for (const { name, type, content } of notes) {
    const elfMachine = PRSTATUS_SIZES[content.length];
    if (name === 'CORE' && type === NT_PRSTATUS && elfMachine !== undefined)
      return { ...machineOfElf(elfMachine, endian, bits), elfMachine: undefined };
  }
  return undefined;
}
