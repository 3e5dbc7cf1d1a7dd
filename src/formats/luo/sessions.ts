/** From the list of sessions to each session and its files. */
import { followBlocks } from '../kho/blocks.js';
import type { Registry } from '../kho/extension.js';
import type { Walk } from '../kho/walk.js';
import type { Entries } from './entries.js';
import { readFiles } from './files.js';
import { contiguous, ofBlocks, type Read } from './lists.js';
import { nameProblems } from './read.js';
import { LUO } from './rules.js';
import { LuoSessionSer, LuoSessionSerV1, SIZES } from './schema.js';
import { recogniseSystemd } from './systemd.js';
import type { LuoSession } from './value.js';

export function readSessions(
  entries: Entries,
  walk: Walk,
  registry: Registry,
  path: string,
  origin: bigint,
): Read<LuoSession> {
  const { generation, sessions: first, sessionSize } = entries;
  if (first === undefined) return { list: [], complete: false };
  if (first === 0n) {
    walk.find(LUO['not-serialized'], path, origin, 'There is no list of sessions.');
    return { list: [], complete: true };
  }
  const { list, complete } =
    generation.sessions === 'blocks'
      ? ofBlocks(followBlocks(walk, first, SIZES.session, path, 'panic'))
      : contiguous(walk, first, 16, 8, sessionSize, undefined, path, 'the sessions', (count, capacity) =>
          walk.find(
            LUO['session-count'],
            path,
            first,
            `The list says that it has ${count} sessions; ${capacity} fit into 16 pages.`,
          ),
        );
  const names = new Set<string>();
  const sessions = list.map(({ address, bytes }, i): LuoSession => {
    const at = `${path}[${i}]`;
    const { name, file_set } =
      sessionSize === 80
        ? walk.decodeBytes(LuoSessionSer, bytes, address, at)
        : { ...walk.decodeBytes(LuoSessionSerV1, bytes, address, at), file_set: { files: 0n, count: 0n } };
    const odd = nameProblems(bytes.subarray(0, 64));
    if (odd.unterminated || odd.empty)
      walk.find(
        LUO['session-name'],
        `${at}.name`,
        address,
        odd.empty
          ? 'The session has no name.'
          : 'The name of the session does not end within its 64 bytes: the next kernel cuts it to 63 characters.',
      );
    else if (odd.unprintable || odd.tail)
      walk.find(
        LUO['session-name-odd'],
        `${at}.name`,
        address,
        odd.tail ? 'There is something behind the end of the name.' : 'The name cannot be printed.',
      );
    // The kernel cuts names to 63 characters.
    const cut = name.slice(0, 63);
    if (names.has(cut))
      walk.find(
        LUO['session-duplicate'],
        `${at}.name`,
        address,
        `There is a session ${JSON.stringify(cut)} before this one.`,
      );
    names.add(cut);
    const files = readFiles(generation, file_set, walk, registry, `${at}.files`, address);
    const systemd = name === 'systemd' ? recogniseSystemd(files.list, registry, walk) : undefined;
    return {
      name,
      files: files.list,
      ...(files.complete ? {} : { files_incomplete: true }),
      ...(systemd === undefined ? {} : { systemd }),
    };
  });
  return { list: sessions, complete };
}
