/** Builds memfds: their folios, the array that lists them, and the struct that leads to it. */
import { fileContents, type Handover } from '../../formats/kho/index.js';
import { MemfdLuoSerV1, MemfdLuoSerV2, type MemfdValue, SIZES } from '../../formats/memfd/index.js';
import { FOLIO_DIRTY, FOLIO_UPTODATE } from '../../formats/memfd/schema.js';
import { buildError } from '../build-error.js';
import { smallOf, wordOf } from '../words.js';
import type { HandoverBuilder } from './builder.js';
import { contentsOf } from './contents.js';
import { piecesOfContent } from './contents-of.js';
import type { FileBuilder } from './extension.js';
import { folioArray } from './folio-array.js';
import { describeFolios, endOf, FOLIO_SIZE, foliosOf, keepFolios } from './folios.js';
import type { MemfdSpec } from './spec.js';

/** Of folios that a spec says nothing else of. */
const USUAL_FLAGS = FOLIO_DIRTY | FOLIO_UPTODATE;

export const memfdBuilder: FileBuilder = {
  key: 'memfd',
  compatible: ({ generations }: HandoverBuilder) => `memfd-v${generations.memfd}`,
  build: (value, builder, { path, session, token, file }) => {
    // The spec of a file says that this key has the type.
    const spec = value as MemfdSpec;
    const at = `${path}.memfd`;
    const version = file.compatible === undefined ? builder.generations.memfd : versionOf(file.compatible);
    const contents = contentsOf(spec.contents, `${at}.contents`, builder.readFile);
    const size = spec.size === undefined ? contents.size : wordOf(spec.size, `${at}.size`);
    if (size < contents.size)
      throw buildError(
        'build-value',
        `${at}.size`,
        `the contents have ${contents.size} bytes, more than ${size}`,
      );
    const folios = foliosOf(spec, contents, size, USUAL_FLAGS, builder, at);
    const count = keepFolios(folios, builder, session, token);
    const descriptor = builder.vmalloc(
      `${at}.folios`,
      count * FOLIO_SIZE,
      folioArray(folios, builder.abi.endian === 'little'),
    );
    const common = () => ({
      pos: spec.pos === undefined ? 0n : wordOf(spec.pos, `${at}.pos`),
      size,
      nr_folios: count,
      folios: descriptor(),
    });
    const region =
      version === 1
        ? builder.object(at, MemfdLuoSerV1, SIZES.v1, common)
        : builder.object(at, MemfdLuoSerV2, SIZES.v2, () => ({
            ...common(),
            // A memfd that was made without MFD_ALLOW_SEALING has F_SEAL_SEAL.
            seals: smallOf(spec.seals ?? 1, 32, `${at}.seals`),
            flags: smallOf(spec.flags ?? 0, 32, `${at}.flags`),
          }));
    return () => region.address;
  },
  // A memfd of another generation than that of the kernel is rare, and told.
  saysCompatible: (compatible, { handover }) =>
    compatible === generationFor(handover) ? {} : { compatible },
  describe: (value, describer, { session, token, path }) => {
    // What the decoder of memfds gives under this key.
    const memfd = value as MemfdValue;
    const { handover } = describer;
    const { pieces, omitted } = piecesOfContent(fileContents(handover, session, token), describer.inline);
    const folios = describeFolios(memfd.folios, pieces, USUAL_FLAGS, describer);
    const end = endOf(pieces);
    return {
      ...(memfd.size === end ? {} : { size: memfd.size }),
      ...(memfd.pos === 0n ? {} : { pos: memfd.pos }),
      ...(memfd.seals === undefined || memfd.seals === 1 ? {} : { seals: memfd.seals }),
      ...(memfd.flags === undefined || memfd.flags === 0 ? {} : { flags: memfd.flags }),
      ...folios,
      ...describer.contents(`${path}.memfd`, { pieces, omitted }),
    } satisfies MemfdSpec;
  },
};

/** The string of memfds of the kernel that a spec of this handover names. */
function generationFor({ generation }: Handover): string {
  return generation?.name === 'v1a' || generation?.name === 'v1b' ? 'memfd-v1' : 'memfd-v2';
}

function versionOf(compatible: string): 1 | 2 {
  return compatible.startsWith('memfd-v1') ? 1 : 2;
}
