/** Files of a session that other files refer to by their tokens. */
import { baseVersion } from '../../formats/kho/generations.js';
import { buildError } from '../build-error.js';
import type { HandoverBuilder } from '../handover/builder.js';
import type { FileSpec } from '../handover/spec.js';
import { wordOf } from '../words.js';

/** What is referred to. */
export interface FileKind {
  /** The key of its builder. */
  readonly key: string;
  /** The string of its handler. */
  readonly compatible: string;
  /** As it is called in errors: `VM`. */
  readonly name: string;
}
export const IOMMUFD_FILE: FileKind = { key: 'iommufd', compatible: 'iommufd-v1', name: 'iommufd' };
export const VM_FILE: FileKind = { key: 'kvm_vm', compatible: 'kvm_vm_luo_v1', name: 'VM' };

interface FoundFile {
  readonly token: bigint;
  readonly file: FileSpec;
}

function filesOf(builder: HandoverBuilder, session: string, kind: FileKind): FoundFile[] {
  return (builder.sessions.get(session) ?? [])
    .filter((file) =>
      file.compatible === undefined
        ? file[kind.key] !== undefined
        : baseVersion(file.compatible) === kind.compatible,
    )
    .map((file) => ({ file, token: wordOf(file.token, `${session}.token`) }));
}

/**
 * The file that a token names, or the only one that there is.
 *
 * @throws `build-value` where there is none, or none is named and there are several.
 */
export function namedFile(
  builder: HandoverBuilder,
  session: string,
  kind: FileKind,
  asked: number | bigint | undefined,
  path: string,
): FoundFile {
  const files = filesOf(builder, session, kind);
  const there =
    files.length === 0
      ? `the session has no ${kind.name}`
      : `the session has the ${kind.name} ${files.map(({ token }) => `0x${token.toString(16)}`).join(', ')}`;
  if (asked === undefined) {
    const [only] = files;
    if (only === undefined || files.length > 1)
      throw buildError('build-value', path, `nothing says which ${kind.name} it is: ${there}`);
    return only;
  }
  const token = wordOf(asked, path);
  const found = files.find((file) => file.token === token);
  if (found === undefined)
    throw buildError('build-value', path, `0x${token.toString(16)} is no ${kind.name}: ${there}`);
  return found;
}
