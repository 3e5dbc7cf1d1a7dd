/** The content of a file, as the handover tells where it lies. */
import { handlerFor } from '../luo/handler.js';
import type { Content } from './content.js';
import { khoError } from './error.js';
import type { Handover } from './handover.js';
import { isRecord } from './record.js';
import { hexText } from './walk.js';

/**
 * The content of a preserved file. The session is told by its name or place, the file by its token (a bigint)
 * or place (a number).
 *
 * @throws `kho-no-file` where there is no such file, or no decoder for its content.
 */
export function fileContents(
  handover: Handover,
  session: string | number,
  file: bigint | number,
): Iterable<Content> {
  const luo = handover.value.entries.LUO;
  const sessions = isRecord(luo) && Array.isArray(luo.sessions) ? luo.sessions : [];
  const found: unknown = sessions.find(
    (candidate: unknown, i) => isRecord(candidate) && (candidate.name === session || i === session),
  );
  const files = isRecord(found) && Array.isArray(found.files) ? found.files : undefined;
  if (files === undefined) throw khoError('kho-no-file', `there is no session ${JSON.stringify(session)}`);
  const chosen: unknown = files.find(
    (candidate: unknown, i) =>
      isRecord(candidate) && (typeof file === 'bigint' ? candidate.token === file : i === file),
  );
  if (!isRecord(chosen) || typeof chosen.compatible !== 'string')
    throw khoError(
      'kho-no-file',
      `the session has no file ${typeof file === 'bigint' ? `with the token ${hexText(file)}` : file}`,
    );
  const handler = handlerFor(chosen.compatible, handover.registry);
  const value = handler && chosen[handler.key];
  if (handler?.contents === undefined || value === undefined)
    throw khoError('kho-no-file', `nothing is known of the content of a ${chosen.compatible}`);
  return handler.contents(value, handover.walk);
}
