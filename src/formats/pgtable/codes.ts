/** Why page tables cannot be written as they are asked for, by stable code. */
export const PGTABLE_CODES = {
  'pgtable-shape': {
    title: 'The format has no such tables',
    text: 'The level of the topmost table, the bits of an address, sign extension and the granule have to be ones that the format has, and the topmost table has to be large enough for the addresses.',
  },
  'pgtable-mapping': {
    title: 'The mapping cannot be written into these tables',
    text: 'Addresses and sizes are multiples of the smallest page, lie within the addresses of the domain (the canonical ones, with sign extension) and the physical ones of the format, and no address is mapped twice. A page size is one that the format has.',
  },
  'pgtable-memory': {
    title: 'A table was given memory that it cannot be in',
    text: 'Tables lie at multiples of their size, below 2^48 or 2^52 as the format has it.',
  },
} as const satisfies Record<string, { title: string; text: string }>;
export type PgtableCode = keyof typeof PGTABLE_CODES;
