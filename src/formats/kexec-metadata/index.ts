/** The metadata of the kexec: release and count. */
import type { ValueOf } from '../../codec/index.js';
import type { Blob, HandoverCheck, SubtreeDecoder } from '../kho/extension.js';
import { isRecord } from '../kho/record.js';
import { many, type Walk } from '../kho/walk.js';
import { KEXEC_METADATA } from './rules.js';
import { KhoKexecMetadata, METADATA_SIZE, METADATA_VERSION } from './schema.js';

export { KEXEC_METADATA } from './rules.js';
export { KhoKexecMetadata, METADATA_SIZE, METADATA_VERSION } from './schema.js';

export type KexecMetadata = ValueOf<typeof KhoKexecMetadata>;

export const metadataSubtree: SubtreeDecoder = Object.freeze({
  name: 'kexec-metadata',
  decode: decodeMetadata,
});

export function decodeMetadata(blob: Blob, walk: Walk): KexecMetadata | undefined {
  const { bytes, path, address } = blob;
  if (bytes.length < METADATA_SIZE) {
    if (blob.complete)
      walk.find(
        KEXEC_METADATA.size,
        path,
        address,
        `The blob has ${many(bytes.length, 'byte')} instead of ${METADATA_SIZE}.`,
      );
    return undefined;
  }
  const value = walk.decodeBytes(KhoKexecMetadata, bytes.subarray(0, METADATA_SIZE), address, path);
  if (blob.size !== undefined && blob.size !== METADATA_SIZE)
    walk.find(
      KEXEC_METADATA['size-other'],
      path,
      address,
      `The blob has ${many(blob.size, 'byte')} instead of ${METADATA_SIZE}.`,
    );
  if (value.version !== METADATA_VERSION)
    walk.find(KEXEC_METADATA.version, `${path}.version`, address, `The version is ${value.version}.`);
  if (bytes.subarray(4, 69).indexOf(0) < 0)
    walk.find(KEXEC_METADATA.release, `${path}.previous_release`, address + 4n, 'The release does not end.');
  if (value.kexec_count === 0)
    walk.find(KEXEC_METADATA.count, `${path}.kexec_count`, address + 69n, 'The number of kexecs is 0.');
  return value;
}

/** The number of kexecs counts live updates too. */
export const checkKexecCount: HandoverCheck = (entries, walk) => {
  const metadata = entries['kexec-metadata'];
  const luo = entries.LUO;
  if (!isRecord(metadata) || !isRecord(luo)) return;
  const { kexec_count } = metadata;
  const { liveupdate_num } = luo;
  if (
    typeof kexec_count === 'number' &&
    typeof liveupdate_num === 'bigint' &&
    BigInt(kexec_count) < liveupdate_num
  )
    walk.find(
      KEXEC_METADATA.count,
      'entries.kexec-metadata.kexec_count',
      undefined,
      `There were ${many(kexec_count, 'kexec')}, but ${many(liveupdate_num, 'live update')}.`,
    );
};
