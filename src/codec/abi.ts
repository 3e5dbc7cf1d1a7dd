/**
 * An ABI is a value: everything that decides how a C compiler lays out a struct, and how its bytes are
 * ordered. Presets exist for the machines that Linux hands state over on; any other is made from its parts.
 *
 * The figures are GCC's, and are proven against GCC's own output in `fixtures/gcc`.
 */
export interface ABI {
  /** Name of the preset, or a description of the parts, e.g. `little-endian, 4-byte pointers`. */
  readonly name: string;
  readonly endian: Endian;
  /** From which end of a storage unit bit-fields are allocated. */
  readonly bitOrder: BitOrder;
  /** Size of `void *`, and of `size_t`, in bytes. */
  readonly pointerSize: 4 | 8;
  /** Size of `long`, in bytes. */
  readonly longSize: 4 | 8;
  /** Size of `time_t`, in bytes: 8 on some 32-bit systems since 2038 came into sight. */
  readonly timeSize: 4 | 8;
  /** Alignment that an integer of 2, 4 or 8 bytes has as a member of a struct, in bytes. */
  readonly alignments: { readonly 2: number; readonly 4: number; readonly 8: number };
  /**
   * Whether the type of a bit-field aligns its struct, and the field may not touch more units of that
   * alignment than the type has. Not so on m68k, where bit-fields are one run of bits.
   * (GCC's PCC_BITFIELD_TYPE_MATTERS.)
   */
  readonly bitFieldTypeMatters: boolean;
  /** Whether unnamed bit-fields align their struct, as the ARM procedure call standards ask. */
  readonly unnamedBitsAlign: boolean;
  /** Size of a page of memory, in bytes. */
  readonly pageSize: number;
}

export type Endian = 'little' | 'big';
export type BitOrder = 'lsb' | 'msb';

/** The parts of an ABI that can be given on their own; the rest follows from them. */
export interface ABIParts {
  readonly name?: string;
  readonly endian: Endian;
  readonly bitOrder?: BitOrder;
  readonly pointerSize: 4 | 8;
  readonly longSize?: 4 | 8;
  readonly timeSize?: 4 | 8;
  readonly alignments?: ABI['alignments'];
  readonly bitFieldTypeMatters?: boolean;
  readonly unnamedBitsAlign?: boolean;
  readonly pageSize?: number;
}

const NATURAL: ABI['alignments'] = Object.freeze({ 2: 2, 4: 4, 8: 8 });

/**
 * Makes an ABI from its parts. What is left out is what most compilers do: natural alignment, `long` and
 * `time_t` as wide as a pointer, bit-fields from the low bit on little-endian and from the high bit on
 * big-endian machines, 4 KiB pages.
 *
 * @example
 * const mipsel = makeABI({ endian: 'little', pointerSize: 4 });
 * mipsel.longSize // => 4
 */
export function makeABI(parts: ABIParts): ABI {
  const { endian, pointerSize } = parts;
  return Object.freeze({
    name:
      parts.name ??
      `${endian}-endian, ${pointerSize}-byte pointers, ${parts.timeSize ?? pointerSize}-byte time_t`,
    endian,
    bitOrder: parts.bitOrder ?? (endian === 'little' ? 'lsb' : 'msb'),
    pointerSize,
    longSize: parts.longSize ?? pointerSize,
    timeSize: parts.timeSize ?? pointerSize,
    alignments: Object.freeze(parts.alignments ?? NATURAL),
    bitFieldTypeMatters: parts.bitFieldTypeMatters ?? true,
    unnamedBitsAlign: parts.unnamedBitsAlign ?? false,
    pageSize: parts.pageSize ?? 4096,
  });
}

/** The same ABI with some parts replaced, e.g. `withParts(ABI.i386, { timeSize: 8 })`. */
export function withParts(abi: ABI, parts: Partial<ABIParts>): ABI {
  const changed = Object.entries(parts).map(([part, value]) => `${part} ${value}`);
  // Where the byte order is another one, bit-fields are allocated from the other end too, if nothing else is said.
  const { bitOrder, ...rest } = abi;
  const sameEnd = parts.endian === undefined || parts.endian === abi.endian;
  return makeABI({
    ...rest,
    ...(sameEnd ? { bitOrder } : {}),
    name: changed.length === 0 ? abi.name : `${abi.name} with ${changed.join(', ')}`,
    ...parts,
  });
}

const presets = {
  x86_64: makeABI({ name: 'x86_64', endian: 'little', pointerSize: 8 }),
  // GCC aligns 8-byte integers to 4 inside structs (System V i386 psABI).
  i386: makeABI({ name: 'i386', endian: 'little', pointerSize: 4, alignments: { 2: 2, 4: 4, 8: 4 } }),
  arm: makeABI({ name: 'arm', endian: 'little', pointerSize: 4, unnamedBitsAlign: true }),
  aarch64: makeABI({ name: 'aarch64', endian: 'little', pointerSize: 8, unnamedBitsAlign: true }),
  riscv64: makeABI({ name: 'riscv64', endian: 'little', pointerSize: 8 }),
  s390x: makeABI({ name: 's390x', endian: 'big', pointerSize: 8 }),
  powerpc64: makeABI({ name: 'powerpc64', endian: 'big', pointerSize: 8, pageSize: 65536 }),
  powerpc: makeABI({ name: 'powerpc', endian: 'big', pointerSize: 4 }),
  mips: makeABI({ name: 'mips', endian: 'big', pointerSize: 4 }),
  // Nothing is aligned to more than 2.
  m68k: makeABI({
    name: 'm68k',
    endian: 'big',
    pointerSize: 4,
    alignments: { 2: 2, 4: 2, 8: 2 },
    bitFieldTypeMatters: false,
  }),
} as const;

export type ABIName = keyof typeof presets;

/** The presets, by the names that GCC and the kernel use for the machines. */
export const ABI: { readonly [N in ABIName]: ABI } = Object.freeze(presets);

/** Names of all presets, in the order in which they are listed to people. */
export const ABI_NAMES: readonly ABIName[] = Object.freeze(Object.keys(presets) as ABIName[]);

/** The preset of that name, or undefined. */
export function findABI(name: string): ABI | undefined {
  return ABI_NAMES.includes(name as ABIName) ? ABI[name as ABIName] : undefined;
}
