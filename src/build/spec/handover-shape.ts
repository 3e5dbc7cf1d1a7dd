/** What a spec of a handover may say. */
import { RECEIVERS } from '../../formats/kho/index.js';
import { MemfdFolioFlags, MemfdSeals } from '../../formats/memfd/schema.js';
import { KHO_BUILDS, LUO_BUILDS, MEMFD_BUILDS } from '../handover/spec.js';
import {
  choice,
  constant,
  either,
  type Field,
  field,
  flags,
  list,
  map,
  needed,
  number,
  object,
  text,
  word,
} from './shape.js';

export function bitsOf(members: Readonly<Record<string, number | bigint>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(members).map(([name, bit]) => [name, Number(bit)]));
}

const piece = {
  at: field(word, 'where it begins, in bytes; behind the piece before if not given'),
  size: field(word, 'in bytes; more than it holds is followed by zeros'),
};
/** The only shape whose `file` names a file beside the spec. */
export const FILE_PIECE = object('a piece of a file', 'The content of a file beside the spec', {
  ...piece,
  file: needed(text, 'path, from the directory of the spec'),
  offset: field(word, 'where in the file it begins'),
});
const PIECES = either(
  object('a piece of text', 'Text', { ...piece, text: needed(text, 'UTF-8') }),
  object('a piece of bytes', 'Bytes', { ...piece, hex: needed(text, 'pairs of hexadecimal digits') }),
  FILE_PIECE,
  object('a filled piece', 'Bytes by a rule; needs `size`', {
    ...piece,
    fill: needed(
      text,
      '`zeros`; `offsets`: every 8 bytes say where they are; `random`; or hexadecimal digits to repeat',
    ),
    seed: field(number(0xffffffff), 'what `random` follows from'),
  }),
  object('a hole', 'Nothing was ever written there; needs `size`', {
    ...piece,
    hole: needed(constant(true), 'true'),
  }),
  object('absent memory', 'There is memory that the image does not have; needs `size`', {
    ...piece,
    absent: needed(constant(true), 'true'),
  }),
);
export const contentsShape = either(text, list(PIECES));

const folio = object('a run of folios', 'Folios that follow each other in the file and in memory', {
  index: field(word, 'place in the file, in pages; behind the run before if not given'),
  order: field(number(30), 'log2 of the pages of each'),
  count: field(number(2 ** 32), 'how many'),
  flags: field(flags(bitsOf(MemfdFolioFlags.members)), 'both if not given'),
  at: field(word, 'physical address of the first one'),
});

export const memfdShape = object('memfd', 'A memfd', {
  size: field(word, 'in bytes; as long as the contents if not given'),
  pos: field(word, 'position of the file'),
  seals: field(
    flags(bitsOf(MemfdSeals.members)),
    'F_SEAL_SEAL if not given, as of a memfd that takes no seals',
  ),
  flags: field(number(0xffffffff), '0 if not given'),
  contents: field(contentsShape, 'a text, or a list of pieces; what no piece covers is a hole'),
  folio_order: field(number(30), 'order of the folios where none are listed'),
  folios: field(list(folio), 'which folios there are; one for each page of the contents if not given'),
});

/** What is known of files and FLBs beside what is here already. */
export interface ShapeRegistry {
  readonly files: Readonly<Record<string, Field>>;
  readonly flbs: Readonly<Record<string, Field>>;
}

/** The shape of a handover, with the keys that builders were registered for. */
export function handoverShape(registry: ShapeRegistry) {
  const file = object('a file', 'A preserved file; one key beside `token` says what its handler left', {
    token: needed(word, 'what userspace finds it by'),
    compatible: field(text, "the handler's string; that of the kernel if not given"),
    data: field(word, "the handler's own word, where no key says what it points at"),
    memfd: field(memfdShape, 'a memfd'),
    ...registry.files,
  });
  const session = object('a session', 'A session of the Live Update Orchestrator', {
    name: needed(text, 'at most 63 bytes'),
    files: field(list(file), 'in the order in which they were preserved'),
  });
  const flb = object('an FLB', 'File-lifecycle-bound data; one key may say what it holds', {
    name: field(text, 'at most 47 bytes'),
    data: field(word, 'its word, where no key says what it points at'),
    count: field(word, 'how many files depend on it; all of them if not given'),
    ...registry.flbs,
  });
  return object('a handover', 'What a kernel hands over', {
    kernel: field(choice(RECEIVERS.map(({ release }) => release)), 'the release of Linux; 7.3 if not given'),
    kho: field(
      choice(KHO_BUILDS),
      'the generation of the root and its map, where it is not that of the kernel',
    ),
    luo: field(choice(LUO_BUILDS), 'the generation of sessions; `v1-6.19` has no node of FLBs'),
    memfd: field(choice(MEMFD_BUILDS), 'the generation of memfds'),
    abi: field(text, 'x86_64 if not given, aarch64 where pages are larger than 4 KiB; any other of 64 bits'),
    page_size: field(number(65536), '4 KiB, 16 KiB or 64 KiB; 4 KiB if not given'),
    memory: field(
      object('memory', 'Where things are put', {
        base: field(word, 'where automatic addresses begin; 16 MiB if not given'),
        seed: field(number(0xffffffff), 'leaves gaps that follow from this number'),
      }),
      'where things are put',
    ),
    scratch: field(
      list(
        object('a scratch area', 'Memory that the next kernel may use at once', {
          addr: needed(word, 'physical address'),
          size: needed(word, 'in bytes'),
        }),
      ),
      'nothing is put there, and setup_data or /chosen tell of it',
    ),
    liveupdate_num: field(word, 'which live update it is; 1 if not given'),
    sessions: field(list(session), 'sessions with their files'),
    flbs: field(list(flb), 'file-lifecycle-bound data, from 7.0 on'),
    memblock: field(
      map(
        object('a region', 'A region of reserve_mem=', {
          size: field(word, 'in bytes; as long as the contents if not given, at least a page'),
          at: field(word, 'physical address'),
          contents: field(contentsShape, 'what it holds'),
        }),
      ),
      'regions of reserve_mem= by their names',
    ),
    metadata: field(
      either(
        constant(false),
        object('metadata', 'Which kernel it was, and how often it kexeced', {
          previous_release: field(text, 'as `uname -r` says'),
          kexec_count: field(number(0xffffffff), 'as many as live updates if not given'),
        }),
      ),
      'kexec-metadata, from 7.1 on; false leaves it out',
    ),
    kho_test: field(
      object('kho_test', "The kernel's own test", {
        folios: needed(
          list(
            object('a folio of the test', "A folio of the kernel's own test", {
              order: field(number(20), 'log2 of its pages'),
              at: field(word, 'physical address'),
              contents: field(contentsShape, 'random if not given'),
            }),
          ),
          'its folios',
        ),
        nr_folios: field(number(0xffffffff), 'how many there are, where the image does not have their list'),
        seed: field(number(0xffffffff), 'what random contents follow from'),
        csum: field(number(0xffffffff), 'that of the contents if not given'),
      }),
      "the kernel's own test of KHO",
    ),
    blobs: field(
      map(
        object('a blob', 'A node that nobody knows', {
          contents: needed(contentsShape, 'what it holds'),
          at: field(word, 'physical address'),
        }),
      ),
      'other nodes of the root by their names',
    ),
    preserved: field(
      list(
        object('preserved memory', 'Blocks that no node leads to', {
          at: field(word, 'physical address'),
          order: field(number(40), 'log2 of the pages of each'),
          count: field(number(2 ** 32), 'how many'),
          contents: field(contentsShape, 'what they hold'),
        }),
      ),
      'preserved memory without an owner',
    ),
  });
}
