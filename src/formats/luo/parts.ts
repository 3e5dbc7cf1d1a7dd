/** The sessions, files and FLBs of a decoded handover, for checks between parts. */
import { isRecord } from '../kho/record.js';

/** A file with what its handler made of it. */
export interface FilePart {
  /** Where it is in the value: `entries.LUO.sessions[0].files[1]`. */
  readonly path: string;
  readonly session: number;
  readonly compatible: string;
  readonly token: bigint;
  readonly file: Readonly<Record<string, unknown>>;
}

/** Every file of every session. Gets the entries of the value by their names. */
export function filesOf(entries: Readonly<Record<string, unknown>>): FilePart[] {
  const { LUO } = entries;
  const sessions = isRecord(LUO) && Array.isArray(LUO.sessions) ? LUO.sessions : [];
  return sessions.flatMap((session: unknown, i) => {
    const files = isRecord(session) && Array.isArray(session.files) ? session.files : [];
    return files.flatMap((file: unknown, j): FilePart[] =>
      isRecord(file) && typeof file.compatible === 'string' && typeof file.token === 'bigint'
        ? [
            {
              path: `entries.LUO.sessions[${i}].files[${j}]`,
              session: i,
              compatible: file.compatible,
              token: file.token,
              file,
            },
          ]
        : [],
    );
  });
}

/** What the decoders of FLBs gave under that key, with their paths. */
export function flbsOf(
  entries: Readonly<Record<string, unknown>>,
  key: string,
): { readonly path: string; readonly value: unknown }[] {
  const { LUO } = entries;
  const flbs = isRecord(LUO) && Array.isArray(LUO.flbs) ? LUO.flbs : [];
  return flbs.flatMap((flb: unknown, i) =>
    isRecord(flb) && flb[key] !== undefined
      ? [{ path: `entries.LUO.flbs[${i}].${key}`, value: flb[key] }]
      : [],
  );
}
