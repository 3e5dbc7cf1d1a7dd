/** Builds guest_memfds: their folios, the array that lists them, and the struct that leads to it. */
import {
  GUEST_MEMFD_FOLIO_UPTODATE,
  GuestMemfdFlags,
  GuestMemfdFolioFlags,
  GuestMemfdLuoSer,
  type GuestMemfdValue,
} from '../../formats/guest-memfd/index.js';
import { fileContents } from '../../formats/kho/index.js';
import { buildError } from '../build-error.js';
import { contentsOf } from '../handover/contents.js';
import { piecesOfContent } from '../handover/contents-of.js';
import type { FileBuilder } from '../handover/extension.js';
import { folioArray } from '../handover/folio-array.js';
import { describeFolios, endOf, FOLIO_SIZE, type Folios, foliosOf, keepFolios } from '../handover/folios.js';
import type { ContentsSpec, FolioSpec, PieceSpec, Word } from '../handover/spec.js';
import { bitsOf, contentsShape } from '../spec/handover-shape.js';
import { field, flags, list, number, object, word } from '../spec/shape.js';
import { smallOf, wordOf } from '../words.js';
import { hasPrivateMemory } from './kvm-vm.js';
import { namedFile, VM_FILE } from './session-files.js';

export interface GuestMemfdSpec {
  /** In bytes, whole pages; as long as the contents if not given, at least a page. */
  readonly size?: Word;
  /** 1 MMAP, 2 INIT_SHARED; both if not given. */
  readonly flags?: number;
  /** The VM's file in the same session; the only one if not given. */
  readonly vm_token?: Word;
  readonly contents?: ContentsSpec;
  /** Which folios there are; one for each page of the contents that is no hole if not given. */
  readonly folios?: readonly Omit<FolioSpec, 'order'>[];
}

const SIZE = 48;
const INIT_SHARED = 2;
const USUAL_FLAGS = 3;

/** Whole pages, at least one. */
function pagesFor(bytes: bigint, pageSize: number): bigint {
  const page = BigInt(pageSize);
  return bytes === 0n ? page : ((bytes + page - 1n) / page) * page;
}

export const guestMemfdBuilder: FileBuilder = {
  key: 'guest_memfd',
  field: field(
    object('guest_memfd', 'Memory of a guest', {
      size: field(word, 'in bytes, whole pages; as long as the contents if not given, at least a page'),
      flags: field(flags(bitsOf(GuestMemfdFlags.members)), 'both if not given'),
      vm_token: field(word, 'the token of its VM in the same session; the only VM if not given'),
      contents: field(contentsShape, 'a text, or a list of pieces; what no piece covers is a hole'),
      folios: field(
        list(
          object('pages of a guest_memfd', 'Pages that follow each other in the file and in memory', {
            index: field(word, 'place in the file, in pages; behind the run before if not given'),
            count: field(number(2 ** 32), 'how many'),
            flags: field(flags(bitsOf(GuestMemfdFolioFlags.members)), 'UPTODATE if not given'),
            at: field(word, 'physical address of the first one'),
          }),
        ),
        'which pages there are; those of the contents if not given',
      ),
    }),
    'memory of a guest',
  ),
  compatible: () => 'guest_memfd_luo_v1',
  build: (value, builder, place) => {
    // The spec of a file says that this key has the type.
    const spec = value as GuestMemfdSpec;
    const path = `${place.path}.guest_memfd`;
    const { pageSize } = builder;
    const vm = namedFile(builder, place.session, VM_FILE, spec.vm_token, `${path}.vm_token`);
    if (hasPrivateMemory(vm.file, builder))
      throw buildError(
        'build-value',
        `${path}.vm_token`,
        'a VM with private memory cannot be preserved with it',
      );
    const flags = smallOf(spec.flags ?? USUAL_FLAGS, 2, `${path}.flags`);
    if ((flags & INIT_SHARED) === 0)
      throw buildError('build-value', `${path}.flags`, 'only memory with INIT_SHARED can be preserved');
    const contents = contentsOf(spec.contents, `${path}.contents`, builder.readFile);
    const size =
      spec.size === undefined ? pagesFor(contents.size, pageSize) : wordOf(spec.size, `${path}.size`);
    if (size === 0n || size >= 1n << 63n || size % BigInt(pageSize) !== 0n || size < contents.size)
      throw buildError(
        'build-value',
        `${path}.size`,
        size < contents.size
          ? `the contents have ${contents.size} bytes, more than ${size}`
          : `${size} bytes are not one or more whole pages of ${pageSize} bytes`,
      );
    const folios = foliosOf(
      spec.folios === undefined ? {} : { folios: spec.folios },
      contents,
      size,
      GUEST_MEMFD_FOLIO_UPTODATE,
      builder,
      path,
    );
    checkPlaces(folios, size / BigInt(pageSize), `${path}.folios`);
    const count = keepFolios(folios, builder, place.session, place.token);
    const descriptor = builder.vmalloc(
      `${path}.folios`,
      count * FOLIO_SIZE,
      folioArray(folios, builder.abi.endian === 'little'),
    );
    const region = builder.object(path, GuestMemfdLuoSer, SIZE, () => ({
      size,
      flags: BigInt(flags),
      nr_folios: count,
      vm_token: vm.token,
      folios: descriptor(),
    }));
    return () => region.address;
  },
  saysCompatible: (compatible) => (compatible === 'guest_memfd_luo_v1' ? {} : { compatible }),
  describe: (value, describer, { session, token, path }) => {
    // What the decoder of guest_memfds gives under this key.
    const { size, flags, vm_token, folios } = value as GuestMemfdValue;
    const { handover } = describer;
    const { pageSize } = handover.walk;
    const content = piecesOfContent(fileContents(handover, session, token), describer.inline);
    const pieces = withoutRest(content.pieces, pageSize);
    const found = describeFolios(folios, pieces, GUEST_MEMFD_FOLIO_UPTODATE, describer);
    return {
      ...(size === pagesFor(endOf(pieces), pageSize) ? {} : { size }),
      ...(flags === BigInt(USUAL_FLAGS) ? {} : { flags: Number(flags) }),
      vm_token,
      ...(found.folios === undefined ? {} : { folios: found.folios.map(({ order: _, ...folio }) => folio) }),
      ...describer.contents(`${path}.guest_memfd`, { pieces, omitted: content.omitted }),
    } satisfies GuestMemfdSpec;
  },
};

/** Pages lie within the file, by ascending index. */
function checkPlaces(folios: readonly Folios[], pages: bigint, path: string): void {
  let next = 0n;
  for (const [i, { built }] of folios.entries()) {
    if (built.index < next)
      throw buildError(
        'build-value',
        `${path}[${i}]`,
        'pages are in the order of the file, each of them once',
      );
    next = built.index + BigInt(built.count);
    if (next > pages)
      throw buildError(
        'build-value',
        `${path}[${i}]`,
        `the file has ${pages} pages, and they end at ${next}`,
      );
  }
}

/** Zeros behind the last bytes are there anyway, as far as their page goes. */
function withoutRest(pieces: readonly PieceSpec[], pageSize: number): readonly PieceSpec[] {
  const pages = pagesFor(endOf(pieces), pageSize);
  for (let kept = pieces; ; ) {
    const shorter = withoutTail(kept);
    if (shorter === undefined || pagesFor(endOf(shorter), pageSize) !== pages) return kept;
    kept = shorter;
  }
}
/** Without the zeros that the last piece is or ends in; undefined if there are none. */
function withoutTail(pieces: readonly PieceSpec[]): readonly PieceSpec[] | undefined {
  const last = pieces[pieces.length - 1];
  const before = pieces.slice(0, -1);
  if (last === undefined) return undefined;
  if ('fill' in last) return last.fill === 'zeros' && before.length > 0 ? before : undefined;
  if (last.size === undefined || !('text' in last || 'hex' in last)) return undefined;
  const { size: _, ...rest } = last;
  return [...before, rest];
}
