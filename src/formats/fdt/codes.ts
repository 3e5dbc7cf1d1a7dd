/** What can be wrong with a flattened device tree, by stable code, and what libfdt says to it. */

/** The errors of libfdt that reading can give, as its functions return them. */
export type LibfdtError =
  | '-FDT_ERR_BADOFFSET'
  | '-FDT_ERR_TRUNCATED'
  | '-FDT_ERR_BADMAGIC'
  | '-FDT_ERR_BADVERSION'
  | '-FDT_ERR_BADSTRUCTURE';

interface FDTCodeText {
  readonly title: string;
  /** What `fdt_check_full` returns; undefined where it accepts the tree all the same. */
  readonly libfdt: LibfdtError | undefined;
  readonly text: string;
}

/**
 * Every problem that reading a device tree raises. Those that libfdt refuses are thrown by a strict parse;
 * the others are only listed, because receivers take such trees.
 */
export const FDT_CODES = {
  'fdt-truncated': {
    title: 'The device tree is cut off',
    libfdt: '-FDT_ERR_TRUNCATED',
    text: 'The input ends before the size that the header tells, or inside the header. Receivers that know the size of their buffer refuse it; fdt_check_header, which does not know it, reads past the end. Files of debugfs that were registered before the tree grew look like this (KHO’s out/fdt): a lenient parse reads the nodes that are there, and takes the names from a strings table that the caller gives.',
  },
  'fdt-magic': {
    title: 'Not a device tree',
    libfdt: '-FDT_ERR_BADMAGIC',
    text: 'A flattened device tree begins with the bytes d0 0d fe ed. Other first bytes are another format, freed memory that was used again, or an unfinished sequential write (2f f2 01 12).',
  },
  'fdt-version': {
    title: 'The versions in the header make no sense',
    libfdt: '-FDT_ERR_BADVERSION',
    text: 'libfdt reads trees whose version is at least 2, at least as large as last_comp_version, and whose last_comp_version is at most 17. (carryover reads version 1 too.)',
  },
  'fdt-totalsize': {
    title: 'The total size in the header is impossible',
    libfdt: '-FDT_ERR_TRUNCATED',
    text: 'The total size is smaller than the header itself, or 2 GiB and more, which libfdt refuses.',
  },
  'fdt-block': {
    title: 'A block lies outside of the device tree',
    libfdt: '-FDT_ERR_TRUNCATED',
    text: 'The offset or the size of the memory reservation block, the structure block or the strings block leads into the header or past the total size.',
  },
  'fdt-reservations': {
    title: 'The memory reservation block does not end',
    libfdt: '-FDT_ERR_TRUNCATED',
    text: 'The list of reserved memory goes on until an entry of size 0. The device tree ended first.',
  },
  'fdt-end-missing': {
    title: 'The structure block does not end',
    libfdt: '-FDT_ERR_TRUNCATED',
    text: 'The structure block ran out before its token FDT_END (9).',
  },
  'fdt-token': {
    title: 'An unknown token',
    libfdt: '-FDT_ERR_BADSTRUCTURE',
    text: 'The structure block knows the tokens 1 (begin node), 2 (end node), 3 (property), 4 (nothing) and 9 (end). A lenient parse goes on at the next word that is one of them.',
  },
  'fdt-name-unterminated': {
    title: 'The name of a node does not end',
    libfdt: '-FDT_ERR_BADSTRUCTURE',
    text: 'The structure block ran out before the NUL of a node’s name.',
  },
  'fdt-property-cut': {
    title: 'A property runs past the structure block',
    libfdt: '-FDT_ERR_BADSTRUCTURE',
    text: 'The length of the property leads past the end of the structure block, or there is no room for its length and name.',
  },
  'fdt-property-outside': {
    title: 'A property outside of every node',
    libfdt: '-FDT_ERR_BADSTRUCTURE',
    text: 'A property token stands before the root node, or after its end.',
  },
  'fdt-unbalanced': {
    title: 'Nodes do not begin and end in pairs',
    libfdt: '-FDT_ERR_BADSTRUCTURE',
    text: 'A node is ended that was not begun, or the structure block ends inside a node.',
  },
  'fdt-second-root': {
    title: 'A node after the end of the root node',
    libfdt: '-FDT_ERR_BADSTRUCTURE',
    text: 'A tree has one root. A lenient parse takes what follows as children of it.',
  },
  'fdt-root-name': {
    title: 'The root node has a name',
    libfdt: '-FDT_ERR_BADSTRUCTURE',
    text: 'The name of the root node is empty (before version 16: `/`).',
  },
  'fdt-name-offset': {
    title: 'The name of a property lies outside of the strings block',
    libfdt: '-FDT_ERR_BADOFFSET',
    text: 'A property names itself by an offset into the strings block, and this one leads past it. Before version 17 libfdt looks no further than the total size. A lenient parse calls the property `?0x…` after its offset.',
  },
  'fdt-string-unterminated': {
    title: 'The name of a property does not end',
    libfdt: '-FDT_ERR_TRUNCATED',
    text: 'The strings block ran out before the NUL of a property’s name.',
  },
  'fdt-no-root': {
    title: 'There is no root node',
    libfdt: undefined,
    text: 'The structure block ends before any node. fdt_check_full takes such a tree, but then not even `/` is found in it (-FDT_ERR_BADOFFSET). A strict parse refuses it.',
  },
  'fdt-limit': {
    title: 'Larger than carryover reads',
    libfdt: undefined,
    text: 'Nodes nested deeper than the limit (1024, unless another is given) or a property name of more than 255 bytes: no real tree has them, and code that walks the tree must not be broken by them. Linux itself stops at a depth of 64. A strict parse refuses the tree, a lenient one leaves out what is deeper.',
  },
  'fdt-many-problems': {
    title: 'More problems than are listed',
    libfdt: undefined,
    text: 'A lenient parse lists the first thousand problems.',
  },
  'fdt-name-path': {
    title: 'The full path of a node does not fit where it stands',
    libfdt: undefined,
    text: 'Before version 16 a node’s name is its full path, which must be that of its parent and one more part. libfdt takes what follows the last slash.',
  },
  'fdt-property-late': {
    title: 'A property after a child node',
    libfdt: undefined,
    text: 'The properties of a node come before its children. libfdt and Linux do not see a property that comes later; dtc warns and takes it.',
  },
  'fdt-duplicate-property': {
    title: 'Two properties of one name',
    libfdt: undefined,
    text: 'libfdt finds the first one only; dtc refuses the tree.',
  },
  'fdt-duplicate-node': {
    title: 'Two children of one name',
    libfdt: undefined,
    text: 'libfdt finds the first one only; dtc refuses the tree.',
  },
  'fdt-alignment': {
    title: 'A block is not aligned',
    libfdt: undefined,
    text: 'The memory reservation block begins at a multiple of 8, the structure block at a multiple of 4. libfdt reads the tree anyway, on machines that can read unaligned words.',
  },
  'fdt-overlap': {
    title: 'Blocks overlap',
    libfdt: undefined,
    text: 'Two blocks of the tree share bytes. libfdt reads it anyway, and refuses to change it (-FDT_ERR_BADLAYOUT).',
  },
  'fdt-reservation-terminator': {
    title: 'The entry that ends the memory reservations has an address',
    libfdt: undefined,
    text: 'The list ends with an entry whose address and size are both 0. libfdt, dtc and Linux look at the size only.',
  },
  'fdt-old-version': {
    title: 'Version 1',
    libfdt: '-FDT_ERR_BADVERSION',
    text: 'No libfdt reads version 1. A strict parse of carryover does.',
  },
  'fdt-unwritable': {
    title: 'The tree cannot be written',
    libfdt: undefined,
    text: 'A value has no place in a flattened device tree: a name with a NUL in it, a reservation of size 0 (which would end the list), a boot CPU in version 1, more than 2 GiB.',
  },
} as const satisfies Record<string, FDTCodeText>;

export type FDTCode = keyof typeof FDT_CODES;

/** What `fdt_check_full` returns for a problem of that code; undefined where it accepts the tree. */
export function libfdtError(code: string): LibfdtError | undefined {
  return isFDTCode(code) ? FDT_CODES[code].libfdt : undefined;
}
export function isFDTCode(code: string): code is FDTCode {
  return Object.hasOwn(FDT_CODES, code);
}

/** The problems that a strict parse throws. Version 1 is all right for carryover. */
export function isFatal(code: FDTCode): boolean {
  if (code === 'fdt-no-root' || code === 'fdt-limit') return true;
  return code !== 'fdt-old-version' && FDT_CODES[code].libfdt !== undefined;
}
