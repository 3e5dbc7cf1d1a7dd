/** The content of a preserved file, by the names that people have for files. */
import { CarryoverError } from '../codec/index.js';
import type { Content } from '../formats/kho/content.js';
import { fileContents } from '../formats/kho/index.js';
import type { StateCode } from './codes.js';
import type { HandoverState } from './handover.js';
import { handoverNodeAt, handoverTree } from './handover-tree.js';

/** A preserved file: its session and what tells it there, its size, and its bytes. */
export interface PreservedFile {
  readonly path: string;
  readonly contents: Iterable<Content>;
}

/**
 * A preserved file by its path (`entries.LUO.sessions[0].files[1]`, or anything below it), or as
 * `SESSION/TOKEN`, the token as `0x1001` or decimal.
 *
 * @throws `path-unknown`, `kho-no-file`, `input-no-memory`
 */
export function preservedFile(state: HandoverState, name: string): PreservedFile {
  if (state.memory === undefined)
    throw new CarryoverError(
      'input-no-memory' satisfies StateCode,
      'the content of preserved files is only in an image of the memory',
    );
  const { handover } = state.memory;
  const listed = /^(?:value\.)?(?:entries\.)?(?:LUO\.)?(sessions\[.*)$/s.exec(name)?.[1];
  // By names and tokens as well as by places.
  const path =
    listed === undefined ? name : handoverNodeAt(handoverTree(state), `entries.LUO.${listed}`).path;
  const [, session, file] =
    /^(?:value\.)?(?:entries\.)?(?:LUO\.)?sessions\[(\d{1,9})\]\.files\[(\d{1,9})\]/.exec(path) ?? [];
  if (session !== undefined && file !== undefined)
    return {
      path: `entries.LUO.sessions[${session}].files[${file}]`,
      contents: fileContents(handover, Number(session), Number(file)),
    };
  const slash = name.lastIndexOf('/');
  const token = name.slice(slash + 1);
  if (slash > 0 && /^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(token))
    return { path: name, contents: fileContents(handover, name.slice(0, slash), BigInt(token)) };
  throw new CarryoverError(
    'path-unknown',
    `${JSON.stringify(name)} names no preserved file; a file is entries.LUO.sessions[0].files[0], or SESSION/TOKEN such as vm-alpha/0x1001`,
  );
}
